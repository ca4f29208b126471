"""Certificates for gateways. The code, or the certificate that is renewed, says who asks: no session."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from api.context import context_of
from api.enrolment import Admission
from api.errors import JSON_ERRORS, ApiError

router = APIRouter(tags=["enrolments"], responses=JSON_ERRORS)

Pem = Annotated[str, Field(max_length=16_384)]


class EnrolmentIn(BaseModel):
    """A one-time code, and a PEM certificate request made with a key that never leaves the gateway."""

    code: Annotated[str, Field(max_length=64)]
    request: Pem


class RenewalIn(BaseModel):
    """The certificate to renew, a new request, and a signature over the request by the old key.

    Attributes:
        signature: Base64 of a SHA-256 signature (ECDSA, or RSA with PKCS 1) over the request's DER bytes.
    """

    certificate: Pem
    request: Pem
    signature: Annotated[str, Field(max_length=2048)]


class AdmissionOut(BaseModel):
    """What a gateway needs in order to speak with the broker.

    Attributes:
        certificate: PEM: its own and the intermediate's.
        trust: PEM of the authorities that vouch for the broker.
        not_after_us, renew_after_us: End of the certificate, and when it should be renewed.
    """

    gateway: str
    facility: str
    shard: str
    certificate: str
    trust: str
    not_after_us: int
    renew_after_us: int


@router.post("/enrolments", summary="Enrol a gateway with a one-time code", status_code=201)
async def enrol(request: Request, body: EnrolmentIn) -> AdmissionOut:
    """Return a certificate for the gateway that the code was made for.

    The same code and key may be sent again until the code expires, when the answer was lost.
    """
    enrolment = context_of(request).enrolment
    if enrolment is None:
        raise ApiError(503, "enrolment_off")
    return _out(await enrolment.enrol(body.code, body.request))


@router.post("/enrolments/renewals", summary="Renew a gateway's certificate", status_code=201)
async def renew(request: Request, body: RenewalIn) -> AdmissionOut:
    """Return a new certificate for a gateway that holds the key of a valid one."""
    enrolment = context_of(request).enrolment
    if enrolment is None:
        raise ApiError(503, "enrolment_off")
    return _out(await enrolment.renew(body.certificate, body.request, body.signature))


def _out(admission: Admission) -> AdmissionOut:
    return AdmissionOut(
        gateway=admission.gateway,
        facility=admission.facility,
        shard=admission.shard,
        certificate=admission.certificate,
        trust=admission.trust,
        not_after_us=admission.not_after_us,
        renew_after_us=admission.renew_after_us,
    )
