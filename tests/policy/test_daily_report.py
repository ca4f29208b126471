"""The daily report, checked against sums done by hand."""

from __future__ import annotations

import msgspec
import pytest

from policy.daily_figures import Correction, Refill, ReportVersion, TankDay
from policy.daily_report import DailyReport, FigureName, Provenance, Source, assemble, figure_key

# 2026-03-01 in Vietnam ends at 2026-03-01T17:00:00Z.
DAY_END_US = 1_772_384_400_000_000
TANKS = ("tank:cho-lon-1", "tank:cho-lon-2")
ONE = TankDay(
    "tank:cho-lon-1",
    "2026-03-01",
    "bv-cho-lon",
    opening_kg=8000.0,
    closing_kg=9500.0,
    minimum_kg=7500.0,
    refilled_kg=3000.0,
    consumed_kg=1500.0,
    consumed_sd_kg=30.0,
    refills=(Refill(100, 200, 1000.0, 6.0), Refill(300, 400, 2000.0, 8.0)),
    coverage=1.0,
    expected_samples=8640,
    good_samples=8640,
    from_us=50,
    to_us=500,
    revision=4,
)
TWO = msgspec.structs.replace(
    ONE,
    subject="tank:cho-lon-2",
    opening_kg=2000.0,
    closing_kg=1500.0,
    minimum_kg=1500.0,
    refilled_kg=0.0,
    consumed_kg=500.0,
    consumed_sd_kg=40.0,
    refills=(),
    coverage=0.5,
    good_samples=4320,
    revision=2,
)


def version(
    corrections: dict[str, Correction], *, state: str = "draft", days: tuple[TankDay, ...] | None = None
) -> ReportVersion:
    return ReportVersion(
        9, "bv-cho-lon", "2026-03-01", 3, state, corrections, days, "sửa số đầu ngày", "lan", 77
    )


def report(
    days: list[TankDay],
    written: ReportVersion | None = None,
    *,
    tanks: tuple[str, ...] = TANKS,
    now_us: int = DAY_END_US,
) -> DailyReport:
    return assemble("bv-cho-lon", "2026-03-01", tanks, days, written, now_us)


def test_totals_are_the_sums_of_the_tanks() -> None:
    made = report([ONE, TWO])

    totals = {name.value: made.total(name).kg for name in FigureName}
    assert totals == {
        "opening": 10_000.0,
        "refilled": 3000.0,
        "consumed": 2000.0,
        "closing": 11_000.0,
        "minimum": 9000.0,
    }
    assert made.coverage == pytest.approx(0.75)  # (8640 + 4320) of 17280
    assert (made.state, made.version, made.author) == ("automatic", 0, None)


def test_errors_of_independent_tanks_add_in_squares() -> None:
    made = report([ONE, TWO])

    assert made.consumed.sd_kg == pytest.approx(50.0)  # 30² + 40² = 50²
    assert made.tanks[0].refilled.sd_kg == pytest.approx(10.0)  # 6² + 8² = 10²
    assert made.opening.sd_kg is None


def test_litres_and_normal_cubic_metres_stand_on_their_basis() -> None:
    figure = report([ONE, TWO]).opening

    assert figure.litres == pytest.approx(8762.7, abs=0.1)  # 10 t at 1.1412 kg/L
    assert figure.nm3 == pytest.approx(6998.0, abs=0.1)  # 10 t at 0.6998 Nm³/kg


def test_each_figure_names_its_tank_and_readings() -> None:
    figure = report([ONE, TWO]).tanks[0].closing

    assert (figure.kg, figure.provenance) == (9500.0, Provenance.AUTOMATIC)
    assert figure.source == Source("tank:cho-lon-1", 4, 50, 500)


def test_refills_are_listed_with_their_times() -> None:
    first, second = report([ONE, TWO]).tanks
    assert first.refills is not None

    assert [(line.start_us, line.end_us, line.kg) for line in first.refills] == [
        (100, 200, 1000.0),
        (300, 400, 2000.0),
    ]
    assert first.refills[0].litres == pytest.approx(876.27, abs=0.01)
    assert second.refills == ()


def test_a_tank_without_a_row_makes_totals_absent_not_smaller() -> None:
    made = report([ONE])

    assert made.tanks[1].opening.kg is None
    assert made.tanks[1].opening.provenance is Provenance.ABSENT
    assert made.tanks[1].refills is None
    assert (made.opening.kg, made.opening.litres, made.opening.nm3) == (None, None, None)
    assert made.opening.provenance is Provenance.ABSENT
    assert (made.opening.partial_kg, made.opening.missing) == (8000.0, ("tank:cho-lon-2",))
    assert made.coverage is None


