"""Another program on the same records; run by tests as a process of its own.

other_process.py URL increment CONTACT_ID TIMES    raise the number in a contact's name, version by version
other_process.py URL hold                          change a cursor, say so, and never commit
other_process.py URL migrate                       bring the schema up to date
other_process.py URL audit ACTOR TIMES             add entries to the audit, some of them slowly
other_process.py URL seal                          seal the audit until standard input ends
"""

from __future__ import annotations

import asyncio
import sys

import msgspec

from oxygen.errors import Rejected
from records import alarms, audit, messages
from records.database import Database


async def increment_once(database: Database, contact_id: int) -> None:
    """Add 1 to the number in the contact's name; starts anew whenever another writer was faster."""
    while True:
        async with database.read() as tx:
            contact = next(each for each in await messages.contacts(tx) if each.id == contact_id)
        changed = msgspec.structs.replace(contact, name=str(int(contact.name) + 1))
        try:
            async with database.write() as tx:
                await messages.put_contact(tx, changed, actor="counter", now_us=1)
            return
        except Rejected as refusal:
            if refusal.code != "changed_meanwhile":
                raise


async def _hold(database: Database) -> None:
    async with database.write() as tx:
        await alarms.put_cursor(tx, "evaluator", 99)
        sys.stdout.write("changed\n")
        sys.stdout.flush()
        await asyncio.sleep(3600)


async def _audit(database: Database, actor: str, times: int) -> None:
    for number in range(times):
        async with database.write() as tx:
            await audit.record(tx, at_us=number, actor=actor, action="test.note", subject="test")
            if number % 10 == 0:
                await asyncio.sleep(0.01)


async def _seal(database: Database) -> None:
    ended = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
    while not ended.done():
        async with database.write() as tx:
            await audit.seal(tx, 1, limit=25)
        await asyncio.sleep(0.005)


async def _main(url: str, what: str, *arguments: str) -> None:
    database = Database(url)
    if what == "hold":
        await _hold(database)
    elif what == "audit":
        await _audit(database, arguments[0], int(arguments[1]))
    elif what == "seal":
        await _seal(database)
    elif what == "migrate":
        await database.migrate()
    else:
        for _ in range(int(arguments[1])):
            await increment_once(database, int(arguments[0]))
    await database.close()


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
