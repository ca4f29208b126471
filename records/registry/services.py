"""Reading and changing the registry. Every change is audited and raises the registry's version.

The `put_…` functions insert or update by code and return the entry as stored; `storing.put_entry` tells what
they share.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Table, select

from oxygen.errors import Rejected
from records.database import Transaction
from records.registry import holding_models, models
from records.registry.checks import CHECKS
from records.registry.counting import registry_version, wait_for_turn
from records.registry.holdings import Body, Sensor, Supplier, SupplierSite, SupplyLink, VesselLot
from records.registry.personal_fields import sealed_entry
from records.registry.storing import E, Entry, all_entries, find_entry, put_entry, retired
from records.registry.structs import Bank, Facility, Gateway, Registry, SupplySystem, Tank

TABLES: dict[type[Any], Table] = {
    Body: holding_models.body,
    Facility: models.facility,
    Supplier: holding_models.supplier,
    SupplierSite: holding_models.supplier_site,
    SupplyLink: holding_models.supply_link,
    Gateway: models.gateway,
    SupplySystem: models.supply_system,
    Tank: models.tank,
    Bank: models.bank,
    Sensor: holding_models.sensor,
    VesselLot: holding_models.vessel_lot,
}
"""Table of every kind of entry; an entry refers only to kinds that stand before its own."""


async def registry(tx: Transaction) -> Registry:
    """Return everything that is in use and that programs run by, with the version it stands at."""
    return Registry(
        version=await registry_version(tx),
        facilities=await entries(tx, Facility),
        gateways=await entries(tx, Gateway),
        tanks=await entries(tx, Tank),
        banks=await entries(tx, Bank),
        systems=await entries(tx, SupplySystem),
    )


async def entries(tx: Transaction, shape: type[E], *, with_retired: bool = False) -> tuple[E, ...]:
    """Return every entry of a kind, ordered by code; those taken out of use only when asked for."""
    return await all_entries(tx, TABLES[shape], shape, with_retired=with_retired)


async def put(
    tx: Transaction, entry: E, *, actor: str, now_us: int, expected_version: int | None = None
) -> E:
    """Insert or update an entry of any kind; telephone numbers are sealed.

    Raises Rejected as its check, `storing.put_entry` and `personal_fields.sealed_entry` tell.
    """
    CHECKS[type(entry)](entry)
    if isinstance(entry, Facility):
        await _check_shard(tx, entry)
    table = TABLES[type(entry)]
    await check_references(tx, table, entry)
    before = await find_entry(tx, table, type(entry), entry.code)
    entry = await sealed_entry(tx, table, entry, before, actor=actor, now_us=now_us)
    return await put_entry(tx, table, entry, actor, now_us, expected_version)


async def put_facility(
    tx: Transaction, facility: Facility, *, actor: str, now_us: int, expected_version: int | None = None
) -> Facility:
    """Insert or update a facility. Raises Rejected `shard_fixed` for another shard while it has gateways."""
    return await put(tx, facility, actor=actor, now_us=now_us, expected_version=expected_version)


async def put_gateway(
    tx: Transaction, gateway: Gateway, *, actor: str, now_us: int, expected_version: int | None = None
) -> Gateway:
    """Insert or update a gateway."""
    return await put(tx, gateway, actor=actor, now_us=now_us, expected_version=expected_version)


async def put_tank(
    tx: Transaction, tank: Tank, *, actor: str, now_us: int, expected_version: int | None = None
) -> Tank:
    """Insert or update a tank."""
    return await put(tx, tank, actor=actor, now_us=now_us, expected_version=expected_version)


async def put_bank(
    tx: Transaction, bank: Bank, *, actor: str, now_us: int, expected_version: int | None = None
) -> Bank:
    """Insert or update a cylinder bank."""
    return await put(tx, bank, actor=actor, now_us=now_us, expected_version=expected_version)


async def put_system(
    tx: Transaction, system: SupplySystem, *, actor: str, now_us: int, expected_version: int | None = None
) -> SupplySystem:
    """Insert or update a supply system."""
    return await put(tx, system, actor=actor, now_us=now_us, expected_version=expected_version)


async def import_registry(tx: Transaction, wanted: Registry, *, actor: str, now_us: int) -> Registry:
    """Put every entry of `wanted`; the same import again changes nothing. Nothing is removed.

    Returns the whole registry as it stands afterwards.
    """
    await wait_for_turn(tx)
    kinds = (wanted.facilities, wanted.gateways, wanted.systems, wanted.tanks, wanted.banks)
    for kind in kinds:
        for entry in kind:
            await put(tx, entry, actor=actor, now_us=now_us)
    return await registry(tx)


async def _check_shard(tx: Transaction, facility: Facility) -> None:
    """Hold that the topics of gateways out there stay theirs, whatever provinces are called."""
    stored = await find_entry(tx, models.facility, Facility, facility.code)
    if stored is None or stored.shard == facility.shard:
        return
    here = models.gateway.c.facility == facility.code
    if await tx.scalar(select(models.gateway.c.code).where(here).limit(1)) is not None:
        raise Rejected(
            f"facility {facility.code} has gateways, so its shard stays {stored.shard}",
            code="shard_fixed",
            facility=facility.code,
            shard=stored.shard,
        )


async def check_references(tx: Transaction, table: Table, entry: Entry) -> None:
    """Raise Rejected `retired` when an entry refers to something that was taken out of use."""
    tables = {each.name: each for each in TABLES.values()}
    for column in table.columns:
        for key in column.foreign_keys:
            other, code = tables.get(key.column.table.name), getattr(entry, column.name)
            if other is None or code is None:
                continue
            if await tx.scalar(select(other.c.retired_us).where(other.c.code == code)) is not None:
                raise retired(other.name, code)
