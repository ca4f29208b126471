"""Whatever points there are come back the same from every store; the real influxd reads our lines."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from telemetry import TelemetryStore
from telemetry.contract import FieldValue, Point
from telemetry.line_protocol import encode, encode_point
from telemetry.validation import fault_of
from tests.telemetry.points import T0_US, point, read, selection

ODD = ",= \"\\\n\t#$%{}'|đồ🫁"
# A surrogate is no character, and InfluxDB stands for it with another one.
CHARACTERS = st.characters(exclude_categories=["Cs"]) | st.sampled_from(ODD)
TEXTS = st.text(CHARACTERS, max_size=30)
TAG_VALUES = st.text(CHARACTERS, min_size=1, max_size=20)
FIELDS = st.fixed_dictionaries(
    {"number": st.floats(allow_nan=False, allow_infinity=False)},
    optional={"whole": st.integers(-(2**63), 2**63 - 1), "note": TEXTS, "online": st.booleans()},
)
NUMBERS = itertools.count()


@hypothesis_settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
@given(fields=st.lists(FIELDS, min_size=1, max_size=12), subject=TAG_VALUES, facility=TAG_VALUES)
async def test_points_come_back_as_they_went_in(
    store: TelemetryStore, fields: list[dict[str, FieldValue]], subject: str, facility: str
) -> None:
    """For any values that validation lets pass: same numbers to the last bit, same text, same types."""
    tags = (("subject", subject), ("facility", facility))
    measurement = f"m{next(NUMBERS)}"
    points = [Point(measurement, tags, T0_US + i, values) for i, values in enumerate(fields)]
    if fault_of(points[0]):
        assert fault_of(points[0]) == "bad_tag_value"
        return

    await store.write(points)
    rows = await read(store, selection(measurement=measurement, where=dict(tags)))

    assert [(row.t_us, dict(row.tags)) for row in rows] == [(p.t_us, dict(tags)) for p in points]
    for row, values in zip(rows, fields, strict=True):
        assert dict(row.fields) == values
        assert [type(row.fields[name]) for name in values] == [type(value) for value in values.values()]


@pytest.mark.parametrize(
    ("given_point", "line"),
    [
        (point(1, {"a": 1.0}, tags=[]), "raw a=1.0 1"),
        (point(-1, {"a": 1, "b": True, "c": False}, tags=[]), "raw a=1i,b=true,c=false -1"),
        (point(0, {"a": "x"}, tags=[("b", "2"), ("a", "1")]), 'raw,a=1,b=2 a="x" 0'),
        (point(0, {"a": 1e22}, tags=[("a_tag", "a b,c=d")]), r"raw,a_tag=a\ b\,c\=d a=1e+22 0"),
        (point(0, {"a": 'say "a\\b"'}, tags=[]), r'raw a="say \"a\\b\"" 0'),
        (point(0, {"a": "hai\ndòng"}, tags=[]), 'raw a="hai\ndòng" 0'),
        (point(0, {"a": -0.0}, tags=[]), "raw a=-0.0 0"),
    ],
)
def test_lines_are_as_the_format_says(given_point: Point, line: str) -> None:
    """Escapes, types and order of tags, written out by hand."""
    assert encode_point(given_point) == line


def test_lines_are_joined_in_utf_8() -> None:
    """No newline at the end, none for no points."""
    assert (
        encode([point(1, {"a": "ô"}, tags=[]), point(2, {"a": "xy"}, tags=[])])
        == 'raw a="ô" 1\nraw a="xy" 2'.encode()
    )
    assert encode([]) == b""


def test_a_number_of_another_library_is_written_as_a_number() -> None:
    """A subclass of float or int may print itself in another way."""

    class Loud(float):
        def __repr__(self) -> str:
            return f"Loud({float(self)})"

    class Count(int):
        def __str__(self) -> str:
            return "many"

    assert encode_point(point(1, {"a": Loud(0.1), "b": Count(3)}, tags=[])) == "raw a=0.1,b=3i 1"
    assert math.isclose(Loud(0.1), 0.1)
