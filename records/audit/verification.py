"""Verifying the sealed audit: every way in which it can have been changed has a name."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import msgspec
from sqlalchemy import RowMapping, Text, func, select, type_coerce

from records.audit.models import audit, audit_block, audit_unsealed
from records.audit.sealing import (
    GENESIS,
    Block,
    block_hash,
    hashed_columns,
    members_hash,
    row_hash,
)
from records.database import Transaction

Progress = Callable[[int, int], None]
"""Told (blocks done, blocks in all)."""

_BLOCKS_AT_A_TIME = 20
_IDS_AT_A_TIME = 20_000
_MOST_MISSING = 1000
"""How many missing blocks in a row are named one by one."""
_MOST_MEMBERS = 30_000
_HIGHEST_ID = 2**40
"""Bounds against a forged block that would have us fill the memory."""

_BLOCK_COLUMNS = [
    type_coerce(column, Text).label(column.name) if column.name == "members" else column
    for column in audit_block.c
]


class Problem(msgspec.Struct, frozen=True):
    """A mark of tampering.

    Attributes:
        kind: `edited_row`, `deleted_row`, `inserted_row`, `row_sealed_twice`, `block_altered` (its contents
            do not have its hash), `block_missing`, `chain_broken` (it does not follow the block before it:
            blocks were taken out, put in or reordered), `head_missing` and `head_differs` (against a head
            known from outside).
        block: Number of the block, or None when none is concerned.
        row: Id of the row, or None when a block as a whole is concerned.
    """

    kind: str
    block: int | None = None
    row: int | None = None


class Head(NamedTuple):
    """A block's number and hash, as it was sent out of the system."""

    block: int
    hash: str


class Verdict(msgspec.Struct, frozen=True):
    """What a verification found.

    Attributes:
        blocks, rows: How many were read.
        unsealed: Rows that wait for their block, and so are not protected yet.
        head: The newest block; compare it with what was sent out of the system.
        problems: Empty when everything is as it was written.
    """

    blocks: int
    rows: int
    unsealed: int
    head: Head | None
    problems: list[Problem]


async def verify(
    tx: Transaction, *, known_head: Head | None = None, progress: Progress | None = None
) -> Verdict:
    """Read every block and every row, and return what does not fit.

    Args:
        tx: A reading transaction: all of it is one snapshot, while others write and seal.
        known_head: A head from outside; without one, blocks missing at the end cannot be noticed.
        progress: Called after each block.
    """
    check = _Check(tx, progress or (lambda done, total: None))
    await check.blocks()
    await check.rows_outside()
    if known_head is not None:
        check.compare(known_head)
    problems = sorted(check.problems, key=lambda each: (each.block or 0, each.row or 0))
    return Verdict(check.block_count, check.row_count, check.unsealed, check.head, problems)


class _Sealed:
    """A set of row ids, one bit each."""

    def __init__(self) -> None:
        self._bits = bytearray()

    def add(self, number: int) -> bool:
        """Add an id; False when it was there."""
        byte, bit = number >> 3, 1 << (number & 7)
        if byte >= len(self._bits):
            self._bits.extend(bytes(max(byte + 1 - len(self._bits), 65536)))
        fresh = not self._bits[byte] & bit
        self._bits[byte] |= bit
        return fresh

    def __contains__(self, number: int) -> bool:
        byte = number >> 3
        return byte < len(self._bits) and bool(self._bits[byte] & 1 << (number & 7))


def _block(row: RowMapping) -> Block:
    """Return a stored block; one whose members cannot be read has none, which its hash tells."""
    try:
        members = msgspec.json.decode(row["members"], type=list[tuple[int, str]])
    except msgspec.DecodeError:
        members = []
    if len(members) > _MOST_MEMBERS or not all(0 < number < _HIGHEST_ID for number, _ in members):
        members = []
    return Block(**{**row, "members": members})


