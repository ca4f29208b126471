"""One-time codes of six digits, sent by SMS or mail. What is stored and queued of them cannot be read."""

from __future__ import annotations

import hmac
import secrets

import msgspec
from sqlalchemy import func, select, update

from oxygen.errors import Rejected
from oxygen.units import US_PER_S
from records import messages, personal
from records.database import Transaction
from records.identity.models import CODE_PURPOSES, one_time_code
from records.personal.sealing import blind
from records.personal.services import ring
from records.refusals import check_one_of

TEMPLATE = "one_time_code"
LIFETIME_S = 600
MOST_ATTEMPTS = 5
MOST_CODES = 3
CODES_PER_S = 900
_DIGITS = 6
_PRIORITY = 2
"""Behind critical alarms, before everything that can wait."""


class Sending(msgspec.Struct, frozen=True):
    """Where a code goes.

    Attributes:
        channel: sms or email.
        address: Sealed, as it is queued; `field` is the field it was sealed for.
    """

    channel: str
    address: str
    field: str
    locale: str


class Redeemed(msgspec.Struct, frozen=True):
    """A code that was right; `payload` is what it was issued for."""

    payload: str | None


async def send_code(
    tx: Transaction, user_id: int, purpose: str, to: Sending, *, payload: str | None = None, now_us: int
) -> int:
    """Queue a fresh code and return its id; an earlier one of this purpose is worth nothing from now on.

    Raises Rejected `too_many_codes` (`wait_s`), so that nobody's phone is flooded; Permanent without keys.
    """
    check_one_of("purpose", purpose, CODE_PURPOSES)
    await _check_quota(tx, user_id, now_us)
    table = one_time_code
    earlier = (table.c.account_id == user_id) & (table.c.purpose == purpose) & (table.c.expires_us > now_us)
    await tx.execute(update(table).where(earlier).values(expires_us=now_us))
    code = f"{secrets.randbelow(10**_DIGITS):0{_DIGITS}d}"
    values = {
        "account_id": user_id,
        "purpose": purpose,
        "code_hash": _hash(tx, user_id, purpose, code),
        "payload": payload,
        "attempts": 0,
        "created_us": now_us,
        "expires_us": now_us + LIFETIME_S * US_PER_S,
    }
    number = int(await tx.scalar(table.insert().values(values).returning(table.c.id)))
    person_id = await personal.person_for(tx, "account", f"user:{user_id}", now_us=now_us)
    params = {
        "code": await personal.seal(tx, person_id, messages.CODE_FIELD, code),
        "purpose": purpose,
        "address_field": to.field,
        "minutes": LIFETIME_S // 60,
    }
    item = messages.OutboxItem(
        key=f"code:{number}",
        channel=to.channel,
        address=to.address,
        locale=to.locale,
        template=TEMPLATE,
        params=params,
        created_us=now_us,
        priority=_PRIORITY,
    )
    await messages.enqueue(tx, [item])
    return number


async def redeem_code(
    tx: Transaction, user_id: int, purpose: str, code: str, *, now_us: int
) -> Redeemed | None:
    """Use up the present code of a purpose; None when it is wrong, over, used, or was guessed at too often.

    Commit in either case: the attempt is counted first, so that guesses at the same moment take turns.
    """
    check_one_of("purpose", purpose, CODE_PURPOSES)
    table = one_time_code
    alive = (
        (table.c.account_id == user_id)
        & (table.c.purpose == purpose)
        & (table.c.expires_us > now_us)
        & table.c.used_us.is_(None)
        & (table.c.attempts < MOST_ATTEMPTS)
    )
    row = await tx.row(update(table).where(alive).values(attempts=table.c.attempts + 1).returning(table))
    if row is None:
        return None
    typed = "".join(code.split())
    if not hmac.compare_digest(row["code_hash"], _hash(tx, user_id, purpose, typed)):
        return None
    await tx.execute(update(table).where(table.c.id == row["id"]).values(used_us=now_us))
    return Redeemed(row["payload"])


async def _check_quota(tx: Transaction, user_id: int, now_us: int) -> None:
    table = one_time_code
    since_us = now_us - CODES_PER_S * US_PER_S
    recent = (table.c.account_id == user_id) & (table.c.created_us > since_us)
    row = await tx.row(
        select(func.count().label("codes"), func.min(table.c.created_us).label("first_us")).where(recent)
    )
    if row is not None and row["codes"] >= MOST_CODES:
        wait_s = (row["first_us"] - since_us) // US_PER_S + 1
        raise Rejected("too many codes were sent", code="too_many_codes", wait_s=wait_s)


def _hash(tx: Transaction, user_id: int, purpose: str, code: str) -> str:
    """Return what is stored of a code; six digits could be guessed from a hash without a secret."""
    return blind(ring(tx).index_key("one_time_code"), f"{user_id}|{purpose}|{code}")
