"""Slows down guessing of passwords without giving a stranger the power to lock somebody out.

Failures are counted per username *and* address: a guesser waits, the owner at another address does not.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, delete, select

from oxygen.errors import Rejected
from oxygen.units import US_PER_S
from records.database import Transaction
from records.identity.models import sign_in_failure

FREE_ATTEMPTS = 5
LONGEST_WAIT_S = 60
FORGOTTEN_AFTER_S = 900
_NAME_LIMIT = 64
ANYWHERE = "*"
"""Stands for every address, in counts that belong to an account as a whole."""


def wait_s(failures: int) -> int:
    """Return the seconds to wait after so many failures: none at first, then 1, 2, 4 … up to a minute."""
    excess = failures - FREE_ATTEMPTS
    return 0 if excess < 0 else min(LONGEST_WAIT_S, 2 ** min(excess, 10))


async def check(tx: Transaction, username: str, address: str, now_us: int) -> None:
    """Raise Rejected `too_many_attempts` with `wait_s` while the next attempt has to wait."""
    table = sign_in_failure
    row = await tx.row(select(table).where(*_at(username, address)))
    if row is None or row["last_us"] < now_us - FORGOTTEN_AFTER_S * US_PER_S:
        return
    remaining_us = row["last_us"] + wait_s(row["failures"]) * US_PER_S - now_us
    if remaining_us > 0:
        seconds = -(-remaining_us // US_PER_S)
        raise Rejected(f"sign-in must wait {seconds} s", code="too_many_attempts", wait_s=seconds)


async def check_limit(tx: Transaction, username: str, limit: int, now_us: int) -> None:
    """Raise Rejected `too_many_attempts` when ANYWHERE has counted `limit` failures and forgotten none yet.

    Only for what comes after a right password: otherwise a stranger could lock somebody out.
    """
    table = sign_in_failure
    row = await tx.row(select(table).where(*_at(username, ANYWHERE)))
    if row is None or row["failures"] < limit:
        return
    remaining_us = row["last_us"] + FORGOTTEN_AFTER_S * US_PER_S - now_us
    if remaining_us >= 0:
        seconds = remaining_us // US_PER_S + 1
        raise Rejected(f"sign-in must wait {seconds} s", code="too_many_attempts", wait_s=seconds)


async def count(tx: Transaction, username: str, address: str, now_us: int) -> None:
    """Count an attempt as failed before it is judged, so that guesses at the same moment take turns."""
    table = sign_in_failure
    await tx.execute(delete(table).where(table.c.last_us < now_us - FORGOTTEN_AFTER_S * US_PER_S))
    values = {"username": username[:_NAME_LIMIT], "address": address, "failures": 1, "last_us": now_us}
    changed = {"failures": table.c.failures + 1, "last_us": now_us}
    statement = tx.insert(table).values(values)
    await tx.execute(statement.on_conflict_do_update(index_elements=["username", "address"], set_=changed))


async def forgive(tx: Transaction, username: str, address: str) -> None:
    """Forget the failures after a right password."""
    await tx.execute(delete(sign_in_failure).where(*_at(username, address)))


def _at(username: str, address: str) -> tuple[ColumnElement[bool], ...]:
    table = sign_in_failure.c
    return table.username == username[:_NAME_LIMIT], table.address == address
