"""Personal fields: readable with the key file alone, moved nowhere, and gone for good with their key."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import text

from oxygen.errors import Permanent, Rejected
from records import audit, personal, registry
from records.database import Database
from records.key_file import new_key_file, replace_key_file
from records.personal import Sealed
from records.registry import Facility, personal_fields
from tests.records import samples
from tests.records.keys import FIELD, PHONE, everything, make_keys, opened, sealed_phone, with_keys

OFFICER = msgspec.structs.replace(samples.FACILITY, officer_name="Trần Thị Hoa", officer_phone=PHONE)


async def test_what_is_sealed_opens_again_and_never_looks_the_same_twice(keyed: Database) -> None:
    first, second = await sealed_phone(keyed), await sealed_phone(keyed)

    assert await opened(keyed, first, second) == [(PHONE, "ok"), (PHONE, "ok")]
    assert first.token != second.token
    assert PHONE[-6:] not in first.token + second.token


async def test_a_value_moved_to_another_person_or_field_or_altered_does_not_open(keyed: Database) -> None:
    mine, other = await sealed_phone(keyed, "facility:a"), await sealed_phone(keyed, "facility:b")
    head, person, body = mine.token.rsplit(":", 2)
    stolen = Sealed(FIELD, f"{head}:{other.token.split(':')[2]}:{body}")
    flipped = body[:-2] + ("A" if body[-2] != "A" else "B") + body[-1]

    assert person == mine.token.split(":")[2]
    assert (
        await opened(
            keyed,
            stolen,
            Sealed("account_address.phone", mine.token),
            Sealed(FIELD, f"{head}:{person}:{flipped}"),
            Sealed(FIELD, "sealed:1:not-a-seal"),
            Sealed(FIELD, f"{head}:{person}:AAAA"),
        )
        == [(None, "damaged")] * 5
    )


async def test_a_person_is_made_once_also_by_two_programs_at_the_same_moment(
    keyed: Database, url: str, key_file: Path
) -> None:
    other = with_keys(url, key_file)

    async def make(database: Database) -> int:
        async with database.write() as tx:
            return await personal.person_for(tx, "officer", "facility:x", now_us=1)

    numbers = await asyncio.gather(*(make(database) for database in (keyed, other) * 5))
    await other.close()
    assert len(set(numbers)) == 1


async def test_a_text_that_looks_sealed_cannot_be_smuggled_in(keyed: Database) -> None:
    with pytest.raises(Rejected) as caught:
        await sealed_phone(keyed, phone="sealed:1:7:AAAA")
    assert caught.value.code == "bad_value"


async def test_a_view_is_on_record_with_who_what_and_why_and_needs_a_reason(keyed: Database) -> None:
    phone = await sealed_phone(keyed)
    with pytest.raises(Rejected) as caught:
        async with keyed.write() as tx:
            await personal.view(tx, [phone], viewer="lan", reason=" ", now_us=5)
    async with keyed.write() as tx:
        (shown,) = await personal.view(tx, [phone], viewer="lan", reason="gọi giao oxy", now_us=5)
        (entry,) = await audit.entries(tx, action="personal.view")

    assert caught.value.code == "reason_missing"
    assert shown.text == PHONE
    assert (entry.actor, entry.at_us, entry.reason) == ("lan", 5, "gọi giao oxy")
    assert entry.detail == {"fields": [FIELD]}
    assert entry.subject == f"person:{phone.token.split(':')[2]}"


async def test_erasing_destroys_key_and_indexes_and_leaves_a_tombstone(keyed: Database) -> None:
    phone = await sealed_phone(keyed)
    number = int(phone.token.split(":")[2])
    async with keyed.write() as tx:
        await personal.put_index(tx, number, "phone", PHONE)
        assert await personal.find(tx, "phone", PHONE) == [number]
        await personal.erase(tx, number, actor="lan", reason="asked for it", now_us=7)
        await personal.erase(tx, number, actor="lan", reason="again", now_us=8)
        assert await personal.find(tx, "phone", PHONE) == []
        held = await everything(tx, ["person_key", "person_index"])
        (stone,) = await personal.tombstones(tx)
        (entry,) = await audit.entries(tx, action="personal.erase")

    assert await opened(keyed, phone) == [(None, "erased")]
    assert held == ""
    assert (stone.person_id, stone.erased_us, stone.reason) == (number, 7, "asked for it")
    assert (entry.actor, entry.reason) == ("lan", "asked for it")
    with pytest.raises(Rejected) as caught:
        async with keyed.write() as tx:
            await personal.seal(tx, number, FIELD, PHONE)
    assert caught.value.code == "person_erased"


async def test_of_an_erased_key_nothing_stays_in_the_file(tmp_path: Path, sqlite_template: Path) -> None:
    """Not even in a free page: SQLite overwrites what is deleted."""
    file = tmp_path / "records.sqlite"
    shutil.copy(sqlite_template, file)
    database = with_keys(f"sqlite:///{file}", make_keys(tmp_path))
    phone = await sealed_phone(database)
    async with database.write() as tx:
        wrapped = str(await tx.scalar(text("SELECT wrapped FROM person_key")))
    async with database.write() as tx:
        await personal.erase(tx, int(phone.token.split(":")[2]), actor="lan", reason="x", now_us=7)
    await database.close()

    assert wrapped.encode() not in b"".join(path.read_bytes() for path in tmp_path.glob("records.sqlite*"))


async def test_an_erasure_is_done_again_after_an_old_backup_came_back(keyed: Database) -> None:
    phone = await sealed_phone(keyed)
    number = int(phone.token.split(":")[2])
    async with keyed.write() as tx:
        kept = await tx.row(text("SELECT * FROM person_key"))
        assert kept is not None
        await personal.erase(tx, number, actor="lan", reason="asked for it", now_us=7)
        stones = await personal.tombstones(tx)
    async with keyed.write() as tx:  # what restoring a backup of before the erasure amounts to
        await tx.execute(text("UPDATE person SET erased_us = NULL"))
        await tx.execute(
            text("INSERT INTO person_key VALUES (:person_id, :master, :wrapped, :wrapped_us)"), dict(kept)
        )
    assert await opened(keyed, phone) == [(PHONE, "ok")]

    another = msgspec.structs.replace(stones[0], created_us=999)
    async with keyed.write() as tx:
        assert await personal.erase_again(tx, [another], actor="console", now_us=9) == 0
        assert await personal.erase_again(tx, stones, actor="console", now_us=9) == 1
        assert await personal.erase_again(tx, stones, actor="console", now_us=9) == 0
    assert await opened(keyed, phone) == [(None, "erased")]


async def test_blind_indexes_find_equal_values_of_the_same_kind_alone(
    keyed: Database, key_file: Path
) -> None:
    async with keyed.write() as tx:
        a = await personal.person_for(tx, "patient", "case:1", now_us=1)
        b = await personal.person_for(tx, "patient", "case:2", now_us=1)
        await personal.put_index(tx, a, "citizen_id", "079085001234")
        await personal.put_index(tx, b, "citizen_id", "079085001234")
        await personal.put_index(tx, b, "phone", "079085001234")
        both = await personal.find(tx, "citizen_id", "079085001234")
        one = await personal.find(tx, "phone", "079085001234")
        await personal.put_index(tx, a, "citizen_id", None)
        left = await personal.find(tx, "citizen_id", "079085001234")
        held = await everything(tx, ["person_index"])

    assert (both, one, left) == ([a, b], [b], [b])
    assert "079085001234" not in held
    values = [line.split("'")[3] for line in held.splitlines()]
    assert len(set(values)) == 2  # the same digits as another kind cannot be linked


async def test_without_the_key_file_only_personal_fields_are_lost(
    keyed: Database, key_file: Path, url: str
) -> None:
    async with keyed.write() as tx:
        await registry.put_facility(tx, OFFICER, actor="lan", now_us=1)
        stored = (await registry.registry(tx)).facility(OFFICER.code)
    assert stored is not None
    key_file.unlink()

    renamed = msgspec.structs.replace(stored, name_en="Renamed")
    async with keyed.write() as tx:
        await registry.put_facility(tx, renamed, actor="lan", now_us=2)
        after = (await registry.registry(tx)).facility(OFFICER.code)
    assert after is not None
    assert after.name_en == "Renamed"
    assert await opened(keyed, Sealed(FIELD, after.officer_phone)) == [(None, "key_file_missing")]
    with pytest.raises(Permanent) as caught:
        await sealed_phone(keyed)
    assert caught.value.code == "key_file_missing"

    without = with_keys(url, None)
    assert await opened(without, Sealed(FIELD, after.officer_phone)) == [(None, "key_file_missing")]
    with pytest.raises(Permanent) as caught:
        await sealed_phone(without)
    await without.close()
    assert caught.value.code == "no_key_file"


async def test_another_installations_key_file_opens_nothing_and_says_so(
    keyed: Database, key_file: Path
) -> None:
    phone = await sealed_phone(keyed)
    replace_key_file(key_file, new_key_file(2))
    assert await opened(keyed, phone) == [(None, "master_missing")]


# The registry's telephone numbers


async def stored_facility(database: Database) -> Facility:
    async with database.read() as tx:
        found = (await registry.registry(tx)).facility(OFFICER.code)
    assert found is not None
    return found


async def put(database: Database, facility: Facility, now_us: int = 2) -> Facility:
    async with database.write() as tx:
        return await registry.put_facility(tx, facility, actor="lan", now_us=now_us)


async def test_an_officers_number_is_stored_and_audited_sealed(keyed: Database) -> None:
    await put(keyed, OFFICER)
    async with keyed.read() as tx:
        held = await everything(tx, ["facility", "audit"])
    facility = await stored_facility(keyed)

    assert PHONE not in held
    assert PHONE[3:] not in held
    assert await opened(keyed, Sealed(FIELD, facility.officer_phone)) == [(PHONE, "ok")]


async def test_the_same_number_again_changes_nothing(keyed: Database) -> None:
    first = await put(keyed, OFFICER)
    again = await put(keyed, OFFICER)
    as_stored = await put(keyed, await stored_facility(keyed))
    assert first == again == as_stored
    assert first.version == 1


async def test_a_new_number_keeps_the_person_and_a_new_officer_erases_the_earlier(keyed: Database) -> None:
    first = await put(keyed, OFFICER)
    moved = await put(keyed, msgspec.structs.replace(OFFICER, officer_phone="+84907654321"))
    assert (await opened(keyed, Sealed(FIELD, first.officer_phone)))[0] == (PHONE, "ok")

    successor = msgspec.structs.replace(OFFICER, officer_name="Lê Văn Nam", officer_phone="+84911222333")
    last = await put(keyed, successor)
    old, present = await opened(keyed, Sealed(FIELD, moved.officer_phone), Sealed(FIELD, last.officer_phone))
    assert (old, present) == ((None, "erased"), ("+84911222333", "ok"))


async def test_taking_the_number_away_erases_it(keyed: Database) -> None:
    first = await put(keyed, OFFICER)
    last = await put(keyed, msgspec.structs.replace(OFFICER, officer_phone=""))
    assert last.officer_phone == ""
    assert await opened(keyed, Sealed(FIELD, first.officer_phone)) == [(None, "erased")]


async def test_anothers_seal_is_refused(keyed: Database) -> None:
    foreign = await sealed_phone(keyed)
    with pytest.raises(Rejected) as caught:
        await put(keyed, msgspec.structs.replace(OFFICER, officer_phone=foreign.token))
    assert caught.value.code == "bad_value"


async def test_numbers_of_before_there_were_keys_are_found_and_sealed_once(
    keyed: Database,
) -> None:
    await put(keyed, msgspec.structs.replace(OFFICER, officer_phone=""))
    async with keyed.write() as tx:
        await tx.execute(text(f"UPDATE facility SET officer_phone = '{PHONE}'"))
        assert [one.code for one in await personal_fields.check_sealed(tx)] == ["plain_left"]
        assert await personal_fields.seal_plain(tx, actor="console", now_us=3) == 1
        assert await personal_fields.seal_plain(tx, actor="console", now_us=4) == 0
        assert await personal_fields.check_sealed(tx) == []
        facility = (await registry.registry(tx)).facility(OFFICER.code)
        assert facility is not None
        shown = await personal_fields.show_phone(
            tx, "facility", facility.officer_phone, viewer="lan", reason="call", now_us=5
        )
    assert shown.text == PHONE
