"""An account's phone and mail: sealed, and changed only by who knows the password and holds the new one."""

from __future__ import annotations

import msgspec
from sqlalchemy import RowMapping, select

from oxygen.errors import Rejected
from policy import identifiers
from records import audit, messages, personal
from records.database import Transaction
from records.identity.codes import Sending, redeem_code, send_code
from records.identity.models import ADDRESS_KINDS, account, account_address
from records.identity.reauthentication import require_recent
from records.refusals import check_one_of, not_found

CHANGED_TEMPLATE = "address_changed"
_CHANNELS = {"phone": "sms", "email": "email"}


class Address(msgspec.Struct, frozen=True):
    """A phone or mail address as stored.

    Attributes:
        sealed: Open it with `personal.view`, field `field_of(kind)`.
        confirmed_us: When its owner proved to hold it; None while nobody has.
    """

    kind: str
    sealed: str
    set_us: int
    confirmed_us: int | None


def field_of(kind: str) -> str:
    """Return the name of the field that a kind of address is sealed for."""
    return f"account_address.{kind}"


async def addresses(tx: Transaction, user_id: int) -> dict[str, Address]:
    """Return an account's addresses by kind."""
    table = account_address
    rows = await tx.rows(select(table).where(table.c.account_id == user_id).order_by(table.c.kind))
    return {
        row["kind"]: Address(row["kind"], row["sealed"], row["set_us"], row["confirmed_us"]) for row in rows
    }


async def set_address(
    tx: Transaction, user_id: int, kind: str, value: str, *, actor: str, now_us: int
) -> None:
    """Give an account its first phone or mail, by whoever issues accounts; nobody has confirmed it yet.

    Raises Rejected: `bad_phone`, `bad_mail`, `address_confirmed` when the owner has confirmed one already
    (only the owner changes that), `not_found`; Permanent without keys.
    """
    row = await _account(tx, user_id)
    present = (await addresses(tx, user_id)).get(kind)
    if present is not None and present.confirmed_us is not None:
        raise Rejected("its owner has confirmed this address", code="address_confirmed")
    sealed = await _sealed(tx, user_id, kind, value, now_us)
    await _store(tx, user_id, kind, sealed, now_us, None)
    await _audit(tx, row["username"], actor, "user.set_address", now_us, kind, present, sealed)


async def begin_change(tx: Transaction, session_token: str, kind: str, value: str, *, now_us: int) -> None:
    """Send a code to a new phone or mail; the present one stays until the code comes back.

    Raises Rejected: `reauthentication_needed`, `session_over`, `bad_phone`, `bad_mail`, `too_many_codes`;
    Permanent without keys.
    """
    holder = await require_recent(tx, session_token, now_us)
    row = await _account(tx, holder.user_id)
    sealed = await _sealed(tx, holder.user_id, kind, value, now_us)
    to = Sending(_CHANNELS[kind], sealed, field_of(kind), row["locale"])
    await send_code(tx, holder.user_id, f"change_{kind}", to, payload=sealed, now_us=now_us)
    await _audit(
        tx, holder.username, holder.username, f"user.begin_change_{kind}", now_us, kind, None, sealed
    )


async def confirm_change(tx: Transaction, session_token: str, kind: str, code: str, *, now_us: int) -> bool:
    """Take the new phone or mail into use by the code it received, and tell the earlier mail; False if wrong.

    Commit in either case. Raises Rejected `reauthentication_needed`, `session_over`; Permanent without keys.
    """
    check_one_of("kind", kind, ADDRESS_KINDS)
    holder = await require_recent(tx, session_token, now_us)
    redeemed = await redeem_code(tx, holder.user_id, f"change_{kind}", code, now_us=now_us)
    if redeemed is None or redeemed.payload is None:
        return False
    before = await addresses(tx, holder.user_id)
    await _store(tx, holder.user_id, kind, redeemed.payload, now_us, now_us)
    row = await _account(tx, holder.user_id)
    mail = before.get("email")
    if mail is not None and mail.confirmed_us is not None:
        await _tell(tx, holder.user_id, mail, kind, row["locale"], now_us)
    await _audit(
        tx,
        holder.username,
        holder.username,
        f"user.change_{kind}",
        now_us,
        kind,
        before.get(kind),
        redeemed.payload,
    )
    return True


async def send_to_phone(tx: Transaction, user_id: int, purpose: str, *, now_us: int) -> int:
    """Send a one-time code to an account's confirmed phone, and return the code's id.

    Raises Rejected `no_phone`, `too_many_codes`, `not_found`; Permanent without keys.
    """
    row = await _account(tx, user_id)
    phone = (await addresses(tx, user_id)).get("phone")
    if phone is None or phone.confirmed_us is None:
        raise Rejected("the account has no confirmed phone", code="no_phone")
    to = Sending("sms", phone.sealed, field_of("phone"), row["locale"])
    return await send_code(tx, user_id, purpose, to, now_us=now_us)


async def _account(tx: Transaction, user_id: int) -> RowMapping:
    row = await tx.row(select(account).where(account.c.id == user_id, account.c.active))
    if row is None:
        raise not_found("user", user_id)
    return row


async def _sealed(tx: Transaction, user_id: int, kind: str, value: str, now_us: int) -> str:
    check_one_of("kind", kind, ADDRESS_KINDS)
    normal = identifiers.phone_e164(value) if kind == "phone" else identifiers.mail_address(value)
    if normal is None:
        raise Rejected(f"this is no {kind}", code="bad_phone" if kind == "phone" else "bad_mail")
    person_id = await personal.person_for(tx, "account", f"user:{user_id}", now_us=now_us)
    return await personal.seal(tx, person_id, field_of(kind), normal)


async def _store(
    tx: Transaction, user_id: int, kind: str, sealed: str, now_us: int, confirmed_us: int | None
) -> None:
    table = account_address
    values = {"sealed": sealed, "set_us": now_us, "confirmed_us": confirmed_us}
    statement = tx.insert(table).values(values | {"account_id": user_id, "kind": kind})
    await tx.execute(statement.on_conflict_do_update(index_elements=["account_id", "kind"], set_=values))
    if kind != "phone" or confirmed_us is None:
        return
    (phone,) = await personal.open_sealed(tx, [personal.Sealed(field_of("phone"), sealed)])
    person_id = await personal.person_for(tx, "account", f"user:{user_id}", now_us=now_us)
    await personal.put_index(tx, person_id, "phone", phone.text)


async def _tell(tx: Transaction, user_id: int, mail: Address, kind: str, locale: str, now_us: int) -> None:
    item = messages.OutboxItem(
        key=f"address-changed:{user_id}:{kind}:{now_us}",
        channel="email",
        address=mail.sealed,
        locale=locale,
        template=CHANGED_TEMPLATE,
        params={"kind": kind, "address_field": field_of("email"), "at_us": now_us},
        created_us=now_us,
    )
    await messages.enqueue(tx, [item])


async def _audit(
    tx: Transaction,
    username: str,
    actor: str,
    action: str,
    now_us: int,
    kind: str,
    before: Address | None,
    sealed: str,
) -> None:
    await audit.record(
        tx,
        at_us=now_us,
        actor=actor,
        action=action,
        subject=f"user:{username}",
        detail={"kind": kind},
        before=None if before is None else {kind: before.sealed},
        after={kind: sealed},
    )
