"""Audit rows sealed in blocks; who acted from where; runs of backups."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006_audit_blocks"
down_revision = "0005_guards_and_views"
branch_labels = None
depends_on = None

_COLUMNS = ("address", "before", "after", "reason")
_INDICES = (("actor", "id"), ("action", "id"), ("at_us",))


def _triggers(on_postgresql: bool) -> list[str]:
    wait = "INSERT INTO audit_unsealed (audit_id, at_us) VALUES (NEW.id, NEW.at_us);"
    if not on_postgresql:
        refuse = "BEGIN SELECT RAISE(ABORT, 'append-only: audit_block'); END"
        return [
            f"CREATE TRIGGER audit_await_seal AFTER INSERT ON audit BEGIN {wait} END",
            f"CREATE TRIGGER audit_block_no_update BEFORE UPDATE ON audit_block {refuse}",
            f"CREATE TRIGGER audit_block_no_delete BEFORE DELETE ON audit_block {refuse}",
        ]
    queue = "CREATE FUNCTION audit_await_seal() RETURNS trigger LANGUAGE plpgsql AS"
    each = "CREATE TRIGGER audit_await_seal AFTER INSERT ON audit FOR EACH ROW"
    rows = "CREATE TRIGGER audit_block_append_only BEFORE UPDATE OR DELETE ON audit_block FOR EACH ROW"
    whole = "CREATE TRIGGER audit_block_no_truncate BEFORE TRUNCATE ON audit_block FOR EACH STATEMENT"
    return [
        f"{queue} $$ BEGIN {wait} RETURN NULL; END $$",
        f"{each} EXECUTE FUNCTION audit_await_seal()",
        f"{rows} EXECUTE FUNCTION refuse_change()",
        f"{whole} EXECUTE FUNCTION refuse_change()",
    ]


def _row_id() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _tables() -> None:
    op.create_table(
        "audit_unsealed",
        sa.Column("audit_id", _row_id(), autoincrement=False, nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("audit_id", name=op.f("pk_audit_unsealed")),
    )
    op.create_table(
        "audit_block",
        sa.Column("id", _row_id(), autoincrement=False, nullable=False),
        sa.Column("first_id", sa.BigInteger(), nullable=False),
        sa.Column("last_id", sa.BigInteger(), nullable=False),
        sa.Column("row_count", sa.Integer(), nullable=False),
        sa.Column("members", sa.Text(), nullable=False),
        sa.Column("rows_hash", sa.Text(), nullable=False),
        sa.Column("previous_hash", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("sealed_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_block")),
        sa.UniqueConstraint("previous_hash", name=op.f("uq_audit_block_previous_hash")),
    )


def _backup_run() -> None:
    op.create_table(
        "backup_run",
        sa.Column("id", _row_id(), autoincrement=True, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("started_us", sa.BigInteger(), nullable=False),
        sa.Column("finished_us", sa.BigInteger(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=True),
        sa.Column("sha256", sa.Text(), nullable=True),
        sa.Column("encrypted", sa.Boolean(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.CheckConstraint("kind IN ('backup', 'restore', 'proof')", name=op.f("ck_backup_run_kind")),
        sa.CheckConstraint("outcome IN ('ok', 'failed')", name=op.f("ck_backup_run_outcome")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_backup_run")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        op.f("ix_backup_run_kind_outcome_finished_us"),
        "backup_run",
        ["kind", "outcome", "finished_us"],
        unique=False,
    )


def upgrade() -> None:
    # Not in batch mode: making the table anew would lose its append-only triggers.
    for name in _COLUMNS:
        op.add_column("audit", sa.Column(name, sa.Text(), nullable=True))
    for columns in _INDICES:
        op.create_index(op.f(f"ix_audit_{'_'.join(columns)}"), "audit", list(columns), unique=False)
    _tables()
    _backup_run()
    # Rows from before the first block are sealed like new ones.
    op.execute("INSERT INTO audit_unsealed (audit_id, at_us) SELECT id, at_us FROM audit")
    for statement in _triggers(op.get_bind().dialect.name == "postgresql"):
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("backup_run")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TRIGGER audit_await_seal ON audit")
        op.execute("DROP FUNCTION audit_await_seal()")
    else:
        op.execute("DROP TRIGGER audit_await_seal")
    op.drop_table("audit_block")
    op.drop_table("audit_unsealed")
    for columns in reversed(_INDICES):
        op.drop_index(op.f(f"ix_audit_{'_'.join(columns)}"), table_name="audit")
    for name in reversed(_COLUMNS):
        op.drop_column("audit", name)
