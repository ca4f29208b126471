"""Sealing the audit: rows are hashed into blocks, and each block holds the hash of the one before it.

A row is inserted plain, so that writers never wait for each other. A trigger puts its id into
`audit_unsealed` in the same transaction. Sealing takes ids out of that table and puts them into a block, in
one transaction. Why no row is missed or sealed twice, on either database:

- A row and its waiting id become visible together, when their transaction commits. A transaction that is
  still open shows neither; whenever it commits, even long after rows with higher ids were sealed, its ids
  wait and the next block takes them. So a block names its rows one by one, not by a range of ids.
- An id leaves `audit_unsealed` in the transaction that adds the block holding it. When that fails, it waits.
- One sealing at a time: SQLite has one writer; PostgreSQL has an advisory lock, and should it ever be passed
  over, the key on `previous_hash` lets only one of two blocks follow the same block.

What seals cannot show: somebody who may write to the database can drop the newest blocks, or make all
blocks anew from a certain one on. The heads that were sent out of the system show that.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import RowMapping, Select, Text, delete, func, select, type_coerce

from oxygen.units import US_PER_S
from records.audit.models import audit, audit_block, audit_unsealed
from records.database import Transaction

GENESIS = "0" * 64
"""What the first block has in place of the hash of an earlier one."""

ROWS_PER_BLOCK = 2000
TAIL_LIMIT_S = 60.0
HEAD_TEMPLATE = "audit_head"
"""Template of the message that tells a block's hash to somebody outside the system."""

_LOCK = 0x0A9_5EA1  # advisory lock of sealing; any constant that nobody else uses
_JSON_COLUMNS = ("detail", "before", "after")
_HASHED = ("id", "at_us", "actor", "action", "subject", "detail", "address", "before", "after", "reason")


class Block(msgspec.Struct, frozen=True):
    """A sealed block.

    Attributes:
        id: 1, 2, 3 …, without holes.
        first_id, last_id: The lowest and the highest id of its rows; rows of other blocks may lie between.
        row_count: How many rows it holds.
        members: Each row's id and hash, by id.
        rows_hash: Over `members`.
        previous_hash: `hash` of the block before; GENESIS for the first.
        hash: Over everything above but `members`, and `sealed_us`.
        sealed_us: When, µs since 1970 UTC.
    """

    id: int
    first_id: int
    last_id: int
    row_count: int
    members: list[tuple[int, str]]
    rows_hash: str
    previous_hash: str
    hash: str
    sealed_us: int


class Tail(msgspec.Struct, frozen=True):
    """Rows that no block holds yet: how many, and since when the oldest of them waits."""

    rows: int
    oldest_us: int


async def seal(tx: Transaction, now_us: int, *, limit: int = ROWS_PER_BLOCK) -> Block | None:
    """Put up to `limit` rows that are committed and wait into a new block, and return it.

    Returns None when nothing waits, or when another program is sealing. Call it again at once while blocks
    come back full. Raises Retryable, or Rejected when another program sealed at the same moment: try later.
    """
    if tx.on_postgresql and not await tx.scalar(select(func.pg_try_advisory_xact_lock(_LOCK))):
        return None
    waiting = hashed_columns().join(audit_unsealed, audit_unsealed.c.audit_id == audit.c.id)
    rows = await tx.rows(waiting.order_by(audit.c.id).limit(limit))
    if not rows:
        return None
    block = next_block(await newest_block(tx), [(row["id"], row_hash(row)) for row in rows], now_us)
    ids = [number for number, _ in block.members]
    await tx.execute(delete(audit_unsealed).where(audit_unsealed.c.audit_id.in_(ids)))
    await tx.execute(audit_block.insert().values(msgspec.structs.asdict(block)))
    return block


def next_block(newest: Block | None, members: Sequence[tuple[int, str]], now_us: int) -> Block:
    """Return the block that follows `newest` and holds these rows (id and hash, ascending)."""
    draft = Block(
        id=1 if newest is None else newest.id + 1,
        first_id=members[0][0],
        last_id=members[-1][0],
        row_count=len(members),
        members=list(members),
        rows_hash=members_hash(members),
        previous_hash=GENESIS if newest is None else newest.hash,
        hash="",
        sealed_us=now_us,
    )
    return msgspec.structs.replace(draft, hash=block_hash(draft))


async def newest_block(tx: Transaction) -> Block | None:
    """Return the head of the chain, or None before the first block."""
    row = await tx.row(select(audit_block).order_by(audit_block.c.id.desc()).limit(1))
    return None if row is None else Block(**row)


async def sealed_rows(tx: Transaction) -> int:
    """Return how many rows the blocks hold together."""
    return int(await tx.scalar(select(func.coalesce(func.sum(audit_block.c.row_count), 0))))


async def unsealed_tail(tx: Transaction) -> Tail | None:
    """Return what waits to be sealed, or None."""
    query = select(func.count().label("rows"), func.min(audit_unsealed.c.at_us).label("oldest_us"))
    row = await tx.row(query)
    return Tail(row["rows"], row["oldest_us"]) if row is not None and row["rows"] else None


async def overdue_tail(tx: Transaction, now_us: int, *, limit_s: float = TAIL_LIMIT_S) -> Tail | None:
    """Return the unsealed tail when its oldest row is older than `limit_s`: nobody seals. Else None."""
    tail = await unsealed_tail(tx)
    if tail is None or now_us - tail.oldest_us <= round(limit_s * US_PER_S):
        return None
    return tail


def hashed_columns() -> Select[Any]:
    """Select what is hashed of each row; JSON as the very text that is stored."""
    columns = [
        type_coerce(audit.c[name], Text).label(name) if name in _JSON_COLUMNS else audit.c[name]
        for name in _HASHED
    ]
    return select(*columns)


def row_hash(row: RowMapping) -> str:
    """Return the SHA-256 of a row of `hashed_columns`, hexadecimal."""
    return _sha256([row[name] for name in _HASHED])


def members_hash(members: Sequence[tuple[int, str]]) -> str:
    """Return the SHA-256 over ids and hashes of a block's rows, in their order."""
    return _sha256([[number, digest] for number, digest in members])


def block_hash(block: Block) -> str:
    """Return the hash that a block must have."""
    places = [block.id, block.first_id, block.last_id, block.row_count]
    return _sha256([*places, block.rows_hash, block.previous_hash, block.sealed_us])


def _sha256(values: list[Any]) -> str:
    # ASCII, no blanks: one text for one value, in any language that has JSON.
    return hashlib.sha256(json.dumps(values, separators=(",", ":")).encode("ascii")).hexdigest()