def test_one_absent_figure_leaves_the_other_totals_whole() -> None:
    made = report([ONE, msgspec.structs.replace(TWO, consumed_kg=None)])

    assert made.consumed.kg is None
    assert made.consumed.missing == ("tank:cho-lon-2",)
    assert made.opening.kg == 10_000.0
    assert made.opening.missing == ()


def test_zero_is_a_figure() -> None:
    made = report([ONE, TWO]).tanks[1].refilled

    assert (made.kg, made.litres, made.provenance) == (0.0, 0.0, Provenance.AUTOMATIC)


def test_a_typed_figure_counts_and_the_automatic_one_stays_beside_it() -> None:
    typed = {"tank:cho-lon-1.opening": Correction(8100.0, "đọc theo đồng hồ")}
    made = report([ONE, TWO], version(typed))

    figure = made.tanks[0].opening
    assert (figure.kg, figure.automatic_kg, figure.provenance) == (8100.0, 8000.0, Provenance.TYPED)
    assert (figure.note, figure.sd_kg) == ("đọc theo đồng hồ", None)
    assert (made.opening.kg, made.opening.provenance) == (10_100.0, Provenance.TYPED)
    assert made.closing.provenance is Provenance.AUTOMATIC
    assert (made.version, made.state, made.author, made.written_us) == (3, "draft", "lan", 77)


def test_a_figure_can_be_typed_where_no_reading_was() -> None:
    typed = {"tank:cho-lon-2.opening": Correction(2100.0, "hỏng cảm biến")}
    made = report([ONE], version(typed))

    assert made.opening.kg == 10_100.0
    assert made.tanks[1].opening.automatic_kg is None
    assert made.closing.kg is None


def test_a_person_can_say_that_a_figure_is_not_known() -> None:
    made = report([ONE, TWO], version({"tank:cho-lon-2.consumed": Correction(None, "đồng hồ kẹt")}))

    assert (made.tanks[1].consumed.kg, made.tanks[1].consumed.provenance) == (None, Provenance.TYPED)
    assert made.tanks[1].consumed.automatic_kg == 500.0
    assert (made.consumed.kg, made.consumed.partial_kg) == (None, 1500.0)


def test_a_correction_for_no_tank_of_the_report_is_pointed_out() -> None:
    made = report([ONE, TWO], version({"tank:gone.opening": Correction(1.0, "")}))

    assert made.unused_corrections == ("tank:gone.opening",)


def test_a_final_report_shows_the_rows_it_copied_and_says_which_have_changed_since() -> None:
    moved = msgspec.structs.replace(ONE, closing_kg=1.0, revision=5)
    made = report([moved, TWO], version({}, state="final", days=(ONE, TWO)))

    assert made.tanks[0].closing.kg == 9500.0
    assert [tank.revised for tank in made.tanks] == [True, False]
    assert made.state == "final"


def test_a_draft_shows_the_present_rows() -> None:
    moved = msgspec.structs.replace(ONE, closing_kg=1.0, revision=5)
    made = report([moved, TWO], version({}))

    assert made.tanks[0].closing.kg == 1.0
    assert not made.tanks[0].revised


def test_rows_of_other_days_and_tanks_do_not_enter() -> None:
    yesterday = msgspec.structs.replace(ONE, local_date="2026-02-28", opening_kg=1.0)
    stranger = msgspec.structs.replace(ONE, subject="tank:elsewhere")

    assert report([ONE, yesterday, TWO, stranger]) == report([ONE, TWO])


def test_the_day_is_over_at_midnight_in_vietnam() -> None:
    assert not report([ONE, TWO], now_us=DAY_END_US - 1).day_over
    assert report([ONE, TWO], now_us=DAY_END_US).day_over


def test_the_minimum_of_several_tanks_is_only_a_lower_bound() -> None:
    assert report([ONE, TWO]).minimum.lower_bound
    assert not report([ONE], tanks=TANKS[:1]).minimum.lower_bound
    assert not report([ONE, TWO]).closing.lower_bound


def test_a_facility_without_tanks_has_no_totals() -> None:
    made = report([], tanks=())

    assert made.opening.kg is None
    assert made.opening.partial_kg is None
    assert made.coverage is None


def test_only_figures_have_keys() -> None:
    assert figure_key("tank:a", FigureName.MINIMUM) == "tank:a.minimum"
    with pytest.raises(ValueError, match="coverage"):
        figure_key("tank:a", "coverage")
