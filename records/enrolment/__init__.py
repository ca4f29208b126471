"""Admission of gateways: one-time codes, certificates, and what the broker is to let in."""

from __future__ import annotations

from records.enrolment.differences import differences, put_differences
from records.enrolment.places import addresses
from records.enrolment.services import (
    accesses,
    add_certificate,
    certificates,
    codes,
    create_code,
    mark_applied,
    readmit_gateway,
    redeem_code,
    renewable,
    revoke_gateway,
    revoked_certificates,
)
from records.enrolment.structs import (
    Difference,
    EnrolmentCode,
    GatewayAccess,
    GatewayCertificate,
    OpenDifference,
)

__all__ = [
    "Difference",
    "EnrolmentCode",
    "GatewayAccess",
    "GatewayCertificate",
    "OpenDifference",
    "accesses",
    "add_certificate",
    "addresses",
    "certificates",
    "codes",
    "create_code",
    "differences",
    "mark_applied",
    "put_differences",
    "readmit_gateway",
    "redeem_code",
    "renewable",
    "revoke_gateway",
    "revoked_certificates",
]
