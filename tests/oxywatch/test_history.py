"""The simulated past: made once, in whole minutes, and for a gap no longer than it should be."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from edge_agent.config import load_config
from firmware_sim import scenario_file, service
from firmware_sim.world import World
from ingest.backfill import Line
from oxygen.units import US_PER_DAY, US_PER_S
from oxywatch.demo.data_folder import HistoryRequest
from oxywatch.demo.gateways import Cadence, Connection, write_gateway
from oxywatch.demo.history_job import make_history
from tests.e2e.house import SCENARIO

NOW_US = 1_800_000_000 * US_PER_S
MINUTE_US = 60 * US_PER_S


@pytest.fixture
def request_(tmp_path: Path) -> HistoryRequest:
    """One tank, one gateway, history of a day."""
    story = tmp_path / "world.toml"
    story.write_text(SCENARIO.format(gateway="gw-a", tank="tank-a", port=0, rate=1.0), encoding="utf-8")
    scenario = scenario_file.load(story)
    gateway = write_gateway(
        tmp_path,
        scenario,
        scenario.gateways[0],
        "e2e",
        Connection("127.0.0.1", 502, 1, "127.0.0.1", 1883),
        Cadence(),
    )
    return HistoryRequest(
        scenario=str(story),
        state_file=str(tmp_path / "state.json"),
        gateways=(str(gateway),),
        folder=str(tmp_path),
        until_us=NOW_US,
        days=3,
        recent_h=48,
    )


def times_of(path: Path) -> list[int]:
    """Return the times of all samples of a file, in its order."""
    lines = [msgspec.json.decode(text, type=Line) for text in path.read_bytes().splitlines()]
    return [t for line in lines if line.message.samples for t in line.message.samples.t_us if t is not None]


def test_the_first_history_comes_in_two_parts_the_recent_one_first(request_: HistoryRequest) -> None:
    """Each minute is there once, in order, and the parts meet."""
    recent, older = make_history(request_, lambda share: None)

    assert [recent.name.split("-")[0], older.name.split("-")[0]] == ["recent", "older"]
    times = times_of(older) + times_of(recent)
    assert times == list(range(NOW_US - 3 * US_PER_DAY, NOW_US, MINUTE_US))


def test_the_gap_since_the_last_run_is_filled(request_: HistoryRequest) -> None:
    """The world goes on where it stood when the state was saved."""
    make_history(request_, lambda share: None)

    later = msgspec.structs.replace(request_, until_us=NOW_US + 45 * MINUTE_US)
    (gap,) = make_history(later, lambda share: None)

    assert times_of(gap) == list(range(NOW_US, NOW_US + 45 * MINUTE_US, MINUTE_US))


def test_a_gap_longer_than_a_week_is_filled_for_the_last_week(request_: HistoryRequest) -> None:
    """What lies further back stays a gap, and the tanks have gone on meanwhile."""
    make_history(request_, lambda share: None)

    until_us = NOW_US + 9 * US_PER_DAY
    (gap,) = make_history(msgspec.structs.replace(request_, until_us=until_us), lambda share: None)

    times = times_of(gap)
    assert (times[0], times[-1]) == (until_us - 7 * US_PER_DAY, until_us - MINUTE_US)
    saved = service.saved_in(Path(request_.state_file))
    assert saved is not None
    assert World(scenario_file.load(str(request_.scenario)), 0, saved.world).now_us == until_us


def test_a_short_stop_leaves_no_gap_to_fill(request_: HistoryRequest) -> None:
    """A restart within two minutes makes no file."""
    make_history(request_, lambda share: None)

    soon = msgspec.structs.replace(request_, until_us=NOW_US + MINUTE_US)

    assert make_history(soon, lambda share: None) == []


def test_the_samples_of_history_are_what_the_gateway_would_have_read(request_: HistoryRequest) -> None:
    """Level and pressure of the last minute are those of the world, within the transmitters' noise."""
    recent, _ = make_history(request_, lambda share: None)
    saved = service.saved_in(Path(request_.state_file))
    assert saved is not None
    truth = World(scenario_file.load(str(request_.scenario)), 0, saved.world).truth("tank-a")

    last = msgspec.json.decode(recent.read_bytes().splitlines()[-1], type=Line).message.samples

    assert last is not None
    assert last.signals["dp_pa"].value[-1] == pytest.approx(truth.differential_pa, rel=0.03)
    assert last.signals["tank_pressure_pa"].value[-1] == pytest.approx(truth.pressure_pa, rel=0.03)
    assert load_config(request_.gateways[0]).address.gateway == "gw-a"
