"""Alembic's entry: run on the connection that `records.migrate` hands over, in its transaction."""

from __future__ import annotations

from alembic import context

from records.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
