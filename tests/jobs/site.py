"""Records and time series of one installation, as tests of backups write, read and destroy them."""

from __future__ import annotations

from contextlib import aclosing
from typing import Any

from sqlalchemy import select

from oxygen.units import US_PER_DAY
from records import audit, messages
from records.backup.shapes import reflect
from records.database import Database
from telemetry import TelemetrySettings, open_store
from telemetry.contract import RAW, FieldValue, Point, Row, Selection, TelemetryStore

# 21 November 2026, 10:05 in Viet Nam, is 03:05 UTC.
AT_US = 1_795_230_300_000_000
TAGS = (("facility", "bv, chợ lớn"), ("subject", "tank:a=1"))


class Site:
    """Records and time series of one installation."""

    def __init__(self, url: str, telemetry: TelemetrySettings) -> None:
        self.url = url
        self.telemetry = telemetry
        self.database = Database(url)
        self.store: TelemetryStore = open_store(telemetry)
        self.mails = 0
        self.points = 0

    async def write(self) -> None:
        """Add a mail, an audit row and the cursor that counts them, in one transaction; then a point."""
        async with self.database.write() as tx:
            mail = messages.ReceivedMail(1, "a@b.example", ["c@d.example"], "Gấp", "Còn ít.\n")
            await messages.add_received_mail(tx, mail)
            await audit.record(tx, at_us=AT_US, actor="lan", action="test", subject="test")
            if self.mails % 10 == 9:
                await audit.seal(tx, AT_US)
        self.mails += 1
        await self.store.write([point(self.points)])
        self.points += 1

    async def close(self) -> None:
        await self.database.close()
        await self.store.close()


def point(number: int) -> Point:
    fields: dict[str, FieldValue] = {
        "dp_pa": number + 0.5,
        "seq": number,
        "epoch": 'e "1"\\',
        "ok": number % 2 == 0,
    }
    return Point(RAW, TAGS, AT_US + number, fields)


async def rows_of(settings: TelemetrySettings) -> list[Row]:
    store = open_store(settings, readonly=True)
    try:
        selection = Selection(RAW, {}, 0, AT_US + US_PER_DAY)
        async with aclosing(store.rows(selection)) as rows:  # type: ignore[type-var]
            return [row async for row in rows]
    finally:
        await store.close()


async def tables_of(url: str, *, without: tuple[str, ...] = ()) -> dict[str, list[Any]]:
    database = Database(url)
    try:
        async with database.read() as tx:
            found = {}
            for table in await tx.run_sync(reflect):
                if table.name not in without:
                    rows = await tx.rows(select(table).order_by(*table.primary_key.columns))
                    found[table.name] = [tuple(row.values()) for row in rows]
            return found
    finally:
        await database.close()
