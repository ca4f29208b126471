"""Where every gateway stands in the broker's topic tree."""

from __future__ import annotations

from sqlalchemy import select

from oxygen.wire.topics import GatewayAddress
from records.database import Transaction
from records.registry.models import facility, gateway


async def addresses(tx: Transaction) -> dict[str, GatewayAddress]:
    """Return the address of every gateway in use, by code."""
    query = (
        select(gateway.c.code, gateway.c.facility, facility.c.shard)
        .join(facility, facility.c.code == gateway.c.facility)
        .where(gateway.c.retired_us.is_(None))
    )
    return {
        row["code"]: GatewayAddress(row["shard"], row["facility"], row["code"])
        for row in await tx.rows(query)
    }
