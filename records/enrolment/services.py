"""Admission of gateways: codes handed out, certificates given, everything taken back.

A code is 100 random bits, so that its plain hash tells nothing and guessing leads nowhere. A gateway whose
access was revoked is not let in again while a certificate of it could still be shown: a broker that does not
look at the revocation list could not tell the stolen one from the new one. Its place is taken by a gateway
with a code of its own.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from typing import Any

import msgspec
from sqlalchemy import select, update

from oxygen.errors import Rejected
from records import audit
from records.database import Transaction
from records.enrolment import models
from records.enrolment.structs import EnrolmentCode, GatewayAccess, GatewayCertificate, Wanted
from records.refusals import not_found
from records.registry.models import gateway as gateway_table

_CODE_BYTES = 13
_GROUP = 5


def new_code() -> str:
    """Return a random code, as XXXXX-XXXXX-XXXXX-XXXXX of A–Z and 2–7."""
    letters = base64.b32encode(secrets.token_bytes(_CODE_BYTES)).decode().rstrip("=")[:20]
    return "-".join(letters[start : start + _GROUP] for start in range(0, len(letters), _GROUP))


async def create_code(tx: Transaction, gateway: str, *, valid_us: int, actor: str, now_us: int) -> str:
    """Return a new one-time code for a gateway; earlier ones that were not used are withdrawn.

    Raises Rejected: `not_found` for an unknown gateway, `gateway_revoked` (see the module).
    """
    await _known(tx, gateway, in_use=True)
    await _refuse_revoked(tx, gateway, now_us)
    code = new_code()
    await _withdraw_codes(tx, gateway, now_us)
    values = {
        "gateway": gateway,
        "code_hash": _hash(code),
        "created_by": actor,
        "created_us": now_us,
        "expires_us": now_us + valid_us,
    }
    await tx.execute(tx.insert(models.enrolment_code).values(values))
    await _audit(tx, "gateway.code", gateway, actor, now_us, {"expires_us": now_us + valid_us})
    return code


async def redeem_code(tx: Transaction, code: str, *, key_sha256: str, now_us: int) -> str:
    """Use up a code and return its gateway.

    The same key may use it again until it expires: the answer to the first time may have been lost.

    Raises Rejected: `bad_enrolment_code` when it is unknown, used, withdrawn or too old, without telling
    which; `gateway_revoked`.
    """
    table = models.enrolment_code
    usable = (
        (table.c.code_hash == _hash(code))
        & (table.c.expires_us > now_us)
        & table.c.withdrawn_us.is_(None)
        & (table.c.used_us.is_(None) | (table.c.used_key == key_sha256))
    )
    used = update(table).where(usable).values(used_us=now_us, used_key=key_sha256).returning(table.c.gateway)
    gateway = await tx.scalar(used)
    if gateway is None:
        raise Rejected("the enrolment code does not hold", code="bad_enrolment_code")
    await _known(tx, gateway, in_use=True)
    await _refuse_revoked(tx, gateway, now_us)
    return str(gateway)


async def codes(tx: Transaction, gateway: str) -> list[EnrolmentCode]:
    """Return a gateway's codes, newest first, without the codes themselves."""
    table = models.enrolment_code.c
    columns = [table[name] for name in EnrolmentCode.__struct_fields__]
    rows = await tx.rows(select(*columns).where(table.gateway == gateway).order_by(table.id.desc()))
    return [EnrolmentCode(**row) for row in rows]


async def add_certificate(
    tx: Transaction, certificate: GatewayCertificate, *, actor: str, now_us: int
) -> None:
    """Keep a certificate that is about to be handed out, and have the broker let its gateway in.

    Raises Rejected `gateway_revoked`.
    """
    await _known(tx, certificate.gateway, in_use=True)
    await _refuse_revoked(tx, certificate.gateway, now_us)
    values = msgspec.structs.asdict(certificate)
    await tx.execute(tx.insert(models.gateway_certificate).values(values))
    await _want(tx, certificate.gateway, "granted", now_us)
    detail = {
        "serial": certificate.serial,
        "not_after_us": certificate.not_after_us,
        "renewal_of": certificate.renewal_of,
    }
    await _audit(tx, "gateway.certificate", certificate.gateway, actor, now_us, detail)


async def renewable(tx: Transaction, fingerprint: str, now_us: int) -> GatewayCertificate:
    """Return the certificate of a fingerprint if it may be renewed now.

    Raises Rejected `bad_certificate` when it is not ours, revoked, or past its end: then a code is needed.
    """
    table = models.gateway_certificate
    row = await tx.row(select(table).where(table.c.fingerprint == fingerprint))
    if row is None or not (found := GatewayCertificate(**row)).valid_at(now_us):
        raise Rejected("the certificate does not hold (any more)", code="bad_certificate")
    return found


async def certificates(tx: Transaction, gateway: str | None = None) -> list[GatewayCertificate]:
    """Return the certificates of a gateway or of all, newest first."""
    table = models.gateway_certificate
    query = select(table).order_by(table.c.issued_us.desc(), table.c.serial)
    if gateway is not None:
        query = query.where(table.c.gateway == gateway)
    return [GatewayCertificate(**row) for row in await tx.rows(query)]


