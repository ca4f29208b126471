"""What every time-series store keeps and gives back, proven on each of them."""

from __future__ import annotations

import math
import statistics

import pytest

from telemetry import TelemetryStore
from telemetry.contract import Bucket, FieldValue
from tests.telemetry.points import SECOND_US, T0_US, TANK, point, read, sample_points, selection


async def test_the_same_point_twice_leaves_one(store: TelemetryStore) -> None:
    """A retry after an ambiguous time-out is harmless, also with the tags in another order."""
    await store.write([point(T0_US, {"dp_pa": 1.5, "seq": 1})])
    await store.write([point(T0_US, {"dp_pa": 1.5, "seq": 1})])
    await store.write(
        [point(T0_US, {"dp_pa": 1.5, "seq": 1}, tags=(("facility", "q1"), ("subject", "tank:q1-1")))]
    )

    rows = await read(store)
    assert [(row.t_us, dict(row.fields)) for row in rows] == [(T0_US, {"dp_pa": 1.5, "seq": 1})]


async def test_later_fields_replace_and_join_earlier_ones(store: TelemetryStore) -> None:
    """A point written again keeps the fields that the second writing does not name."""
    await store.write([point(T0_US, {"dp_pa": 1.5, "note": "cũ"})])
    await store.write([point(T0_US, {"note": "mới", "seq": 2}), point(T0_US, {"seq": 3})])

    (row,) = await read(store)
    assert dict(row.fields) == {"dp_pa": 1.5, "note": "mới", "seq": 3}


@pytest.mark.parametrize(
    "value",
    [
        "Bệnh viện Đa khoa Sài Gòn",
        "a b,c=d",
        '"quoted"',
        "it's",
        "back\\slash",
        "back\\,comma",
        "back\\\\ space",
        "=,= ,",
        "{json: [1]}",
        "$tag_0",
        "#comment",
        "🫁 oxy",
        "%31",
    ],
)
async def test_any_tag_value_comes_back_and_is_found(store: TelemetryStore, value: str) -> None:
    """Vietnamese and the line protocol's own signs; the neighbour with another value is not found."""
    tags = (("subject", value), ("facility", "q1"))
    await store.write([point(T0_US, {"seq": 1}, tags=tags)])
    await store.write([point(T0_US, {"seq": 2}, tags=(("subject", value + "x"), ("facility", "q1")))])

    (row,) = await read(store, selection(where={"subject": value}))
    assert (dict(row.tags), dict(row.fields)) == (dict(tags), {"seq": 1})


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        'say "oxy"',
        "a\\",
        "\\\\",
        '\\"',
        "hai\ndòng\r\n",
        "\ttab",
        "a,b=c d",
        "Ứng Hoà",
        "🫁",
        "x" * 65_536,
    ],
)
async def test_any_text_comes_back(store: TelemetryStore, text: str) -> None:
    """Texts are kept to the letter; an empty one is a text, not an absent one."""
    await store.write([point(T0_US, {"note": text, "seq": 1})])

    (row,) = await read(store)
    assert dict(row.fields) == {"note": text, "seq": 1}


async def test_types_and_values_are_kept(store: TelemetryStore) -> None:
    """1.0 does not become 1, nor true 1; extreme numbers keep every bit."""
    fields: dict[str, FieldValue] = {
        "whole": 1.0,
        "zero": 0.0,
        "third": 1 / 3,
        "huge": 1.7976931348623157e308,
        "tiny": 5e-324,
        "small": -1e-07,
        "large": 1e22,
        "most": 2**63 - 1,
        "least": -(2**63),
        "precise": 2**53 + 1,
        "yes": True,
        "no": False,
        "digits": "1.0",
        "word": "true",
    }
    await store.write([point(T0_US, fields)])

    (row,) = await read(store)
    assert dict(row.fields) == fields
    assert {name: type(value) for name, value in row.fields.items()} == {
        name: type(value) for name, value in fields.items()
    }


async def test_absent_fields_are_absent(store: TelemetryStore) -> None:
    """What was not written is neither zero nor empty, and a field that came later is not there before."""
    await store.write([point(T0_US, {"seq": 1, "dp_pa": 0.0}), point(T0_US + 1, {"seq": 2})])
    await store.write([point(T0_US + 2, {"later": "x"})])

    rows = await read(store)
    assert [dict(row.fields) for row in rows] == [{"seq": 1, "dp_pa": 0.0}, {"seq": 2}, {"later": "x"}]


