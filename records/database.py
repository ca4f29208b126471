"""The system of record: one schema on SQLite (embedded) and PostgreSQL, opened by address.

Services take a `Transaction`; whoever calls them decides what belongs together:

    async with database.write() as tx:
        await alarms.acknowledge(tx, alarm_id, actor="lan", now_us=now)

Leaving the block commits, an exception rolls everything back.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection, CursorResult, Executable, Row, RowMapping, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from records.engines import Waits, make_engine, parse, reading
from records.faults import translated
from records.key_ring import KeyRing
from records.migrate import upgrade

T = TypeVar("T")
Parameters = Mapping[str, Any] | Sequence[Mapping[str, Any]]
Guard = Callable[["Transaction"], Awaitable[None]]
"""Raises when nothing may be written."""


class RecordsSettings(BaseModel):
    """Where the records are kept.

    Attributes:
        url: `sqlite:///FOLDER/records.sqlite` or `postgresql://USER@HOST:PORT/DATABASE`.
        password_file: File whose first line is the PostgreSQL password; None when none is needed.
        key_file: Master keys of personal data; without it only those cannot be read or written.
        key_backup_file: A second copy, kept apart; looked at by checks and kept up by rotation.
        lock_timeout_s, statement_timeout_s: How long to wait before a call ends as Retryable.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = Field(repr=False)
    password_file: Path | None = None
    key_file: Path | None = None
    key_backup_file: Path | None = None
    lock_timeout_s: float = Field(default=10.0, gt=0)
    statement_timeout_s: float = Field(default=60.0, gt=0)

    def open(self) -> Database:
        """Return the database; connects at first use. Raises Permanent for an address it cannot use."""
        waits = Waits(lock_s=self.lock_timeout_s, statement_s=self.statement_timeout_s)
        keys = None if self.key_file is None else KeyRing(self.key_file)
        return Database(self.address(), waits, keys)

    def address(self) -> str:
        """Return `url` with the password in it: a secret. Raises Permanent for an address it cannot use."""
        if self.password_file is None:
            return self.url
        password = self.password_file.read_text(encoding="utf-8").split("\n", 1)[0]
        return parse(self.url).set(password=password).render_as_string(hide_password=False)


class Transaction:
    """One unit of work, given out by `Database`; not for use by several tasks at once.

    Attributes:
        keys: Master keys of personal data, or None when no key file is configured.
        lease_token: Of the lease under which it writes; 0 without one.
    """

    def __init__(
        self,
        connection: AsyncConnection,
        *,
        writable: bool,
        keys: KeyRing | None = None,
        lease_token: int = 0,
    ) -> None:
        self.keys = keys
        self.lease_token = lease_token
        self._connection = connection
        self._writable = writable

    @property
    def on_postgresql(self) -> bool:
        """Whether the statement goes to PostgreSQL (else SQLite)."""
        return self._connection.dialect.name == "postgresql"

    async def execute(self, statement: Executable, parameters: Parameters | None = None) -> CursorResult[Any]:
        """Run a statement. Raises Retryable, Permanent or Rejected as `records.faults` tells."""
        if not self._writable and getattr(statement, "is_dml", False):
            raise RuntimeError("a change needs `Database.write()`, this unit of work only reads")
        with translated():
            return await self._connection.execute(statement, parameters)

    async def rows(self, statement: Executable, parameters: Parameters | None = None) -> Sequence[RowMapping]:
        """Return all rows by column name."""
        return (await self.execute(statement, parameters)).mappings().all()

    async def row(self, statement: Executable) -> RowMapping | None:
        """Return the first row by column name, or None."""
        return (await self.execute(statement)).mappings().first()

    async def scalar(self, statement: Executable) -> Any:
        """Return the first column of the first row, or None."""
        return (await self.execute(statement)).scalar()

    async def pages(self, statement: Executable, size: int) -> AsyncIterator[Sequence[Row[Any]]]:
        """Yield all rows, `size` at a time, in bounded memory. Raises as `execute`."""
        with translated():
            result = await self._connection.stream(statement, execution_options={"yield_per": size})
            async for page in result.partitions(size):
                yield page

    async def run_sync(self, step: Callable[[Connection], T]) -> T:
        """Return what a function of SQLAlchemy's plain connection returns, as reflection is. Raises alike."""
        with translated():
            return await self._connection.run_sync(step)

    def insert(self, table: Table) -> postgresql.Insert:
        """Return an INSERT with `on_conflict_…`; both dialects spell it alike."""
        if self.on_postgresql:
            return postgresql.insert(table)
        return cast("postgresql.Insert", sqlite.insert(table))


class Database:
    """The records. One per process; safe for many tasks of one event loop."""

    def __init__(self, url: str, waits: Waits | None = None, keys: KeyRing | None = None) -> None:
        """Keep the address; nothing is opened before the first use. Raises Permanent for a wrong address."""
        self._keys = keys
        self._writers: AsyncEngine = make_engine(url, waits or Waits())
        self._readers: AsyncEngine = reading(self._writers)
        self._url = url
        self._guard: Guard | None = None
        self._lease_token = 0
        # SQLite lets one writer in; waiting here is fair, waiting inside SQLite is polling and may starve.
        self._turn: contextlib.AbstractAsyncContextManager[Any] = (
            asyncio.Lock() if self._writers.dialect.name == "sqlite" else contextlib.nullcontext()
        )

    @contextlib.asynccontextmanager
    async def read(self) -> AsyncIterator[Transaction]:
        """Yield a transaction that sees one snapshot and changes nothing. Raises Retryable, Permanent."""
        async with _connected(self._readers) as connection:
            yield Transaction(connection, writable=False, keys=self._keys)

    @contextlib.asynccontextmanager
    async def write(self) -> AsyncIterator[Transaction]:
        """Yield a transaction that is committed when the block ends and undone when it raises.

        Raises Retryable (locked, down, or the commit's answer was lost), Permanent, Rejected.
        """
        async with self._turn, _connected(self._writers) as connection:
            tx = Transaction(connection, writable=True, keys=self._keys, lease_token=self._lease_token)
            if self._guard is not None:
                await self._guard(tx)
            yield tx
            with translated():
                await connection.commit()

    def guarded(self, guard: Guard, lease_token: int) -> Database:
        """Return this database, with its connections, as one whose every `write` begins with `guard`.

        Whoever is given it cannot forget to ask; what `guard` raises comes out of `write`.
        """
        other = copy.copy(self)
        other._guard = guard
        other._lease_token = lease_token
        return other

    async def migrate(self) -> None:
        """Bring the schema to the newest revision; safe when several processes start at once.

        Raises Retryable when the database does not answer, Permanent when it is newer than this program.
        """
        await upgrade(self._url)

    async def close(self) -> None:
        """Close every connection; safe to repeat."""
        await self._writers.dispose()


@contextlib.asynccontextmanager
async def _connected(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Yield a connection in a transaction; leaving rolls back whatever was not committed."""
    connection = engine.connect()
    with translated():
        await connection.start()
    try:
        with translated():
            await connection.begin()
        yield connection
    finally:
        # The block's own error matters more than a server that is gone by now; and a cancelled task
        # must still hand its connection back.
        with contextlib.suppress(Exception):
            await asyncio.shield(connection.close())
