"""Conversion of vessels to medical oxygen: entering certificates, and asking what a vessel counts as."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from sqlalchemy import insert, select

from oxygen.errors import Rejected
from policy.conversion import Certificate, GasService, MedicalUse, Outcome, Step, medical_use
from records import audit
from records.database import Transaction
from records.refusals import bad_value, check_one_of
from records.registry import holding_models, models
from records.registry.checks import check_day
from records.registry.counting import bump_version
from records.registry.holding_models import conversion_step
from records.registry.holdings import ConversionStep, VesselLot
from records.registry.storing import get_entry
from records.registry.structs import Tank


async def record_step(tx: Transaction, step: ConversionStep, *, actor: str, now_us: int) -> ConversionStep:
    """Add a certified step and return it; the same step entered again returns the one that is there.

    Steps are never changed: a newer one of the same kind counts in place of the older, and one with the
    outcome `withdrawn` takes it back.

    Raises Rejected: `not_found` for an unknown vessel, `bad_value` for a missing certificate or a wrong day.
    """
    check_step(step)
    await vessel(tx, step.subject)
    for known in await steps(tx, step.subject):
        if _facts(known) == _facts(step):
            return known
    values = {**msgspec.structs.asdict(step), "recorded_us": now_us, "recorded_by": actor}
    del values["id"]
    number = await tx.scalar(insert(conversion_step).values(values).returning(conversion_step.c.id))
    stored = ConversionStep(**values, id=int(number))
    await bump_version(tx)
    await audit.record(
        tx,
        at_us=now_us,
        actor=actor,
        action="conversion.record",
        subject=step.subject,
        after=msgspec.to_builtins(stored),
    )
    return stored


def check_step(step: ConversionStep) -> None:
    """Refuse a step without certificate or day. Raises Rejected `bad_value`."""
    kind, _, code = step.subject.partition(":")
    if kind not in ("tank", "lot") or not code:
        raise bad_value("subject", step.subject, "tank:CODE | lot:CODE")
    check_one_of("step", step.step, tuple(Step))
    check_one_of("outcome", step.outcome, tuple(Outcome))
    for field in ("certificate", "done_by"):
        if not getattr(step, field).strip():
            raise bad_value(field, "", "a text")
    check_day("done_on", step.done_on)
    check_day("valid_to", step.valid_to)
    if step.valid_to is not None and step.valid_to < step.done_on:
        raise bad_value("valid_to", step.valid_to, "≥ done_on")


async def steps(tx: Transaction, subject: str | None = None) -> list[ConversionStep]:
    """Return the steps of a vessel, or of all of them, in the order in which they were entered."""
    query = select(conversion_step).order_by(conversion_step.c.subject, conversion_step.c.id)
    if subject is not None:
        query = query.where(conversion_step.c.subject == subject)
    rows = await tx.rows(query)
    return [
        ConversionStep(**{**row, "step": Step(row["step"]), "outcome": Outcome(row["outcome"])})
        for row in rows
    ]


async def vessel(tx: Transaction, subject: str) -> Tank | VesselLot:
    """Return the tank or lot that a subject names. Raises Rejected `not_found`."""
    kind, _, code = subject.partition(":")
    if kind == "tank":
        return await get_entry(tx, models.tank, Tank, code)
    return await get_entry(tx, holding_models.vessel_lot, VesselLot, code)


async def use_of(tx: Transaction, subject: str, *, today: str) -> MedicalUse:
    """Return whether a vessel counts as medical on a day, and why. Raises Rejected `not_found`."""
    return decide(await vessel(tx, subject), await steps(tx, subject), today=today)


async def require_medical(tx: Transaction, subject: str, *, today: str) -> None:
    """Raise Rejected `not_medical` unless a vessel may be lent, filled or delivered as medical."""
    use = await use_of(tx, subject, today=today)
    if not use.allowed:
        raise Rejected(
            f"{subject} does not count as medical: {use.reason}",
            code="not_medical",
            subject=subject,
            reason=use.reason.value,
            steps=", ".join(use.steps),
        )


def decide(entry: Tank | VesselLot, known: Iterable[ConversionStep], *, today: str) -> MedicalUse:
    """Return whether a vessel counts as medical on a day, by its own steps among the known ones."""
    certificates = (
        Certificate(
            each.step, each.done_on, each.certificate, each.done_by, each.outcome, each.valid_to, each.id
        )
        for each in known
        if each.subject == entry.subject
    )
    since = entry.industrial_since
    return medical_use(GasService(entry.gas_service), certificates, today=today, industrial_since=since)


def _facts(step: ConversionStep) -> ConversionStep:
    return msgspec.structs.replace(step, recorded_us=0, recorded_by="", id=0)
