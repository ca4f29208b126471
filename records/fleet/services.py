"""Desired configurations, append-only; what gateways report of them, and of their health."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import func, select

from records import audit
from records.database import Transaction
from records.fleet import models
from records.fleet.structs import DesiredConfig, GatewayHealth, ReportedConfig
from records.refusals import bad_value, changed_meanwhile, not_found

BODY_LIMIT = 65_536
"""Bytes of a configuration; a message to a gateway holds it whole."""
_FIELDS = DesiredConfig.__struct_fields__


def sha256_of(body: str) -> str:
    """Return the hash of a configuration, hexadecimal."""
    return hashlib.sha256(body.encode()).hexdigest()


async def put_config(
    tx: Transaction,
    gateway: str,
    body: str,
    *,
    note: str,
    actor: str,
    now_us: int,
    expected_version: int | None = None,
) -> DesiredConfig:
    """Add a version, which is the desired one from now on, and return it.

    The body has been checked against the agent's own rules by the caller. The body that is desired already
    adds nothing. With `expected_version` a change based on another one raises Rejected `changed_meanwhile`
    (0: there must be none yet).
    """
    size = len(body.encode())
    if size > BODY_LIMIT:
        raise bad_value("body", f"{size} bytes", f"≤ {BODY_LIMIT} bytes")
    before = await desired_config(tx, gateway)
    stored = before.version if before else 0
    if expected_version not in (None, stored):
        raise changed_meanwhile("gateway_config", gateway)
    if before is not None and before.body == body:
        return before
    after = DesiredConfig(gateway, stored + 1, sha256_of(body), body, note, actor, now_us)
    values = msgspec.structs.asdict(after)
    done = await tx.execute(tx.insert(models.gateway_config).values(values).on_conflict_do_nothing())
    if done.rowcount != 1:
        raise changed_meanwhile("gateway_config", gateway)
    detail = {"version": after.version, "sha256": after.sha256, "note": note, "before": stored}
    await audit.record(
        tx,
        at_us=now_us,
        actor=actor,
        action="gateway.configure",
        subject=f"gateway:{gateway}",
        detail=detail,
    )
    return after


async def restore_config(
    tx: Transaction, gateway: str, version: int, *, actor: str, now_us: int
) -> DesiredConfig:
    """Make an earlier version's body the desired one again, as a new version. Raises Rejected `not_found`."""
    earlier = await config_version(tx, gateway, version)
    if earlier is None:
        raise not_found("gateway_config", f"{gateway}/{version}")
    note = f"version {version}"
    return await put_config(tx, gateway, earlier.body, note=note, actor=actor, now_us=now_us)


async def desired_config(tx: Transaction, gateway: str) -> DesiredConfig | None:
    """Return the desired configuration, or None when none was ever given."""
    found = await config_versions(tx, gateway, limit=1)
    return found[0] if found else None


async def config_version(tx: Transaction, gateway: str, version: int) -> DesiredConfig | None:
    """Return one version, or None."""
    table = models.gateway_config.c
    row = await tx.row(
        select(models.gateway_config).where(table.gateway == gateway, table.version == version)
    )
    return None if row is None else _config(row)


async def config_versions(tx: Transaction, gateway: str, *, limit: int = 100) -> list[DesiredConfig]:
    """Return a gateway's versions, newest first."""
    table = models.gateway_config
    query = select(table).where(table.c.gateway == gateway).order_by(table.c.version.desc()).limit(limit)
    return [_config(row) for row in await tx.rows(query)]


async def desired_configs(tx: Transaction) -> dict[str, DesiredConfig]:
    """Return the desired configuration of every gateway that has one."""
    table = models.gateway_config
    newest = (
        select(table.c.gateway, func.max(table.c.version).label("version"))
        .group_by(table.c.gateway)
        .subquery()
    )
    same = (table.c.gateway == newest.c.gateway) & (table.c.version == newest.c.version)
    rows = await tx.rows(select(table).join(newest, same))
    return {row["gateway"]: _config(row) for row in rows}


async def newest_config_id(tx: Transaction) -> int:
    """Return a number that grows with every new version of any gateway; 0 before the first."""
    return int(await tx.scalar(select(func.max(models.gateway_config.c.id))) or 0)


async def report_config(tx: Transaction, reported: ReportedConfig) -> None:
    """Keep what a gateway says of its configuration, in place of what it said before."""
    statement = tx.insert(models.gateway_config_state).values(msgspec.structs.asdict(reported))
    await tx.execute(
        statement.on_conflict_do_update(
            index_elements=["gateway"], set_=_replaced(statement, ReportedConfig.__struct_fields__)
        )
    )


async def reported_configs(tx: Transaction) -> dict[str, ReportedConfig]:
    """Return what every gateway said last of its configuration."""
    rows = await tx.rows(select(models.gateway_config_state))
    return {row["gateway"]: ReportedConfig(**row) for row in rows}


async def put_healths(tx: Transaction, several: Sequence[GatewayHealth]) -> None:
    """Keep what gateways say of themselves, each in place of what it said before.

    `last_online_us` None leaves the one that is known.
    """
    if not several:
        return
    statement = tx.insert(models.gateway_health)
    replaced = _replaced(statement, ("facility", "state", "received_us"))
    replaced["last_online_us"] = func.coalesce(
        statement.excluded.last_online_us, models.gateway_health.c.last_online_us
    )
    rows = [
        {name: getattr(health, name) for name in GatewayHealth.__struct_fields__}
        for health in sorted(several, key=lambda health: health.gateway)
    ]
    await tx.execute(statement.on_conflict_do_update(index_elements=["gateway"], set_=replaced), rows)


async def healths(tx: Transaction) -> dict[str, GatewayHealth]:
    """Return what every gateway said last of itself."""
    return {row["gateway"]: GatewayHealth(**row) for row in await tx.rows(select(models.gateway_health))}


def _config(row: Any) -> DesiredConfig:
    return DesiredConfig(**{name: row[name] for name in _FIELDS})


def _replaced(statement: Any, names: Iterable[str]) -> dict[str, Any]:
    return {name: statement.excluded[name] for name in names if name != "gateway"}
