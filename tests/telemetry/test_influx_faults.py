"""A stopped, frozen or refusing InfluxDB, on a server of the test's own."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from oxygen.errors import Permanent, Rejected, Retryable
from telemetry import open_store
from tests.telemetry.backends import INFLUX_KINDS, InfluxServers, influx_settings
from tests.telemetry.points import T0_US, point, read, sample_points, selection

CHOSEN = selection(since_us=T0_US, until_us=T0_US + 10)

WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("influx_v1", {"database": "no_such"}, "telemetry_missing"),
    ("influx_v1", {"retention_policy": "no_such"}, "telemetry_missing"),
    ("influx_v1", {"password_file": None, "password": "wrong"}, "telemetry_refused"),
    ("influx_v1", {"username": None, "password_file": None}, "telemetry_refused"),
    ("influx_v2", {"bucket": "no_such"}, "telemetry_missing"),
    ("influx_v2", {"org": "no such"}, "telemetry_missing"),
    ("influx_v2", {"token_file": None, "token": "wrong"}, "telemetry_refused"),
]


@pytest.mark.parametrize("kind", INFLUX_KINDS)
async def test_a_stopped_server_is_retryable_and_its_return_is_noticed(
    kind: str, private_influx_servers: InfluxServers, tmp_path: Path
) -> None:
    """Writes and reads say "later" while the server is down; the same store goes on when it is back."""
    settings = await asyncio.to_thread(influx_settings, kind, private_influx_servers, tmp_path)
    store = open_store(settings)
    points = sample_points(3)
    await store.write(points[:1])

    private_influx_servers.influxd.stop()
    with pytest.raises(Retryable):
        await store.write(points)
    with pytest.raises(Retryable):
        await read(store)
    with pytest.raises(Retryable):
        await store.latest("raw", {})
    with pytest.raises(Retryable):
        await store.buckets(CHOSEN, "tank_pressure_pa", 5)
    private_influx_servers.influxd.start()
    await store.write(points)

    assert [row.t_us for row in await read(store)] == [p.t_us for p in points]
    await store.close()


async def test_a_stopped_gateway_is_retryable(private_influx_servers: InfluxServers, tmp_path: Path) -> None:
    """influxdb-client's own connection errors arrive as ours."""
    settings = await asyncio.to_thread(influx_settings, "influx_v2", private_influx_servers, tmp_path)
    store = open_store(settings)
    await store.write([point(T0_US, {"seq": 1})])

    await asyncio.to_thread(private_influx_servers.gateway_server.stop)
    with pytest.raises(Retryable, match=settings.url) as failure:
        await store.write([point(T0_US + 1, {"seq": 2})])
    assert failure.value.code == "telemetry_unreachable"
    await asyncio.to_thread(private_influx_servers.gateway_server.start)
    await store.write([point(T0_US + 1, {"seq": 2})])

    assert len(await read(store)) == 2
    await store.close()


@pytest.mark.parametrize("kind", INFLUX_KINDS)
async def test_a_frozen_server_is_retryable_and_the_repeated_write_leaves_one(
    kind: str, private_influx_servers: InfluxServers, tmp_path: Path
) -> None:
    """SIGSTOP: the write that timed out is done later by the server, and repeating it changes nothing."""
    settings = await asyncio.to_thread(influx_settings, kind, private_influx_servers, tmp_path, timeout_s=0.3)
    patient_store, store = open_store(settings.model_copy(update={"timeout_s": 30.0})), open_store(settings)
    points = sample_points(5)
    await patient_store.write([point(T0_US - 1, {"seq": -1})])

    private_influx_servers.influxd.pause()
    with pytest.raises(Retryable) as failure:
        await store.write(points)
    assert failure.value.code == "telemetry_unreachable"
    with pytest.raises(Retryable):
        await store.latest("raw", {})
    private_influx_servers.influxd.resume()
    await patient_store.write(points)

    rows = await read(patient_store)
    assert [row.t_us for row in rows] == [T0_US - 1] + [p.t_us for p in points]
    await store.close()
    await patient_store.close()


@pytest.mark.parametrize(
    ("kind", "changes", "code"),
    WRONG,
)
async def test_a_wrong_name_or_account_is_permanent(
    kind: str, changes: dict[str, Any], code: str, influx_servers: InfluxServers, tmp_path: Path
) -> None:
    """Repeating cannot help until somebody changes a setting, so it must not look like an outage."""
    settings = await asyncio.to_thread(influx_settings, kind, influx_servers, tmp_path, **changes)
    store = open_store(settings)

    with pytest.raises(Permanent) as failure:
        await store.write([point(T0_US, {"seq": 1})])

    assert failure.value.code == code
    await store.close()


@pytest.mark.parametrize(
    ("kind", "changes", "code"),
    # InfluxDB 1.x reads from an unknown retention policy as from an empty one; a token has its organisation.
    [case for case in WRONG if not case[1].keys() & {"retention_policy", "org"}],
)
async def test_reading_from_a_wrong_place_is_permanent_not_empty(
    kind: str, changes: dict[str, Any], code: str, influx_servers: InfluxServers, tmp_path: Path
) -> None:
    """A page must not show "no data" when the setting is wrong."""
    settings = await asyncio.to_thread(influx_settings, kind, influx_servers, tmp_path, **changes)
    store = open_store(settings)

    for attempt in (read(store), store.latest("raw", {}), store.buckets(CHOSEN, "seq", 5)):
        with pytest.raises(Permanent) as failure:
            await attempt
        assert failure.value.code == code
    await store.close()


@pytest.mark.parametrize("kind", INFLUX_KINDS)
async def test_a_refused_part_does_not_keep_the_other_parts_back(
    kind: str, influx_servers: InfluxServers, tmp_path: Path
) -> None:
    """A large call goes in several requests: those after a refused one are still sent."""
    store = open_store(await asyncio.to_thread(influx_settings, kind, influx_servers, tmp_path))
    points = sample_points(11_000)
    await store.write(points[:1])
    points[10] = point(points[10].t_us, {"seq": "mười"})

    with pytest.raises(Rejected) as refusal:
        await store.write(points)

    assert "points" not in refusal.value.params
    assert [row.t_us for row in await read(store)] == [p.t_us for i, p in enumerate(points) if i != 10]
    await store.close()


@pytest.mark.parametrize("kind", INFLUX_KINDS)
async def test_halving_a_refused_batch_stores_all_good_points(
    kind: str, influx_servers: InfluxServers, tmp_path: Path
) -> None:
    """InfluxDB drops a whole batch that gives a new field two types; the caller's halving finds the one."""
    store = open_store(await asyncio.to_thread(influx_settings, kind, influx_servers, tmp_path))
    points = sample_points(40)
    points[10] = point(points[10].t_us, {"seq": "mười"})
    refused: list[int] = []

    async def write_halving(start: int, end: int) -> None:
        try:
            await store.write(points[start:end])
        except Rejected:
            if end - start == 1:
                refused.append(start)
                return
            middle = (start + end) // 2
            await write_halving(start, middle)
            await write_halving(middle, end)

    await write_halving(0, len(points))

    assert refused == [10]
    assert [row.t_us for row in await read(store)] == [p.t_us for i, p in enumerate(points) if i != 10]
    await store.close()
