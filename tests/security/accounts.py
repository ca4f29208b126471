"""Accounts as the security tests use them: signed in, with an authenticator, with a phone."""

from __future__ import annotations

import base64
import hmac

from oxygen.units import US_PER_S
from records import identity, messages
from records.database import Database
from records.identity import Enrolment

PASSWORD = "bồn oxy số một"
HOUR_S = 3600.0
START_US = 1_795_230_300_000_000
HOME, STRANGER = "10.0.0.1", "203.0.113.9"
PHONE, MAIL = "+84901234567", "lan@bv.example"


def later(seconds: float) -> int:
    """An instant after START_US."""
    return START_US + round(seconds * US_PER_S)


def code_at(enrolment: Enrolment, now_us: int, steps: int = 0) -> str:
    """What an authenticator shows at an instant, or so many half-minutes beside it, by RFC 6238 itself."""
    step = now_us // US_PER_S // 30 + steps
    digest = hmac.digest(base64.b32decode(enrolment.secret), step.to_bytes(8, "big"), "sha1")
    start = digest[-1] & 0x0F
    number = int.from_bytes(digest[start : start + 4], "big") & 0x7FFF_FFFF
    return f"{number % 1_000_000:06d}"


async def new_account(database: Database, username: str = "lan", role: str | None = "viewer") -> int:
    """Make an account with PASSWORD and return its id."""
    async with database.write() as tx:
        user = await identity.create_user(
            tx,
            username=username,
            password=PASSWORD,
            role=role,
            must_change=False,
            actor="admin",
            now_us=START_US,
        )
    return user.id


async def sign_in(
    database: Database,
    username: str = "lan",
    password: str = PASSWORD,
    *,
    now_us: int = START_US,
    address: str = HOME,
) -> identity.SessionToken | None:
    """Try to open a session."""
    async with database.write() as tx:
        return await identity.sign_in(
            tx,
            username,
            password,
            now_us=now_us,
            lifetime_s=24 * HOUR_S,
            address=address,
            agent="Firefox",
        )


async def session(database: Database, username: str = "lan", *, now_us: int = START_US) -> str:
    """Open a session and return its token."""
    opened = await sign_in(database, username, now_us=now_us)
    assert opened is not None
    return opened.token


async def enrolled(database: Database, token: str) -> tuple[Enrolment, tuple[str, ...]]:
    """Take an authenticator into use with its code of START_US; return it and the recovery codes."""
    async with database.write() as tx:
        enrolment = await identity.enrol(tx, token, now_us=START_US)
        recovery = await identity.confirm_enrolment(
            tx, token, code_at(enrolment, START_US), now_us=START_US, address=HOME
        )
    assert recovery is not None
    return enrolment, recovery


async def owed(database: Database, token: str, now_us: int = START_US) -> str | None:
    """What a session still owes of a second factor; None when it is no session."""
    async with database.read() as tx:
        who = await identity.session_user(tx, token, now_us)
    return None if who is None else who.second_factor


async def show(
    database: Database, token: str, code: str, *, now_us: int = START_US, address: str = HOME
) -> bool:
    """Show a second factor."""
    async with database.write() as tx:
        return await identity.show_second_factor(tx, token, code, now_us=now_us, address=address)


async def sent_code(database: Database) -> tuple[messages.OutboxRow, str]:
    """Return the newest queued message as it is sent, and the code in it."""
    async with database.read() as tx:
        row = (await messages.outbox(tx, limit=1))[0]
        clear = await messages.readable(tx, row)
    return clear, str(clear.params["code"])


async def confirmed_address(
    database: Database, token: str, kind: str, value: str, *, now_us: int = START_US
) -> None:
    """Set a phone or mail by its owner, code and all."""
    async with database.write() as tx:
        await identity.begin_change(tx, token, kind, value, now_us=now_us)
    _, code = await sent_code(database)
    async with database.write() as tx:
        assert await identity.confirm_change(tx, token, kind, code, now_us=now_us)
