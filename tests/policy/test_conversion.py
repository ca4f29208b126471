"""Whether a vessel counts as medical, and when an instrument is due."""

from __future__ import annotations

import msgspec
import pytest

from oxygen.messages import LOCALES, catalogue
from policy.calibration import CalibrationState, calibration
from policy.conversion import Certificate, GasService, Outcome, Step, UseReason, medical_use

TODAY = "2021-08-15"
ALL = [
    Certificate(step, f"2021-08-{day:02}", f"CN-{day}", "Xưởng Bảo Minh", id=day)
    for day, step in enumerate(
        (Step.VENTED, Step.CLEANED, Step.VALVE, Step.TEST, Step.COLOUR, Step.PURITY), start=1
    )
]


def _without(step: Step) -> list[Certificate]:
    return [each for each in ALL if each.step is not step]


def _with(step: Step, **values: object) -> list[Certificate]:
    return [msgspec.structs.replace(each, **values) if each.step is step else each for each in ALL]


def test_an_industrial_vessel_with_every_certificate_counts_as_medical() -> None:
    use = medical_use(GasService.INDUSTRIAL, ALL, today=TODAY)

    assert (use.allowed, use.reason, use.steps) == (True, UseReason.CONVERTED, ())


def test_a_medical_vessel_needs_no_conversion() -> None:
    use = medical_use(GasService.MEDICAL, [], today=TODAY)

    assert (use.allowed, use.reason) == (True, UseReason.MEDICAL_SERVICE)


@pytest.mark.parametrize("step", list(Step))
def test_each_step_is_required(step: Step) -> None:
    use = medical_use(GasService.INDUSTRIAL, _without(step), today=TODAY)

    assert (use.allowed, use.reason, use.steps) == (False, UseReason.STEPS_MISSING, (step,))


@pytest.mark.parametrize("values", [{"certificate": " "}, {"done_by": ""}, {"done_on": "2021-08-16"}])
def test_a_certificate_without_number_or_maker_or_of_tomorrow_does_not_count(
    values: dict[str, str],
) -> None:
    use = medical_use(GasService.INDUSTRIAL, _with(Step.VALVE, **values), today=TODAY)

    assert (use.reason, use.steps) == (UseReason.STEPS_MISSING, (Step.VALVE,))


@pytest.mark.parametrize("service", list(GasService))
def test_a_step_that_was_failed_stops_any_vessel(service: GasService) -> None:
    use = medical_use(service, _with(Step.PURITY, outcome=Outcome.FAILED), today=TODAY)

    assert (use.allowed, use.reason, use.steps) == (False, UseReason.STEP_FAILED, (Step.PURITY,))


def test_the_newest_certificate_of_a_step_counts() -> None:
    failed = msgspec.structs.replace(ALL[5], outcome=Outcome.FAILED, id=7)
    mended = msgspec.structs.replace(ALL[5], done_on="2021-08-10", id=8)
    withdrawn = msgspec.structs.replace(mended, outcome=Outcome.WITHDRAWN, id=9)

    assert medical_use(GasService.INDUSTRIAL, [*ALL, failed], today=TODAY).reason is UseReason.STEP_FAILED
    assert medical_use(GasService.INDUSTRIAL, [mended, failed, *ALL], today=TODAY).allowed
    again = medical_use(GasService.INDUSTRIAL, [withdrawn, mended, failed, *ALL], today=TODAY)
    assert (again.reason, again.steps) == (UseReason.STEPS_MISSING, (Step.PURITY,))


def test_a_certificate_counts_to_its_last_day() -> None:
    certificates = _with(Step.TEST, valid_to=TODAY)

    assert medical_use(GasService.INDUSTRIAL, certificates, today=TODAY).allowed
    late = medical_use(GasService.INDUSTRIAL, certificates, today="2021-08-16")
    assert (late.reason, late.steps) == (UseReason.CERTIFICATE_EXPIRED, (Step.TEST,))


def test_purity_is_tested_after_the_vessel_was_cleaned() -> None:
    use = medical_use(GasService.INDUSTRIAL, _with(Step.CLEANED, done_on="2021-08-07"), today=TODAY)

    assert (use.reason, use.steps) == (UseReason.PURITY_TOO_EARLY, (Step.CLEANED,))


def test_a_conversion_does_not_outlive_the_next_turn_to_industrial_gas() -> None:
    use = medical_use(GasService.INDUSTRIAL, ALL, today=TODAY, industrial_since="2021-08-04")

    assert (use.allowed, use.steps) == (False, (Step.VENTED, Step.CLEANED, Step.VALVE))


@pytest.mark.parametrize(
    ("calibrated_on", "months", "today", "state", "due_on", "days"),
    [
        (None, 12, "2021-08-15", CalibrationState.UNKNOWN, None, None),
        ("2021-01-10", None, "2021-08-15", CalibrationState.UNKNOWN, None, None),
        ("2021-09-01", 12, "2021-08-15", CalibrationState.UNKNOWN, None, None),
        ("2020-09-14", 12, "2021-08-15", CalibrationState.DUE_SOON, "2021-09-14", 30),
        ("2020-09-15", 12, "2021-08-15", CalibrationState.VALID, "2021-09-15", 31),
        ("2020-08-15", 12, "2021-08-15", CalibrationState.DUE_SOON, "2021-08-15", 0),
        ("2020-08-14", 12, "2021-08-15", CalibrationState.OVERDUE, "2021-08-14", -1),
        ("2020-08-31", 6, "2021-02-01", CalibrationState.DUE_SOON, "2021-02-28", 27),
        ("2024-02-29", 12, "2025-02-28", CalibrationState.DUE_SOON, "2025-02-28", 0),
        ("2021-11-30", 3, "2022-01-01", CalibrationState.VALID, "2022-02-28", 58),
    ],
)
def test_a_calibration_is_due_on_the_same_day_of_a_later_month(
    calibrated_on: str | None,
    months: int | None,
    today: str,
    state: CalibrationState,
    due_on: str | None,
    days: int | None,
) -> None:
    found = calibration(calibrated_on, months, today)

    assert (found.state, found.due_on, found.days_left) == (state, due_on, days)


@pytest.mark.parametrize("locale", LOCALES)
def test_every_reason_and_step_has_a_text(locale: str) -> None:
    keys = [f"medical_use.{each}" for each in UseReason] + [
        f"calibration.{each}" for each in CalibrationState
    ]
    keys += [f"choice.{each}" for each in (*Step, *Outcome, *GasService)]

    assert [key for key in keys if key not in catalogue(locale)] == []
