"""The second factor: codes of an authenticator (TOTP, RFC 6238), and recovery codes for when it is lost."""

from __future__ import annotations

import hmac
import secrets

import msgspec
import pyotp
from sqlalchemy import delete, select, update

from oxygen.errors import Permanent, Rejected
from oxygen.units import US_PER_S
from records import audit, personal
from records.database import Transaction
from records.identity import passwords, throttle
from records.identity.models import (
    account,
    account_authenticator,
    account_session,
    recovery_code,
)
from records.identity.reauthentication import Holder, require_recent, session_holder
from records.refusals import not_found

STEP_S = 30
SKEW_STEPS = 1
RECOVERY_CODES = 10
WRONG_CODES_A_SESSION = 5
WRONG_CODES_AN_ACCOUNT = 20
ISSUER = "OxyWatch"
SECRET_FIELD = "account_authenticator.secret"  # noqa: S105  the name of a field, not a secret
_RECOVERY_BYTES = 10
_BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


class Enrolment(msgspec.Struct, frozen=True):
    """What an authenticator needs: shown once, as text and as the QR code of `uri`."""

    secret: str
    uri: str


async def enrol(tx: Transaction, token: str, *, now_us: int) -> Enrolment:
    """Begin with an authenticator; it counts once a code of it was confirmed.

    Raises Rejected `second_factor_exists`, `reauthentication_needed`, `session_over`; Permanent without keys.
    """
    holder = await require_recent(tx, token, now_us)
    table = account_authenticator
    row = await tx.row(select(table).where(table.c.account_id == holder.user_id))
    if row is not None and row["confirmed_us"] is not None:
        raise Rejected("there is an authenticator already", code="second_factor_exists")
    secret = pyotp.random_base32()
    person_id = await personal.person_for(tx, "account", f"user:{holder.user_id}", now_us=now_us)
    values = {
        "sealed_secret": await personal.seal(tx, person_id, SECRET_FIELD, secret),
        "enrolled_us": now_us,
        "confirmed_us": None,
        "last_step": 0,
    }
    statement = tx.insert(table).values(values | {"account_id": holder.user_id})
    await tx.execute(statement.on_conflict_do_update(index_elements=["account_id"], set_=values))
    await _audit(tx, now_us, holder.username, "user.second_factor_enrol", holder.username)
    uri = pyotp.TOTP(secret).provisioning_uri(name=holder.username, issuer_name=ISSUER)
    return Enrolment(secret, uri)


async def confirm_enrolment(
    tx: Transaction, token: str, code: str, *, now_us: int, address: str = ""
) -> tuple[str, ...] | None:
    """Take the authenticator into use with a first code of it, and return the recovery codes, shown once.

    Returns None for a wrong code; commit in either case. Raises Rejected `second_factor_missing`,
    `too_many_attempts`, `reauthentication_needed`, `session_over`; Permanent when the secret cannot be read.
    """
    holder = await require_recent(tx, token, now_us)
    await _check_pace(tx, holder.username, address, now_us)
    if not await _right(tx, holder.user_id, code, now_us, confirmed=False):
        await _count_wrong(tx, token, holder, address, now_us)
        return None
    mine = account_authenticator.c.account_id == holder.user_id
    await tx.execute(update(account_authenticator).where(mine).values(confirmed_us=now_us))
    await _note_shown(tx, token, holder, address, now_us)
    await _audit(tx, now_us, holder.username, "user.second_factor_confirm", holder.username)
    return await _new_recovery_codes(tx, holder.user_id)


async def show_second_factor(
    tx: Transaction, token: str, code: str, *, now_us: int, address: str = ""
) -> bool:
    """Settle a session's second factor by a code of the authenticator or a recovery code; False when wrong.

    Commit in either case. A code counts once; five wrong ones end the session; twenty for one account within
    a quarter of an hour close this way in, recovery codes excepted. Whoever can cause that knows the password
    already, so a stranger cannot lock anybody out.

    Raises Rejected `too_many_attempts`, `second_factor_missing`, `session_over`; Permanent
    `second_factor_unreadable` when the key file is lost (recovery codes work even so).
    """
    holder = await session_holder(tx, token, now_us)
    if await _use_recovery_code(tx, holder, code, now_us):
        await _note_shown(tx, token, holder, address, now_us)
        await _audit(tx, now_us, holder.username, "user.recovery_code", holder.username, address)
        return True
    await _check_pace(tx, holder.username, address, now_us)
    if not await _right(tx, holder.user_id, code, now_us, confirmed=True):
        await _count_wrong(tx, token, holder, address, now_us)
        return False
    await _note_shown(tx, token, holder, address, now_us)
    await _audit(tx, now_us, holder.username, "user.second_factor", holder.username, address)
    return True


async def renew_recovery_codes(tx: Transaction, token: str, *, now_us: int) -> tuple[str, ...]:
    """Replace the recovery codes and return the new ones, shown once.

    Raises Rejected `reauthentication_needed`, `session_over`.
    """
    holder = await require_recent(tx, token, now_us)
    await _audit(tx, now_us, holder.username, "user.recovery_codes_renew", holder.username)
    return await _new_recovery_codes(tx, holder.user_id)


