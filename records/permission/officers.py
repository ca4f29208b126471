"""A facility's officer in charge, for who may see personal data; who looked is on record."""

from __future__ import annotations

import msgspec

from policy.roles import FieldClass
from records import audit, personal
from records.database import Transaction
from records.permission.visible import Visible
from records.personal import Sealed

_ACTION = "facilities:read"
_PHONE = "facility.officer_phone"


class Officer(msgspec.Struct, frozen=True):
    """Whom to call; `phone_reason` tells why there is no telephone number, `ok` when there is."""

    name: str
    phone: str
    phone_reason: str = personal.OK


async def officer_of(
    tx: Transaction, visible: Visible, facility: str, *, viewer: str, now_us: int
) -> Officer | None:
    """Return a facility's officer, and audit that `viewer` saw it; None when there is nothing to be seen."""
    entry = visible.where.registry.facility(facility)
    target = visible.where.facility(facility)
    if entry is None or FieldClass.PERSONAL not in visible.classes(_ACTION, target):
        return None
    if not entry.officer_name and not entry.officer_phone:
        return None
    # A role that sees personal data needs no glass; for the others the reason stands at the opening.
    reason = "broken_glass" if visible.through_glass(_ACTION, target) else "role"
    await audit.record(
        tx,
        at_us=now_us,
        actor=viewer,
        action="personal.view",
        subject=f"facility:{facility}",
        detail={"fields": ["officer_name", "officer_phone"]},
        reason=reason,
    )
    if not personal.is_sealed(entry.officer_phone):
        return Officer(entry.officer_name, entry.officer_phone)
    sealed = [Sealed(_PHONE, entry.officer_phone)]
    (opened,) = await personal.view(tx, sealed, viewer=viewer, reason=reason, now_us=now_us)
    return Officer(entry.officer_name, opened.text or "", opened.reason)
