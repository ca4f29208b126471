"""The version of the registry, which programs read every few seconds to learn that something changed."""

from __future__ import annotations

from sqlalchemy import select, update

from records.database import Transaction
from records.registry.models import registry_version as table


async def registry_version(tx: Transaction) -> int:
    """Return the version of the registry, the units and the rules."""
    return int(await tx.scalar(select(table.c.version)) or 0)


async def bump_version(tx: Transaction) -> int:
    """Raise the registry's version and return it; also the lock that puts registry changes in a row."""
    changed = await tx.scalar(update(table).values(version=table.c.version + 1).returning(table.c.version))
    return int(changed)


async def wait_for_turn(tx: Transaction) -> None:
    """Wait for other changes of the registry to end, and let none begin until this transaction ends."""
    await tx.execute(update(table).values(version=table.c.version))