async def test_fields_and_tags_that_come_later_are_read_rightly(store: TelemetryStore) -> None:
    """A store that has read before learns new names and their types, by each way of reading."""
    await store.write([point(T0_US, {"seq": 1})])
    assert len(await read(store)) == 1

    await store.write([point(T0_US + 1, {"dp_pa": 2.0, "site": "x"}, tags=[*TANK, ("gateway", "g1")])])
    await store.write([point(T0_US + 2, {"mass_kg": 3.0})])
    rows = await read(store, selection(since_us=T0_US + 1, until_us=T0_US + 2))
    (named,) = await read(store, fields=["mass_kg"])
    await store.write([point(T0_US + 3, {"level_m": 4.0})])
    latest = await store.latest("raw", {})
    await store.write([point(T0_US + 4, {"flow_kg_s": 5.0})])
    steps = await store.buckets(selection(since_us=T0_US, until_us=T0_US + 5), "flow_kg_s", 5)

    assert [(dict(row.tags), dict(row.fields)) for row in rows] == [
        ({**dict(TANK), "gateway": "g1"}, {"dp_pa": 2.0, "site": "x"})
    ]
    assert [type(rows[0].fields["dp_pa"]), type(named.fields["mass_kg"])] == [float, float]
    assert latest is not None
    assert (dict(latest.fields), type(latest.fields["level_m"])) == ({"level_m": 4.0}, float)
    assert steps == [Bucket(T0_US, 5.0, 5.0, 5.0, 1)]


async def test_named_fields_alone_are_read(store: TelemetryStore) -> None:
    """Rows without any of the named fields are left out; tags come along; unknown names find nothing."""
    await store.write([point(T0_US, {"seq": 1, "dp_pa": 2.0}), point(T0_US + 1, {"seq": 2})])

    rows = await read(store, fields=["dp_pa"])
    assert [(dict(row.tags)["subject"], dict(row.fields)) for row in rows] == [("tank:q1-1", {"dp_pa": 2.0})]
    assert len(await read(store, fields=["seq", "dp_pa"])) == 2
    assert await read(store, fields=["no_such_field"]) == []


async def test_rows_ascend_and_the_end_is_excluded(store: TelemetryStore) -> None:
    """[since, until) to the microsecond, whatever the order of writing; before 1970 too."""
    times = [T0_US + offset for offset in (2, 0, 3, 1)] + [-5, 0]
    await store.write([point(t_us, {"seq": t_us}) for t_us in times])

    inside = await read(store, selection(since_us=T0_US + 1, until_us=T0_US + 3))
    assert [row.t_us for row in inside] == [T0_US + 1, T0_US + 2]
    assert [row.t_us for row in await read(store)] == sorted(times)
    assert [row.t_us for row in await read(store, selection(since_us=-5, until_us=0))] == [-5]
    assert await read(store, selection(since_us=T0_US, until_us=T0_US)) == []
    assert await read(store, selection(since_us=T0_US + 3, until_us=T0_US)) == []
    everything = selection(since_us=-(2**63), until_us=2**63)
    assert len(await read(store, everything)) == len(times)


async def test_series_are_merged_by_time(store: TelemetryStore) -> None:
    """A selection over several series ascends by time, each row with its own tags."""
    subjects = ["tank:c", "tank:a", "tank:b"]
    for number, subject in enumerate(subjects):
        tags = (("subject", subject), ("facility", "q1"))
        await store.write([point(T0_US + number + 3 * i, {"seq": i}, tags=tags) for i in range(50)])
    await store.write([point(T0_US, {"seq": 0}, tags=(("subject", "tank:a"), ("facility", "q2")))])

    rows = await read(store, selection(where={"facility": "q1"}))
    assert [row.t_us for row in rows] == [T0_US + i for i in range(150)]
    assert [row.tags["subject"] for row in rows[:4]] == ["tank:c", "tank:a", "tank:b", "tank:c"]
    both = await read(store, selection(where={"subject": "tank:a", "facility": "q2"}))
    assert [row.t_us for row in both] == [T0_US]
    assert await read(store, selection(where={"no_such_tag": "x"})) == []


async def test_measurements_are_apart(store: TelemetryStore) -> None:
    """A name may have one type in `raw` and another in `gateway`, with other tags."""
    await store.write([point(T0_US, {"uptime": 1})])
    await store.write([point(T0_US, {"uptime": "dài"}, measurement="gateway", tags=[("gateway", "g1")])])

    assert dict((await read(store))[0].fields) == {"uptime": 1}
    (row,) = await read(store, selection(measurement="gateway"))
    assert (dict(row.tags), dict(row.fields)) == ({"gateway": "g1"}, {"uptime": "dài"})