async def revoked_certificates(tx: Transaction, now_us: int) -> list[GatewayCertificate]:
    """Return the revoked certificates that have not run out: the revocation list, by serial."""
    table = models.gateway_certificate
    listed = table.c.revoked_us.is_not(None) & (table.c.not_after_us > now_us)
    rows = await tx.rows(select(table).where(listed).order_by(table.c.serial))
    return [GatewayCertificate(**row) for row in rows]


async def revoke_gateway(tx: Transaction, gateway: str, *, reason: str, actor: str, now_us: int) -> int:
    """Take everything back: codes, certificates, the broker's door. Returns how many certificates fell.

    Raises Rejected `not_found` for an unknown gateway.
    """
    await _known(tx, gateway)
    await _withdraw_codes(tx, gateway, now_us)
    table = models.gateway_certificate
    fallen = update(table).where(table.c.gateway == gateway, table.c.revoked_us.is_(None))
    values = {"revoked_us": now_us, "revoked_by": actor, "revoked_reason": reason}
    count = (await tx.execute(fallen.values(values))).rowcount
    await _want(tx, gateway, "revoked", now_us)
    await _audit(tx, "gateway.revoke", gateway, actor, now_us, {"reason": reason, "certificates": count})
    return count


async def readmit_gateway(tx: Transaction, gateway: str, *, reason: str, actor: str, now_us: int) -> None:
    """Lift a revocation once no certificate of the gateway can be shown any more.

    Raises Rejected: `not_found`, `gateway_revoked` while one has not run out.
    """
    await _known(tx, gateway, in_use=True)
    if await _living_revoked(tx, gateway, now_us):
        raise _revoked(gateway)
    table = models.gateway_access
    await tx.execute(table.delete().where(table.c.gateway == gateway))
    await _audit(tx, "gateway.readmit", gateway, actor, now_us, {"reason": reason})


async def accesses(tx: Transaction, *, undone_only: bool = False) -> list[GatewayAccess]:
    """Return what the broker is to do, revocations first; with `undone_only` what it does not do yet."""
    table = models.gateway_access
    query = select(table).order_by(table.c.wanted.desc(), table.c.wanted_us)
    if undone_only:
        query = query.where(table.c.version != table.c.applied_version)
    return [GatewayAccess(**row) for row in await tx.rows(query)]


async def mark_applied(tx: Transaction, access: GatewayAccess, *, now_us: int, problem: str = "") -> None:
    """Note that the broker does what that version wanted, or why not; a newer wish stays undone."""
    table = models.gateway_access
    same = (table.c.gateway == access.gateway) & (table.c.version == access.version)
    values: dict[str, Any] = {"problem": problem}
    if not problem:
        values |= {"applied_version": access.version, "applied_us": now_us}
    await tx.execute(update(table).where(same).values(values))


async def _want(tx: Transaction, gateway: str, wanted: Wanted, now_us: int) -> None:
    table = models.gateway_access
    values = {
        "gateway": gateway,
        "wanted": wanted,
        "version": 1,
        "wanted_us": now_us,
        "applied_version": 0,
        "problem": "",
    }
    again = {"wanted": wanted, "version": table.c.version + 1, "wanted_us": now_us, "problem": ""}
    changed = (table.c.wanted != wanted) if wanted == "granted" else None
    await tx.execute(
        tx.insert(table)
        .values(values)
        .on_conflict_do_update(index_elements=["gateway"], set_=again, where=changed)
    )


async def _known(tx: Transaction, gateway: str, *, in_use: bool = False) -> None:
    """Make sure that the gateway is registered, and that nobody admits or revokes it at the same time."""
    query = select(gateway_table.c.code).where(gateway_table.c.code == gateway).with_for_update()
    if in_use:
        query = query.where(gateway_table.c.retired_us.is_(None))
    if await tx.scalar(query) is None:
        raise not_found("gateway", gateway)


async def _refuse_revoked(tx: Transaction, gateway: str, now_us: int) -> None:
    table = models.gateway_access.c
    wanted = await tx.scalar(select(table.wanted).where(table.gateway == gateway))
    if wanted == "revoked" or await _living_revoked(tx, gateway, now_us):
        raise _revoked(gateway)


async def _living_revoked(tx: Transaction, gateway: str, now_us: int) -> bool:
    return any(each.gateway == gateway for each in await revoked_certificates(tx, now_us))


async def _withdraw_codes(tx: Transaction, gateway: str, now_us: int) -> None:
    table = models.enrolment_code
    standing = (table.c.gateway == gateway) & table.c.withdrawn_us.is_(None)
    await tx.execute(update(table).where(standing).values(withdrawn_us=now_us))


async def _audit(
    tx: Transaction, action: str, gateway: str, actor: str, now_us: int, detail: dict[str, Any]
) -> None:
    subject = f"gateway:{gateway}"
    await audit.record(tx, at_us=now_us, actor=actor, action=action, subject=subject, detail=detail)


def _revoked(gateway: str) -> Rejected:
    return Rejected(f"gateway {gateway} was revoked", code="gateway_revoked", gateway=gateway)


def _hash(code: str) -> str:
    letters = "".join(letter for letter in code.upper() if letter.isalnum())
    return hashlib.sha256(letters.encode()).hexdigest()