class _Check:
    """One pass over the audit.

    Attributes:
        problems: What was found so far.
        block_count, row_count, unsealed, head: As in Verdict.
    """

    def __init__(self, tx: Transaction, progress: Progress) -> None:
        self.problems: list[Problem] = []
        self.block_count = 0
        self.row_count = 0
        self.unsealed = 0
        self.head: Head | None = None
        self._tx = tx
        self._progress = progress
        self._sealed = _Sealed()
        self._hashes: dict[int, str] = {}

    async def blocks(self) -> None:
        """Follow the chain, and look at the rows of every block."""
        total = int(await self._tx.scalar(select(func.count()).select_from(audit_block)))
        expected, previous_hash = 1, GENESIS
        last_id: int | None = None
        while found := await self._blocks_after(last_id):
            for block in found:
                last_id = block.id
                self._look_at(block, expected, previous_hash)
                await self._look_at_rows(block)
                expected, previous_hash = block.id + 1, block.hash
                self.head = Head(block.id, block.hash)
                self._hashes[block.id] = block.hash
                self.block_count += 1
                self._progress(self.block_count, total)

    async def rows_outside(self) -> None:
        """Find rows that neither a block nor the queue knows, and queued rows that are gone."""
        queued = {row["audit_id"] for row in await self._tx.rows(select(audit_unsealed.c.audit_id))}
        self.unsealed = len(queued)
        last_id: int | None = None
        while ids := await self._ids_after(last_id):
            last_id = ids[-1]
            self.row_count += len(ids)
            for number in ids:
                if number in queued:
                    queued.discard(number)
                elif number < 0 or number not in self._sealed:
                    self.problems.append(Problem("inserted_row", row=number))
        self.problems.extend(Problem("deleted_row", row=number) for number in queued)

    def compare(self, known: Head) -> None:
        """Compare with a head that was known outside."""
        found = self._hashes.get(known.block)
        if found is None:
            self.problems.append(Problem("head_missing", block=known.block))
        elif found != known.hash:
            self.problems.append(Problem("head_differs", block=known.block))

    async def _blocks_after(self, last_id: int | None) -> list[Block]:
        query = select(*_BLOCK_COLUMNS).order_by(audit_block.c.id).limit(_BLOCKS_AT_A_TIME)
        if last_id is not None:
            query = query.where(audit_block.c.id > last_id)
        return [_block(row) for row in await self._tx.rows(query)]

    async def _ids_after(self, last_id: int | None) -> list[int]:
        query = select(audit.c.id).order_by(audit.c.id).limit(_IDS_AT_A_TIME)
        if last_id is not None:
            query = query.where(audit.c.id > last_id)
        return [row["id"] for row in await self._tx.rows(query)]

    def _look_at(self, block: Block, expected: int, previous_hash: str) -> None:
        missing = range(expected, block.id)
        self.problems.extend(Problem("block_missing", block=number) for number in missing[:_MOST_MISSING])
        if not missing and block.previous_hash != previous_hash:
            self.problems.append(Problem("chain_broken", block=block.id))
        ids = [number for number, _ in block.members]
        sound = (
            block_hash(block) == block.hash
            and members_hash(block.members) == block.rows_hash
            and block.row_count == len(ids)
            and bool(ids)
            and (block.first_id, block.last_id) == (ids[0], ids[-1])
        )
        if not sound:
            self.problems.append(Problem("block_altered", block=block.id))

    async def _look_at_rows(self, block: Block) -> None:
        ids = [number for number, _ in block.members]
        found = await self._tx.rows(hashed_columns().where(audit.c.id.in_(ids)))
        hashes = {row["id"]: row_hash(row) for row in found}
        for number, digest in block.members:
            if not self._sealed.add(number):
                self.problems.append(Problem("row_sealed_twice", block=block.id, row=number))
            if number not in hashes:
                self.problems.append(Problem("deleted_row", block=block.id, row=number))
            elif hashes[number] != digest:
                self.problems.append(Problem("edited_row", block=block.id, row=number))
