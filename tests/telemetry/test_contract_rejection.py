"""Which points every time-series store refuses, proven on each of them."""

from __future__ import annotations

import math
from typing import Any

import pytest

from oxygen.errors import Rejected
from telemetry import TelemetryStore
from telemetry.contract import FieldValue, Point
from tests.telemetry.points import T0_US, point, read


@pytest.mark.parametrize(
    ("first", "second"),
    [(1.0, "1"), (1.0, 1), (1, 1.0), ("a", 1.0), (True, 1), (1, True), ("true", True), (1.0, False)],
)
async def test_a_changed_type_is_rejected_and_the_others_are_stored(
    store: TelemetryStore, first: FieldValue, second: FieldValue
) -> None:
    """A name keeps its type; where the store can tell which point it was, it names it."""
    await store.write([point(T0_US, {"value": first})])
    batch = [
        point(T0_US + 1, {"value": first}),
        point(T0_US + 2, {"value": second}),
        point(T0_US + 3, {"seq": 1}),
    ]

    with pytest.raises(Rejected) as refusal:
        await store.write(batch)

    assert refusal.value.params.get("points", [1]) == [1]
    assert refusal.value.code == "telemetry_points_rejected"
    assert [row.t_us for row in await read(store)] == [T0_US, T0_US + 1, T0_US + 3]


BAD_POINTS: dict[str, Point] = {
    "not_finite": point(T0_US, {"seq": 1, "dp_pa": math.nan}),
    "not_finite ": point(T0_US, {"dp_pa": -math.inf}),
    "no_fields": point(T0_US, {}),
    "bad_name": point(T0_US, {"Dp Pa": 1.0}),
    "bad_name ": point(T0_US, {"time": 1.0}),
    "bad_name  ": point(T0_US, {"seq": 1}, measurement='raw"; DROP TABLE series; --'),
    "bad_name   ": point(T0_US, {"seq": 1}, tags=[("từ", "x")]),
    "repeated_tag": point(T0_US, {"seq": 1}, tags=[("subject", "a"), ("subject", "b")]),
    "name_is_tag_and_field": point(T0_US, {"subject": "x"}),
    "empty_tag": point(T0_US, {"seq": 1}, tags=[("subject", "")]),
    "bad_tag_value": point(T0_US, {"seq": 1}, tags=[("subject", "a\\")]),
    "bad_tag_value ": point(T0_US, {"seq": 1}, tags=[("subject", "a\nraw seq=1i")]),
    "text_not_unicode": point(T0_US, {"note": "\ud800"}),
    "text_not_unicode ": point(T0_US, {"seq": 1}, tags=[("subject", "\udfff")]),
    "text_too_long": point(T0_US, {"note": "ạ" * 30_000}),
    "integer_out_of_range": point(T0_US, {"seq": 2**63}),
    "time_out_of_range": point(2**63 // 1000 + 1, {"seq": 1}),
    "time_out_of_range ": point(-(2**63) // 1000 - 1, {"seq": 1}),
}


async def test_points_that_no_store_can_take_are_named(store: TelemetryStore) -> None:
    """Each bad point is named with its reason, and the good ones around them are stored."""
    batch = [point(T0_US - 1, {"seq": 0}), *BAD_POINTS.values(), point(T0_US + 1, {"seq": 1})]

    with pytest.raises(Rejected) as refusal:
        await store.write(batch)

    params: dict[str, Any] = refusal.value.params
    assert params["points"] == list(range(1, len(batch) - 1))
    assert params["reasons"] == [name.strip() for name in BAD_POINTS]
    assert [row.t_us for row in await read(store)] == [T0_US - 1, T0_US + 1]
