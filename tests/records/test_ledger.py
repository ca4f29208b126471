"""What arrived: ranges, dead letters, declared gaps and checkpoints."""

from __future__ import annotations

import msgspec

from records.database import Database
from records.status import (
    BODY_LIMIT,
    Checkpoint,
    DeadLetter,
    DeclaredGap,
    EpochLedger,
    add_dead_letters,
    add_gaps,
    checkpoints,
    dead_letters,
    delete_checkpoints_from,
    gaps,
    latest_checkpoint,
    latest_checkpoints,
    ledgers,
    prune_checkpoints,
    put_checkpoint,
    put_ledger,
    resolve_dead_letters,
)

LETTER = DeadLetter("gw-a", 5, "bad_row", {"field": "dp_pa"}, "{}", epoch="e1", first_seq=10, last_seq=12)
GAP = DeclaredGap("gw-a", "e1", 20, 29, "thinned", 10, 6)


async def test_a_ledger_replaces_the_one_before(database: Database) -> None:
    async with database.write() as tx:
        await put_ledger(tx, EpochLedger("gw-a", "e1", ((1, 4), (9, 9)), 5))
        await put_ledger(tx, EpochLedger("gw-a", "e1", ((1, 9),), 6))
        await put_ledger(tx, EpochLedger("gw-b", "e2", (), 7))
        both, one = await ledgers(tx), await ledgers(tx, ["gw-b"])

    assert both == [EpochLedger("gw-a", "e1", ((1, 9),), 6), EpochLedger("gw-b", "e2", (), 7)]
    assert one == both[1:]


async def test_the_same_dead_letter_is_kept_once_and_another_reason_is_another_letter(
    database: Database,
) -> None:
    other = msgspec.structs.replace(LETTER, reason="refused_by_store")
    async with database.write() as tx:
        assert await add_dead_letters(tx, [LETTER, LETTER]) == 1
        assert await add_dead_letters(tx, [LETTER, other]) == 1
        stored = await dead_letters(tx, gateway="gw-a")

    assert [letter.reason for letter in stored] == ["refused_by_store", "bad_row"]
    assert msgspec.structs.replace(stored[1], id=0) == LETTER


async def test_every_unreadable_message_is_kept(database: Database) -> None:
    unreadable = DeadLetter("gw-a", 5, "bad_payload", {}, "\x00\x01 không đọc được \ud800")
    async with database.write() as tx:
        assert await add_dead_letters(tx, [unreadable, unreadable]) == 2
        stored = await dead_letters(tx)

    assert [letter.body for letter in stored] == ["\ufffd\x01 không đọc được ?"] * 2
    assert stored[0].first_seq is None


async def test_a_body_is_capped(database: Database) -> None:
    async with database.write() as tx:
        await add_dead_letters(tx, [msgspec.structs.replace(LETTER, body="x" * 100_000)])
        (stored,) = await dead_letters(tx)

    assert len(stored.body) == BODY_LIMIT


async def test_resolved_letters_leave_the_open_list(database: Database) -> None:
    async with database.write() as tx:
        await add_dead_letters(tx, [LETTER])
        (letter,) = await dead_letters(tx, unresolved_only=True)
        assert await resolve_dead_letters(tx, [letter.id], 99) == 1
        assert await resolve_dead_letters(tx, [letter.id], 100) == 0
        assert await dead_letters(tx, unresolved_only=True) == []
        (resolved,) = await dead_letters(tx)

    assert resolved.resolved_us == 99


async def test_a_gap_is_kept_once(database: Database) -> None:
    async with database.write() as tx:
        assert await add_gaps(tx, [GAP]) == 1
        assert await add_gaps(tx, [GAP]) == 0
        assert await gaps(tx, "gw-a") == [GAP]
        assert await gaps(tx, "gw-b") == []


async def test_an_engine_starts_from_the_newest_checkpoint_or_the_one_before_late_data(
    database: Database,
) -> None:
    body = bytes(range(256))
    async with database.write() as tx:
        for hour in (1, 2, 3):
            await put_checkpoint(tx, Checkpoint("tank:a", hour, b"old"))
            await put_checkpoint(tx, Checkpoint("tank:a", hour, body))
        await put_checkpoint(tx, Checkpoint("tank:b", 1, body))

        assert await latest_checkpoint(tx, "tank:a") == Checkpoint("tank:a", 3, body)
        assert await latest_checkpoint(tx, "tank:a", before_us=3) == Checkpoint("tank:a", 2, body)
        assert await latest_checkpoint(tx, "tank:a", before_us=1) is None
        assert {name: one.at_us for name, one in (await latest_checkpoints(tx)).items()} == {
            "tank:a": 3,
            "tank:b": 1,
        }
        assert await delete_checkpoints_from(tx, "tank:a", 2) == 2
        assert [one.at_us for one in await checkpoints(tx, "tank:a")] == [1]


async def test_pruning_keeps_the_newest_checkpoint_of_a_silent_tank(database: Database) -> None:
    async with database.write() as tx:
        for hour in (1, 2, 3):
            await put_checkpoint(tx, Checkpoint("tank:silent", hour, b""))
            await put_checkpoint(tx, Checkpoint("tank:live", hour + 100, b""))

        assert await prune_checkpoints(tx, 103) == 4
        assert [one.at_us for one in await checkpoints(tx, "tank:silent")] == [3]
        assert [one.at_us for one in await checkpoints(tx, "tank:live")] == [103]
