"""Personal fields: sealed with a key of their person, opened for who may see them, erased with the key."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
from sqlalchemy import delete, select, update

from oxygen.errors import Permanent, Rejected
from records import audit
from records.database import Transaction
from records.key_ring import KeyRing
from records.personal import sealing
from records.personal.models import KINDS, person, person_index, person_key
from records.refusals import bad_value, check_one_of, not_found

OK = "ok"
ERASED = "erased"
KEYS_MISSING = "key_file_missing"
MASTER_MISSING = "master_missing"
DAMAGED = "damaged"
REASONS = (OK, ERASED, KEYS_MISSING, MASTER_MISSING, DAMAGED)


class Sealed(msgspec.Struct, frozen=True):
    """A sealed text and the name of the field it stands in, as `facility.officer_phone`."""

    field: str
    token: str


class Opened(msgspec.Struct, frozen=True):
    """What came of opening a field.

    Attributes:
        text: None when it cannot be read.
        reason: `ok`, `erased`, `key_file_missing`, `master_missing` or `damaged`; texts under `personal`.
    """

    text: str | None
    reason: str = OK


def ring(tx: Transaction) -> KeyRing:
    """Return the keys of this installation. Raises Permanent `no_key_file` when none is configured."""
    if tx.keys is None:
        raise Permanent("no key file is configured, see `oxywatch admin keys init`", code="no_key_file")
    return tx.keys


async def person_for(tx: Transaction, kind: str, subject: str, *, now_us: int) -> int:
    """Return the id of the living person of a subject, as `user:12`; made with a key of its own if new.

    Raises Permanent when there are no keys.
    """
    check_one_of("kind", kind, KINDS)
    found = await person_of(tx, subject)
    if found is not None:
        return found
    master = ring(tx).current()
    values = {"kind": kind, "subject": subject, "created_us": now_us}
    number = await tx.scalar(tx.insert(person).values(values).on_conflict_do_nothing().returning(person.c.id))
    if number is None:  # another program was faster
        return await _existing(tx, subject)
    wrapped = sealing.wrap(master, int(number), sealing.new_key())
    key = {"person_id": number, "master": master.id, "wrapped": wrapped, "wrapped_us": now_us}
    await tx.execute(person_key.insert().values(key))
    return int(number)


async def person_of(tx: Transaction, subject: str) -> int | None:
    """Return the id of a subject's living person, or None."""
    alive = (person.c.subject == subject) & person.c.erased_us.is_(None)
    number = await tx.scalar(select(person.c.id).where(alive))
    return None if number is None else int(number)


async def seal(tx: Transaction, person_id: int, field: str, text: str) -> str:
    """Return a text sealed for a person. Raises Rejected `person_erased`, `bad_value`; Permanent."""
    if sealing.is_sealed(text):
        raise bad_value(field, text, "plain_text")
    key, reason = (await _keys(tx, [person_id]))[person_id]
    if key is None:
        if reason == ERASED:
            raise Rejected(f"person {person_id} was erased", code="person_erased")
        raise _unusable(reason, tx)
    return sealing.seal(key, person_id, field, text)


async def open_sealed(tx: Transaction, sealed: Sequence[Sealed]) -> list[Opened]:
    """Return the texts of sealed fields, each with the reason when it is absent. Raises Retryable.

    For the system's own use (comparing, sending). What a person gets to see goes through `view`.
    """
    tokens = [sealing.parse(one.token) for one in sealed]
    keys = await _keys(tx, {token.person_id for token in tokens if token is not None})
    opened: list[Opened] = []
    for one, token in zip(sealed, tokens, strict=True):
        if token is None:
            opened.append(Opened(None, DAMAGED))
            continue
        key, reason = keys[token.person_id]
        text = None if key is None else sealing.unseal(key, token, one.field)
        opened.append(Opened(text, DAMAGED if key is not None and text is None else reason))
    return opened


async def view(
    tx: Transaction, sealed: Sequence[Sealed], *, viewer: str, reason: str, now_us: int
) -> list[Opened]:
    """Open fields for a person to see; who saw what of whom, and why, is audited in this transaction.

    Raises Rejected `reason_missing` without a reason.
    """
    if not reason.strip():
        raise Rejected("personal data are shown for a reason only", code="reason_missing")
    fields: dict[int, list[str]] = {}
    for one in sealed:
        token = sealing.parse(one.token)
        if token is not None:
            fields.setdefault(token.person_id, []).append(one.field)
    for person_id, names in sorted(fields.items()):
        await _audit(tx, now_us, viewer, "personal.view", person_id, reason, fields=names)
    return await open_sealed(tx, sealed)


async def erase(tx: Transaction, person_id: int, *, actor: str, reason: str, now_us: int) -> None:
    """Destroy a person's key and blind indexes: every sealed field anywhere becomes unreadable for good.

    A tombstone (kind, subject, when, by whom, why) stays. Repeatable. Raises Rejected `not_found`,
    `reason_missing`.
    """
    if not reason.strip():
        raise Rejected("an erasure needs a reason", code="reason_missing")
    row = await tx.row(select(person).where(person.c.id == person_id))
    if row is None:
        raise not_found("person", person_id)
    mine = person_key.c.person_id == person_id
    # Overwritten before it is deleted: SQLite may keep the old bytes of a deleted row.
    await tx.execute(update(person_key).where(mine).values(wrapped="-" * 100))
    await tx.execute(delete(person_key).where(mine))
    await tx.execute(delete(person_index).where(person_index.c.person_id == person_id))
    if row["erased_us"] is not None:
        return
    tombstone = {"erased_us": now_us, "erased_by": actor, "erased_reason": reason}
    await tx.execute(update(person).where(person.c.id == person_id).values(tombstone))
    await _audit(tx, now_us, actor, "personal.erase", person_id, reason, kind=row["kind"])


async def _existing(tx: Transaction, subject: str) -> int:
    found = await person_of(tx, subject)
    if found is None:
        raise not_found("person", subject)
    return found


async def _keys(tx: Transaction, persons: Iterable[int]) -> dict[int, tuple[bytes | None, str]]:
    """Return each person's key, or None with the reason."""
    wanted = sorted(set(persons))
    rows = {
        int(row["person_id"]): row
        for row in await tx.rows(select(person_key).where(person_key.c.person_id.in_(wanted)))
    }
    found: dict[int, tuple[bytes | None, str]] = {}
    for person_id in wanted:
        row = rows.get(person_id)
        if row is None:
            found[person_id] = (None, ERASED)
        else:
            found[person_id] = _unwrapped(tx, person_id, row["master"], row["wrapped"])
    return found


def _unwrapped(tx: Transaction, person_id: int, master_id: str, wrapped: str) -> tuple[bytes | None, str]:
    try:
        master = ring(tx).keys().master(master_id)
    except Permanent:
        return None, KEYS_MISSING
    if master is None:
        return None, MASTER_MISSING
    key = sealing.unwrap(master, person_id, wrapped)
    return key, OK if key is not None else DAMAGED


def _unusable(reason: str, tx: Transaction) -> Permanent:
    if reason == KEYS_MISSING:
        ring(tx).keys()  # raises what is wrong with the file, which says more
    return Permanent(f"a person's key cannot be used: {reason}", code="person_key_unusable", reason=reason)


async def _audit(
    tx: Transaction, now_us: int, actor: str, action: str, person_id: int, reason: str, **detail: object
) -> None:
    await audit.record(
        tx,
        at_us=now_us,
        actor=actor,
        action=action,
        subject=f"person:{person_id}",
        detail=detail,
        reason=reason,
    )