async def test_buckets_equal_those_reckoned_from_the_points(store: TelemetryStore) -> None:
    """Steps begin at `since_us`, empty ones are left out, and only points inside the range count."""
    points = [p for i, p in enumerate(sample_points(600)) if not 200 <= i < 330]
    await store.write(points)
    since_us, until_us, step_us = T0_US + 777_777, T0_US + 555 * SECOND_US + 5, 37 * SECOND_US + 3

    held: dict[int, list[float]] = {}
    for p in points:
        value = p.fields.get("dp_pa")
        if isinstance(value, float) and since_us <= p.t_us < until_us:
            held.setdefault(since_us + (p.t_us - since_us) // step_us * step_us, []).append(value)
    got = await store.buckets(selection(since_us=since_us, until_us=until_us), "dp_pa", step_us)

    assert [bucket.t_us for bucket in got] == sorted(held)
    assert len(got) < (until_us - since_us) // step_us
    for bucket in got:
        values = held[bucket.t_us]
        assert (bucket.minimum, bucket.maximum, bucket.count) == (min(values), max(values), len(values))
        assert math.isclose(bucket.mean, statistics.fmean(values), rel_tol=1e-12)


async def test_a_point_on_the_edge_of_a_step_belongs_to_the_later_one(store: TelemetryStore) -> None:
    """Steps are half-open like the range."""
    await store.write([point(T0_US + i, {"seq": i}) for i in (0, 9, 10, 19, 20)])

    got = await store.buckets(selection(since_us=T0_US, until_us=T0_US + 20), "seq", 10)
    assert got == [Bucket(T0_US, 0.0, 4.5, 9.0, 2), Bucket(T0_US + 10, 10.0, 14.5, 19.0, 2)]
    assert all(isinstance(value, float) for value in (got[0].minimum, got[0].mean, got[0].maximum))


async def test_buckets_of_what_is_not_there_are_empty(store: TelemetryStore) -> None:
    """No data, an unknown field, texts and truth values have no minimum."""
    chosen = selection(since_us=T0_US, until_us=T0_US + SECOND_US)
    assert await store.buckets(chosen, "dp_pa", 1000) == []
    await store.write([point(T0_US, {"note": "x", "online": True})])

    for field in ("dp_pa", "note", "online"):
        assert await store.buckets(chosen, field, 1000) == []
    empty = selection(since_us=T0_US + 5, until_us=T0_US + 5)
    assert await store.buckets(empty, "seq", 1000) == []


async def test_latest_is_the_newest_point_with_all_its_fields(store: TelemetryStore) -> None:
    """Fields of older points do not shine through; another tank's newer point is not taken."""
    await store.write([point(T0_US, {"seq": 1, "dp_pa": 2.0}), point(T0_US + 9, {"seq": 3})])
    await store.write([point(T0_US + 5, {"seq": 2, "dp_pa": 4.0})])
    await store.write([point(T0_US + 99, {"seq": 9}, tags=[("subject", "tank:q1-2"), ("facility", "q1")])])

    row = await store.latest("raw", {"subject": "tank:q1-1"})
    assert row is not None
    assert (row.t_us, dict(row.tags), dict(row.fields)) == (
        T0_US + 9,
        {"subject": "tank:q1-1", "facility": "q1"},
        {"seq": 3},
    )
    newest = await store.latest("raw", {"facility": "q1"})
    assert newest is not None
    assert newest.t_us == T0_US + 99


async def test_an_empty_store_reads_as_empty(store: TelemetryStore) -> None:
    """Nothing written is an answer, not an error; writing nothing changes nothing."""
    await store.write([])

    assert await read(store) == []
    assert await store.latest("raw", {"subject": "tank:q1-1"}) is None


async def test_the_ends_of_time_are_kept(store: TelemetryStore) -> None:
    """The first and the last instant that InfluxDB's nanoseconds reach."""
    ends = [-(2**63 - 2) // 1000 + 1, (2**63 - 2) // 1000]
    await store.write([point(t_us, {"seq": 1}) for t_us in ends])

    everything = selection(since_us=-(2**63), until_us=2**63)
    assert [row.t_us for row in await read(store, everything)] == ends
