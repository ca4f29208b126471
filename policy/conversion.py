"""Whether a vessel may hold medical oxygen: as it was made, or after a conversion with certificates. Pure.

A vessel of industrial service counts as medical only when every step of its conversion stands with a day, a
certificate's number and who did it. Doubt is a no, with the reason.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

import msgspec


class GasService(StrEnum):
    """What a vessel was made for, or last used for."""

    MEDICAL = "medical"
    INDUSTRIAL = "industrial"


class Step(StrEnum):
    """Steps of a conversion to medical oxygen, in the order in which they are done."""

    VENTED = "vented"
    CLEANED = "cleaned"
    VALVE = "valve"
    TEST = "test"
    COLOUR = "colour"
    PURITY = "purity"


class Outcome(StrEnum):
    """What a certificate says; a withdrawn one stands for none at all."""

    PASSED = "passed"
    FAILED = "failed"
    WITHDRAWN = "withdrawn"


class UseReason(StrEnum):
    """Why a vessel may or may not hold medical oxygen."""

    MEDICAL_SERVICE = "medical_service"
    CONVERTED = "converted"
    STEPS_MISSING = "steps_missing"
    STEP_FAILED = "step_failed"
    CERTIFICATE_EXPIRED = "certificate_expired"
    PURITY_TOO_EARLY = "purity_too_early"


REQUIRED = tuple(Step)
_BEFORE_PURITY = (Step.VENTED, Step.CLEANED, Step.VALVE)


class Certificate(msgspec.Struct, frozen=True):
    """One step as it was certified.

    Attributes:
        done_on: Day of the work or test, YYYY-MM-DD.
        certificate, done_by: The certificate's number, and who did the work.
        valid_to: Last day on which it counts, or None when it does not run out.
        id: Counts certificates in the order in which they were entered.
    """

    step: Step
    done_on: str
    certificate: str
    done_by: str
    outcome: Outcome = Outcome.PASSED
    valid_to: str | None = None
    id: int = 0


class MedicalUse(msgspec.Struct, frozen=True):
    """The decision, why, and the steps that stand in the way."""

    allowed: bool
    reason: UseReason
    steps: tuple[Step, ...] = ()


def medical_use(
    service: GasService,
    certificates: Iterable[Certificate],
    *,
    today: str,
    industrial_since: str | None = None,
) -> MedicalUse:
    """Decide whether a vessel counts as medical on a day.

    Args:
        service: What it was made for, or last used for.
        certificates: All that were entered, in any order.
        today: The day that the decision is for; what is dated later does not count yet.
        industrial_since: Day of its last turn to industrial gas; what is dated earlier no longer counts.
    """
    newest = _newest(certificates, today, industrial_since or "")
    failed = tuple(step for step in newest if newest[step].outcome is Outcome.FAILED)
    if failed:
        return MedicalUse(False, UseReason.STEP_FAILED, failed)
    if service is GasService.MEDICAL:
        return MedicalUse(True, UseReason.MEDICAL_SERVICE)
    missing = tuple(step for step in REQUIRED if step not in newest)
    if missing:
        return MedicalUse(False, UseReason.STEPS_MISSING, missing)
    expired = tuple(step for step in newest if (newest[step].valid_to or today) < today)
    if expired:
        return MedicalUse(False, UseReason.CERTIFICATE_EXPIRED, expired)
    sampled = newest[Step.PURITY].done_on
    later = tuple(step for step in _BEFORE_PURITY if newest[step].done_on > sampled)
    if later:
        return MedicalUse(False, UseReason.PURITY_TOO_EARLY, later)
    return MedicalUse(True, UseReason.CONVERTED)


def _newest(certificates: Iterable[Certificate], today: str, since: str) -> dict[Step, Certificate]:
    """Return the newest certificate of each step that has one, complete and not withdrawn."""
    newest: dict[Step, Certificate] = {}
    for certificate in sorted(certificates, key=lambda each: (each.done_on, each.id)):
        complete = certificate.certificate.strip() and certificate.done_by.strip()
        counts = complete or certificate.outcome is not Outcome.PASSED
        if counts and since <= certificate.done_on <= today:
            newest[certificate.step] = certificate
    standing = (step for step in REQUIRED if step in newest)
    return {step: newest[step] for step in standing if newest[step].outcome is not Outcome.WITHDRAWN}
