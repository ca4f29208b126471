"""Triggers and references, lifted while a dump is loaded and put back as they were.

A trigger would refuse or repeat what the dump holds already; references between rows hold only when all rows
are there. Both need no more than the owner of the tables.
"""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, text

from oxygen.errors import Rejected
from records.backup.dump import counters

_POSTGRESQL_REFERENCES = """
SELECT conrelid::regclass::text AS name, quote_ident(conname) AS constraint_name,
       pg_get_constraintdef(oid) AS definition
FROM pg_constraint WHERE contype = 'f' AND connamespace = 'public'::regnamespace
"""
_POSTGRESQL_GUARDED = """
SELECT DISTINCT tgrelid::regclass::text AS name FROM pg_trigger
JOIN pg_class ON pg_class.oid = tgrelid
WHERE NOT tgisinternal AND relnamespace = 'public'::regnamespace
"""


class Guards(NamedTuple):
    """Statements that put back what was lifted."""

    statements: list[str]

    @classmethod
    def lift(cls, connection: Connection) -> Guards:
        """Lift every trigger and reference, within the caller's transaction."""
        if connection.dialect.name == "sqlite":
            query = text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
            triggers = [(row["name"], row["sql"]) for row in connection.execute(query).mappings()]
            for name, _ in triggers:
                connection.exec_driver_sql(f'DROP TRIGGER "{name}"')
            return cls([sql for _, sql in triggers])
        back = []
        for row in connection.execute(text(_POSTGRESQL_REFERENCES)).mappings().all():
            table, name = row["name"], row["constraint_name"]
            connection.exec_driver_sql(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
            back.append(f"ALTER TABLE {table} ADD CONSTRAINT {name} {row['definition']}")
        for table in connection.execute(text(_POSTGRESQL_GUARDED)).scalars().all():
            connection.exec_driver_sql(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            back.append(f"ALTER TABLE {table} ENABLE TRIGGER USER")
        return cls(back)

    def put_back(self, connection: Connection) -> None:
        """Put everything back. Raises Rejected when rows refer to rows that are not there."""
        for statement in self.statements:
            connection.exec_driver_sql(statement)
        if connection.dialect.name == "sqlite":
            broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
            if broken is not None:
                detail = f"row {broken[1]} of {broken[0]} refers to a missing row of {broken[2]}"
                raise Rejected(detail, code="restore_inconsistent", detail=detail)

    def set_counters(self, connection: Connection, last_ids: dict[str, int]) -> None:
        """Let no number be given a second time."""
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("DELETE FROM sqlite_sequence")
            rows = list(last_ids.items())
            if rows:
                connection.exec_driver_sql("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", rows)
            return
        for table, sequence in counters(connection).items():
            last = last_ids.get(table)
            query = text("SELECT setval(CAST(:sequence AS regclass), :value, :called)")
            values = {"sequence": sequence, "value": last or 1, "called": last is not None}
            connection.execute(query, values)
