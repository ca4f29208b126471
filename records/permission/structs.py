"""Grants and opened personal data, as the services give them out."""

from __future__ import annotations

import msgspec

from policy.permission import Grant, Scope


class GrantRow(msgspec.Struct, frozen=True):
    """A grant as it stands.

    Attributes:
        account_id: Who holds it.
        grant: Role, scope and validity.
        granted_by, granted_us, reason: Who gave it, when and why.
        revoked_us, revoked_by, revoke_reason: The same of its end; None while it stands.
    """

    id: int
    account_id: int
    grant: Grant
    granted_by: str
    granted_us: int
    reason: str
    revoked_us: int | None = None
    revoked_by: str | None = None
    revoke_reason: str | None = None

    def in_force(self, now_us: int) -> bool:
        """Tell whether it counts at an instant."""
        return self.revoked_us is None and self.grant.in_force(now_us)

    def ended(self, now_us: int) -> bool:
        """Tell whether it is over; one that has yet to begin is not."""
        over = self.grant.valid_to_us is not None and self.grant.valid_to_us <= now_us
        return self.revoked_us is not None or over


class BrokenGlass(msgspec.Struct, frozen=True):
    """Personal data of a scope, opened with a reason until an instant."""

    id: int
    account_id: int
    scope: Scope
    reason: str
    opened_us: int
    expires_us: int
    closed_us: int | None = None
