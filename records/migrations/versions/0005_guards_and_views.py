"""Triggers that keep history append-only, and read-only views for dashboards."""

from __future__ import annotations

from alembic import op

revision = "0005_guards_and_views"
down_revision = "0004_alarms"
branch_labels = None
depends_on = None

_APPEND_ONLY = ("audit", "alarm_event", "report_version", "rule_setting")

_ALARM_VIEW = """
CREATE VIEW grafana_alarm AS
SELECT alarm.id, {raised} AS raised_at, {cleared} AS cleared_at, {acknowledged} AS acknowledged_at,
       alarm.facility, facility.name_vi AS facility_name_vi, facility.name_en AS facility_name_en,
       facility.shard, alarm.subject, alarm.rule, alarm.severity, alarm.state, alarm.acknowledged,
       alarm.acknowledged_by, alarm.late
FROM alarm LEFT JOIN facility ON facility.code = alarm.facility
"""
_DELIVERY_VIEW = """
CREATE VIEW grafana_delivery AS
SELECT outbox.state, outbox.channel, count(*) AS messages, max(outbox.attempts) AS most_attempts,
       {oldest} AS oldest_created_at, {newest} AS newest_sent_at
FROM outbox GROUP BY outbox.state, outbox.channel
"""


def upgrade() -> None:
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    for table in _APPEND_ONLY:
        for statement in _postgresql_guard(table) if on_postgresql else _sqlite_guard(table):
            op.execute(statement)
    time = _postgresql_time if on_postgresql else _sqlite_time
    moments = {name: time(f"alarm.{name}_us") for name in ("raised", "cleared", "acknowledged")}
    op.execute(_ALARM_VIEW.format(**moments))
    oldest, newest = time("min(outbox.created_us)"), time("max(outbox.sent_us)")
    op.execute(_DELIVERY_VIEW.format(oldest=oldest, newest=newest))


def downgrade() -> None:
    op.execute("DROP VIEW grafana_delivery")
    op.execute("DROP VIEW grafana_alarm")
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    for table in _APPEND_ONLY:
        if on_postgresql:
            op.execute(f"DROP TRIGGER {table}_append_only ON {table}")
            op.execute(f"DROP TRIGGER {table}_no_truncate ON {table}")
        else:
            op.execute(f"DROP TRIGGER {table}_no_update")
            op.execute(f"DROP TRIGGER {table}_no_delete")
    if on_postgresql:
        op.execute("DROP FUNCTION refuse_change()")


def _postgresql_guard(table: str) -> list[str]:
    refuse = (
        "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'append-only: %', TG_TABLE_NAME; END $$"
    )
    rows = f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table}"
    whole = f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table}"
    return [
        refuse,
        f"{rows} FOR EACH ROW EXECUTE FUNCTION refuse_change()",
        f"{whole} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
    ]


def _sqlite_guard(table: str) -> list[str]:
    refuse = f"BEGIN SELECT RAISE(ABORT, 'append-only: {table}'); END"
    return [
        f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} {refuse}",
        f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} {refuse}",
    ]


def _postgresql_time(micros: str) -> str:
    # to_timestamp takes a double, which is exact to a microsecond until the year 2255.
    return f"to_timestamp({micros} / 1000000.0)"


def _sqlite_time(micros: str) -> str:
    return f"strftime('%Y-%m-%dT%H:%M:%fZ', {micros} / 1000000.0, 'unixepoch')"