async def has_authenticator(tx: Transaction, user_id: int) -> bool:
    """Tell whether an account has an authenticator in use."""
    mine = account_authenticator.c.account_id == user_id
    return await tx.scalar(select(account_authenticator.c.confirmed_us).where(mine)) is not None


async def recovery_codes_left(tx: Transaction, user_id: int) -> int:
    """Return how many recovery codes were not used yet."""
    unused = (recovery_code.c.account_id == user_id) & recovery_code.c.used_us.is_(None)
    return len(await tx.rows(select(recovery_code.c.code_hash).where(unused)))


async def reset_second_factor(tx: Transaction, user_id: int, *, actor: str, now_us: int) -> None:
    """Take an account's authenticator and recovery codes away and end its sessions.

    For somebody who lost both: whoever does this has made sure who asks. Raises Rejected `not_found`.
    """
    username = await tx.scalar(select(account.c.username).where(account.c.id == user_id))
    if username is None:
        raise not_found("user", user_id)
    for table in (account_authenticator, recovery_code, account_session):
        await tx.execute(delete(table).where(table.c.account_id == user_id))
    await _audit(tx, now_us, actor, "user.second_factor_reset", username)


def step_at(now_us: int) -> int:
    """Return the number of the half-minute that an instant falls into."""
    return now_us // US_PER_S // STEP_S


async def _right(tx: Transaction, user_id: int, code: str, now_us: int, *, confirmed: bool) -> bool:
    """Tell whether a code is the authenticator's of about now, and use it up."""
    table = account_authenticator
    row = await tx.row(select(table).where(table.c.account_id == user_id))
    if row is None or (row["confirmed_us"] is not None) != confirmed:
        raise Rejected("there is no authenticator", code="second_factor_missing")
    (secret,) = await personal.open_sealed(tx, [personal.Sealed(SECRET_FIELD, row["sealed_secret"])])
    if secret.text is None:
        raise Permanent(
            f"the authenticator's secret cannot be read: {secret.reason}",
            code="second_factor_unreadable",
            reason=secret.reason,
        )
    totp, now = pyotp.TOTP(secret.text), step_at(now_us)
    typed = "".join(code.split()).encode()
    for step in range(now - SKEW_STEPS, now + SKEW_STEPS + 1):
        if not hmac.compare_digest(totp.generate_otp(step).encode(), typed):
            continue
        unused = (table.c.account_id == user_id) & (table.c.last_step < step)
        return (await tx.execute(update(table).where(unused).values(last_step=step))).rowcount == 1
    return False


async def _use_recovery_code(tx: Transaction, holder: Holder, code: str, now_us: int) -> bool:
    bare = "".join(letter for letter in code.upper() if letter in _BASE32)
    unused = (
        (recovery_code.c.account_id == holder.user_id)
        & (recovery_code.c.code_hash == passwords.token_hash(bare))
        & recovery_code.c.used_us.is_(None)
    )
    return (await tx.execute(update(recovery_code).where(unused).values(used_us=now_us))).rowcount == 1


async def _new_recovery_codes(tx: Transaction, user_id: int) -> tuple[str, ...]:
    await tx.execute(delete(recovery_code).where(recovery_code.c.account_id == user_id))
    codes = [
        "".join(secrets.choice(_BASE32) for _ in range(_RECOVERY_BYTES * 8 // 5))
        for _ in range(RECOVERY_CODES)
    ]
    rows = [{"account_id": user_id, "code_hash": passwords.token_hash(code)} for code in codes]
    await tx.execute(recovery_code.insert(), rows)
    return tuple("-".join(code[start : start + 4] for start in range(0, len(code), 4)) for code in codes)


async def _check_pace(tx: Transaction, username: str, address: str, now_us: int) -> None:
    await throttle.check(tx, _paced(username), address, now_us)
    await throttle.check_limit(tx, _paced(username), WRONG_CODES_AN_ACCOUNT, now_us)


async def _count_wrong(tx: Transaction, token: str, holder: Holder, address: str, now_us: int) -> None:
    for place in (address, throttle.ANYWHERE):
        await throttle.count(tx, _paced(holder.username), place, now_us)
    await _audit(tx, now_us, holder.username, "user.second_factor_failed", holder.username, address)
    mine = account_session.c.token_hash == passwords.token_hash(token)
    if holder.wrong_codes + 1 >= WRONG_CODES_A_SESSION:
        await tx.execute(delete(account_session).where(mine))
    else:
        await tx.execute(update(account_session).where(mine).values(wrong_codes=holder.wrong_codes + 1))


async def _note_shown(tx: Transaction, token: str, holder: Holder, address: str, now_us: int) -> None:
    for place in (address, throttle.ANYWHERE):
        await throttle.forgive(tx, _paced(holder.username), place)
    mine = account_session.c.token_hash == passwords.token_hash(token)
    shown = {"second_factor_us": now_us, "wrong_codes": 0}
    await tx.execute(update(account_session).where(mine).values(shown))


def _paced(username: str) -> str:
    return f"code:{username}"


async def _audit(
    tx: Transaction, now_us: int, actor: str, action: str, username: str, address: str = ""
) -> None:
    await audit.record(
        tx, at_us=now_us, actor=actor, action=action, subject=f"user:{username}", address=address or None
    )
