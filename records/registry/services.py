"""Reading and changing the registry. Every change is audited and raises the registry's version."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from sqlalchemy import Table, select, update

from records import audit
from records.database import Transaction
from records.refusals import bad_value, changed_meanwhile, check_code
from records.registry import models
from records.registry.structs import Bank, Facility, Gateway, Registry, SupplySystem, Tank

Entry = TypeVar("Entry", Facility, Gateway, Tank, Bank, SupplySystem)


async def registry_version(tx: Transaction) -> int:
    """Return the version of the registry and the rules; programs read it every few seconds."""
    return int(await tx.scalar(select(models.registry_version.c.version)) or 0)


async def registry(tx: Transaction) -> Registry:
    """Return everything that is registered, with the version it stands at."""
    return Registry(
        version=await registry_version(tx),
        facilities=await _all(tx, models.facility, Facility),
        gateways=await _all(tx, models.gateway, Gateway),
        tanks=await _all(tx, models.tank, Tank),
        banks=await _all(tx, models.bank, Bank),
        systems=await _all(tx, models.supply_system, SupplySystem),
    )


async def put_facility(
    tx: Transaction, facility: Facility, *, actor: str, now_us: int, expected_version: int | None = None
) -> Facility:
    """Insert or update a facility; see `_put` for what all of these share."""
    check_code("shard", facility.shard)
    return await _put(tx, models.facility, facility, actor, now_us, expected_version)


async def put_gateway(
    tx: Transaction, gateway: Gateway, *, actor: str, now_us: int, expected_version: int | None = None
) -> Gateway:
    """Insert or update a gateway."""
    return await _put(tx, models.gateway, gateway, actor, now_us, expected_version)


async def put_tank(
    tx: Transaction, tank: Tank, *, actor: str, now_us: int, expected_version: int | None = None
) -> Tank:
    """Insert or update a tank."""
    if not tank.working_pressure_pa > 0:
        raise bad_value("working_pressure_pa", tank.working_pressure_pa, "> 0")
    if not 0 <= tank.heel_fraction < tank.fill_limit_fraction <= 1:
        raise bad_value("heel_fraction", tank.heel_fraction, "0 ≤ heel_fraction < fill_limit_fraction ≤ 1")
    if not tank.expected_every_s > 0:
        raise bad_value("expected_every_s", tank.expected_every_s, "> 0")
    return await _put(tx, models.tank, tank, actor, now_us, expected_version)


async def put_bank(
    tx: Transaction, bank: Bank, *, actor: str, now_us: int, expected_version: int | None = None
) -> Bank:
    """Insert or update a cylinder bank."""
    return await _put(tx, models.bank, bank, actor, now_us, expected_version)


async def put_system(
    tx: Transaction, system: SupplySystem, *, actor: str, now_us: int, expected_version: int | None = None
) -> SupplySystem:
    """Insert or update a supply system."""
    return await _put(tx, models.supply_system, system, actor, now_us, expected_version)


async def import_registry(tx: Transaction, wanted: Registry, *, actor: str, now_us: int) -> Registry:
    """Put every entry of `wanted`; the same import again changes nothing. Nothing is removed.

    Returns the whole registry as it stands afterwards.
    """
    for facility in wanted.facilities:
        await put_facility(tx, facility, actor=actor, now_us=now_us)
    for gateway in wanted.gateways:
        await put_gateway(tx, gateway, actor=actor, now_us=now_us)
    for system in wanted.systems:
        await put_system(tx, system, actor=actor, now_us=now_us)
    for tank in wanted.tanks:
        await put_tank(tx, tank, actor=actor, now_us=now_us)
    for bank in wanted.banks:
        await put_bank(tx, bank, actor=actor, now_us=now_us)
    return await registry(tx)


async def bump_version(tx: Transaction) -> int:
    """Raise the registry's version and return it; also the lock that puts registry changes in a row."""
    table = models.registry_version
    changed = await tx.scalar(update(table).values(version=table.c.version + 1).returning(table.c.version))
    return int(changed)


async def _all(tx: Transaction, table: Table, shape: type[Entry]) -> tuple[Entry, ...]:
    return tuple(_as(shape, row) for row in await tx.rows(select(table).order_by(table.c.code)))


async def _put(
    tx: Transaction, table: Table, entry: Entry, actor: str, now_us: int, expected_version: int | None
) -> Entry:
    """Insert or update by code and return the entry as stored, its version raised.

    An entry equal to the stored one changes nothing, not even a version. With `expected_version` (0: must
    not exist yet) a change based on another version raises Rejected `changed_meanwhile`; an unknown facility
    or gateway raises Rejected `constraint`.
    """
    check_code(f"{table.name}.code", entry.code)
    found = await tx.row(select(table).where(table.c.code == entry.code))
    before = _as(type(entry), found) if found else None
    stored = before.version if before else 0
    if before is not None and before == msgspec.structs.replace(entry, version=stored):
        return before
    if expected_version is not None and expected_version != stored:
        raise changed_meanwhile(table.name, entry.code)
    after = msgspec.structs.replace(entry, version=stored + 1)
    await _store(tx, table, after, stored)
    await bump_version(tx)
    detail = {"before": before, "after": after}
    await audit.record(
        tx,
        at_us=now_us,
        actor=actor,
        action="registry.put",
        subject=f"{table.name}:{entry.code}",
        detail=detail,
    )
    return after


async def _store(tx: Transaction, table: Table, entry: Any, stored_version: int) -> None:
    values = {column.name: getattr(entry, column.name) for column in table.columns}
    if stored_version == 0:
        statement = tx.insert(table).values(values).on_conflict_do_nothing()
        done = await tx.execute(statement)
    else:
        current = (table.c.code == entry.code) & (table.c.version == stored_version)
        done = await tx.execute(update(table).where(current).values(values))
    if done.rowcount != 1:
        raise changed_meanwhile(table.name, entry.code)


def _as(shape: type[Entry], row: Any) -> Entry:
    return shape(**row)
