"""What the services of enrolment take and return."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

Wanted = Literal["granted", "revoked"]


class EnrolmentCode(msgspec.Struct, frozen=True):
    """A one-time code, without the code.

    Attributes:
        used_us, withdrawn_us: When it was used, or taken back; None until then.
    """

    id: int
    gateway: str
    created_by: str
    created_us: int
    expires_us: int
    used_us: int | None
    withdrawn_us: int | None


class GatewayCertificate(msgspec.Struct, frozen=True):
    """A certificate that a gateway was given.

    Attributes:
        serial, fingerprint: Hexadecimal.
        renewal_of: Serial of the certificate that it renews; None for one got by a code.
    """

    serial: str
    gateway: str
    fingerprint: str
    not_before_us: int
    not_after_us: int
    issued_us: int
    renewal_of: str | None = None
    revoked_us: int | None = None
    revoked_by: str | None = None
    revoked_reason: str | None = None

    def valid_at(self, at_us: int) -> bool:
        """Tell whether it may be used at an instant."""
        return self.revoked_us is None and self.not_before_us <= at_us < self.not_after_us


class GatewayAccess(msgspec.Struct, frozen=True):
    """What the broker is to do for a gateway, and how far that has come.

    Attributes:
        wanted: To be let in, or not.
        version: Counts the wishes; done when `applied_version` is the same.
        problem: Why it could not be done yet, in English; empty when nothing hinders.
    """

    gateway: str
    wanted: Wanted
    version: int
    wanted_us: int
    applied_version: int
    applied_us: int | None
    problem: str

    @property
    def applied(self) -> bool:
        """Whether the broker does what is wanted."""
        return self.applied_version == self.version


class Difference(msgspec.Struct, frozen=True):
    """Something at the broker that is not as the registry has it.

    Attributes:
        kind: missing_client, missing_role, wrong_role, unknown_client or revoked_client.
        client: Its user name at the broker.
        detail: Values for the text.
    """

    kind: str
    client: str
    detail: dict[str, Any] = {}


class OpenDifference(msgspec.Struct, frozen=True):
    """A difference as it was found, one look after another; `resolved_us` when it was gone again."""

    id: int
    kind: str
    client: str
    detail: dict[str, Any]
    first_seen_us: int
    last_seen_us: int
    seen: int
    resolved_us: int | None
