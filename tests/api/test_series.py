"""Series: cut into steps on the server, checked against values worked out from the raw points here."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.views.series import step_us
from oxygen.units import US_PER_DAY, US_PER_HOUR, US_PER_S
from tests.api import demo
from tests.api.conftest import Site

TANK = demo.TANKS[2]
Query = dict[str, str | int]


@pytest.fixture(scope="module")
def seeded_at_us(admin: httpx.Client) -> int:
    """When the demo was seeded, from its newest status."""
    known = admin.get(f"/api/v1/tanks/{TANK.code}").json()["status"]
    return int(known["evaluated_us"]) + 3 * US_PER_S


def expected_buckets(
    since_us: int, until_us: int, step: int, seeded_at_us: int, field: str
) -> dict[int, list[float]]:
    steps: dict[int, list[float]] = defaultdict(list)
    for point in demo.history(TANK, seeded_at_us):
        if since_us <= point.t_us < until_us:
            steps[since_us + (point.t_us - since_us) // step * step].append(float(point.fields[field]))
    return steps


@pytest.mark.parametrize(
    ("field", "days", "points"), [("fill_percent", 30, 200), ("mass_kg", 7, 50), ("pressure_pa", 1, 2000)]
)
def test_each_step_has_least_mean_and_most_of_its_readings(
    admin: httpx.Client, seeded_at_us: int, field: str, days: int, points: int
) -> None:
    until_us = seeded_at_us
    since_us = until_us - days * US_PER_DAY
    query: Query = {"field": field, "since": str(since_us), "until": str(until_us), "points": points}

    got = admin.get(f"/api/v1/tanks/{TANK.code}/series", params=query).json()

    expected = expected_buckets(since_us, until_us, got["step_us"], seeded_at_us, field)
    assert 0 < len(got["buckets"]) <= points
    assert [one["t_us"] for one in got["buckets"]] == sorted(expected)
    for one in got["buckets"]:
        values = expected[one["t_us"]]
        assert one["count"] == len(values)
        assert math.isclose(one["minimum"], min(values))
        assert math.isclose(one["maximum"], max(values))
        assert math.isclose(one["mean"], statistics.fmean(values))


def test_a_time_without_readings_is_left_out_and_not_made_up(admin: httpx.Client, seeded_at_us: int) -> None:
    """The demo has no readings for six hours, twelve days ago."""
    since_us, until_us = seeded_at_us - 13 * US_PER_DAY, seeded_at_us - 12 * US_PER_DAY
    query: Query = {"since": str(since_us), "until": str(until_us), "points": 144}

    buckets = admin.get(f"/api/v1/tanks/{TANK.code}/series", params=query).json()["buckets"]

    last_us = max(one["t_us"] for one in buckets)
    assert last_us < until_us - 5 * US_PER_HOUR


def test_times_may_be_written_with_a_zone(admin: httpx.Client) -> None:
    query = {"since": "2026-11-20T00:00:00+07:00", "until": "2026-11-20T17:00:00Z"}

    got = admin.get(f"/api/v1/tanks/{TANK.code}/series", params=query).json()

    assert got["since_us"] == 1_795_107_600_000_000
    assert got["until_us"] - got["since_us"] == 24 * US_PER_HOUR


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"since": "yesterday"}, "bad_instant"),
        ({"since": "2026-11-20T00:00:00"}, "bad_instant"),
        ({"since": "99999999999999999"}, "bad_span"),
        ({"since": "10", "until": "10"}, "bad_span"),
        ({"since": "0", "until": str(500 * US_PER_DAY)}, "bad_span"),
        ({"points": "0"}, "bad_field"),
        ({"points": "many"}, "bad_field"),
        ({"points": "1000000"}, "too_many_points"),
        ({"field": "password"}, "bad_field"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused_with_a_code(
    admin: httpx.Client, query: dict[str, str], code: str
) -> None:
    answer = admin.get(f"/api/v1/tanks/{TANK.code}/series", params=query)

    assert (answer.status_code, answer.json()["code"]) == (422, code)


def test_an_unknown_tank_is_not_there(admin: httpx.Client) -> None:
    answer = admin.get("/api/v1/tanks/khong-co/series")

    assert (answer.status_code, answer.json()["code"]) == (404, "tank_not_found")


@given(
    st.integers(min_value=0, max_value=2_000_000_000_000_000),
    st.integers(min_value=1, max_value=400 * US_PER_DAY),
    st.integers(min_value=1, max_value=2000),
)
def test_there_are_never_more_steps_than_asked_for(since_us: int, span_us: int, points: int) -> None:
    step = step_us(since_us, since_us + span_us, points)

    assert math.ceil(span_us / step) <= points
    assert step >= US_PER_S


def test_refills_of_a_span_are_listed(admin: httpx.Client, seeded_at_us: int) -> None:
    since_us, until_us = seeded_at_us - 30 * US_PER_DAY, seeded_at_us
    query = {"since": str(since_us), "until": str(until_us)}

    got = admin.get(f"/api/v1/tanks/{TANK.code}/refills", params=query).json()["refills"]

    masses = [one["mass_kg"] for one in got]
    jumps = [
        after - before
        for before, after in _neighbours(
            [float(point.fields["mass_kg"]) for point in demo.history(TANK, seeded_at_us)]
        )
        if after - before > 500
    ]
    assert len(masses) == len(jumps) > 2
    assert [one["end_us"] for one in got] == sorted(one["end_us"] for one in got)


def _neighbours(values: list[float]) -> list[tuple[float, float]]:
    return list(pairwise(values))


def test_a_store_that_does_not_answer_is_said_to_be_worth_another_try(new_folder: Path) -> None:
    for file in new_folder.glob("telemetry.sqlite*"):
        file.unlink()
    site = Site(new_folder).start()
    try:
        with site.sign_in() as client:
            answer = client.get(f"/api/v1/tanks/{TANK.code}/series")
            health = client.get("/health")
            overview = client.get("/")
    finally:
        site.stop()

    assert (answer.status_code, answer.json()["code"]) == (503, "try_again")
    assert (health.status_code, health.json()["parts"]["telemetry"]) == (503, False)
    assert overview.status_code == 200
