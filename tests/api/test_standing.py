"""How a tank stands: urgency, and that nothing old, broken or absent can look current, empty or fine."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.language import language
from api.views.overview import summary, tank_row, tank_rows
from api.views.standing import Band, State, standing
from oxygen.reading import Quality, Reason
from oxygen.wire.payloads import Status
from tests.api import demo

NOW_US = 1_795_000_000_000_000
OVERDUE_S = 180.0
VI, EN = language("vi"), language("en")


def status(code: str = "cho-lon-1", **changes: Any) -> Status:
    tank = next(tank for tank in demo.TANKS if tank.code == code)
    return msgspec.structs.replace(demo.present_status(tank, NOW_US), **changes)


def row(newest: Status | None, code: str = "cho-lon-1", locale: str = "vi") -> Any:
    tank = next(tank for tank in demo.TANKS if tank.code == code)
    facility = next(one for one in demo.FACILITIES if one.code == tank.facility)
    return tank_row(tank, facility, newest, NOW_US, OVERDUE_S, language(locale))


def test_the_demo_stands_in_order_of_urgency() -> None:
    statuses = {tank.subject: demo.present_status(tank, NOW_US) for tank in demo.TANKS}

    order = [one.code for one in tank_rows(demo.REGISTRY, statuses, NOW_US, OVERDUE_S, VI)]

    assert order == ["binh-thanh-1", "cho-lon-2", "can-gio-1", "cho-lon-3", "cho-lon-1", "thu-duc-1"]


def test_a_tank_without_any_status_is_there_and_says_so() -> None:
    shown = row(None)

    assert (shown.band, shown.state, shown.current) == ("unknown", "never_read", False)
    assert shown.texts["mass"] == shown.texts["fill"] == "–"
    assert shown.age == "chưa có"
    assert shown.needs_attention


def test_a_broken_wire_never_reads_as_an_empty_tank() -> None:
    shown = row(status("can-gio-1"), "can-gio-1")

    assert shown.texts["fill"] == "61 %"
    assert not shown.current
    assert shown.band == "unknown"
    assert "số đo tốt cuối cùng" in shown.texts["basis"]
    assert shown.texts["reason"] == "đứt dây: cảm biến không cấp dòng"


def test_a_broken_wire_before_any_good_reading_shows_no_figure_at_all() -> None:
    broken = status(
        mass_kg=None,
        aged_mass_kg=None,
        fill_percent=None,
        draw_kg_per_h=None,
        pressure_pa=None,
        as_of_us=None,
        empty_at_p10_us=None,
        empty_at_p50_us=None,
        empty_at_p90_us=None,
        state="fault",
        band="unknown",
        quality=Quality.BAD,
        reason=Reason.WIRE_BREAK,
    )
    shown = row(broken)

    assert {shown.texts[name] for name in ("fill", "mass", "litres", "normal_m3", "draw", "pressure")} == {
        "–"
    }
    assert shown.fill_percent is None
    assert shown.texts["earliest"] == "chưa dự báo được"


@given(
    st.sampled_from([band.value for band in Band]),
    st.sampled_from(["ok", "filling", "fault", "stale", "never_read", "brand_new"]),
    st.integers(min_value=0, max_value=10_000),
)
def test_only_a_fresh_trusted_normal_tank_needs_nobody(band: str, state: str, age_s: int) -> None:
    verdict = standing(
        status(band=band, state=state, evaluated_us=NOW_US - age_s * 1_000_000), NOW_US, OVERDUE_S
    )

    fine = band == "normal" and state in {"ok", "filling"} and age_s <= OVERDUE_S
    assert verdict.needs_attention is not fine
    assert verdict.current is (state in {"ok", "filling"} and age_s <= OVERDUE_S)
    if band == "critical":
        assert verdict.rank == 0


def test_a_status_that_nobody_renews_outranks_what_it_says_of_itself() -> None:
    verdict = standing(status(evaluated_us=NOW_US - 181_000_000), NOW_US, OVERDUE_S)

    assert verdict.state is State.OVERDUE
    assert not verdict.current


def test_the_time_left_is_said_with_its_earliest_and_latest() -> None:
    hour = 3_600_000_000
    shown = status(empty_at_p10_us=NOW_US + 28 * hour, empty_at_p90_us=NOW_US + 37 * hour)

    assert row(shown).texts["earliest"] == "1 ngày 4 giờ"
    assert row(shown).texts["latest"] == "muộn nhất sau 1 ngày 13 giờ"
    assert row(shown, locale="en").texts["latest"] == "at the latest in 1 day 13 hours"


def test_a_time_that_has_passed_is_said_to_have_passed() -> None:
    shown = row(status(empty_at_p10_us=NOW_US - 1, empty_at_p90_us=NOW_US - 1))

    assert shown.texts["earliest"] == "có thể đã hết"
    assert shown.texts["latest"] == ""


def test_an_old_reading_shows_what_is_probably_left_beside_it() -> None:
    shown = row(status(mass_kg=8000.0, aged_mass_kg=7400.0, state="stale", reason=Reason.STALE))

    assert shown.texts["mass"] == "8.000 kg"
    assert shown.texts["expected"] == "ước còn 7.400 kg, theo mức dùng thường ngày"


@pytest.mark.parametrize(
    ("bands", "said"),
    [
        ([], ("No tank needs attention", "of 0 tanks")),
        (["normal"], ("No tank needs attention", "of 1 tank")),
        (["normal", "critical"], ("1 tank needs attention", "of 2 tanks")),
        (["urgent", "critical"], ("2 tanks need attention", "of 2 tanks")),
    ],
)
def test_the_line_above_the_tanks_counts_them(bands: list[str], said: tuple[str, str]) -> None:
    rows = [row(status(band=band)) for band in bands]

    told = summary(rows, EN)

    assert (told["attention"], told["total"]) == said


def test_litres_and_normal_cubic_metres_stand_on_their_basis() -> None:
    shown = row(status(mass_kg=1141.2), locale="en")

    assert shown.texts["litres"] == "1,000 L"
    assert shown.texts["normal_m3"] == "799 Nm³"
