"""Configurations from the centre: worked by at once, or refused with the reason; never a way to get lost."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from broker_link import BrokerSettings, Session
from edge_agent.agent import run_agents
from edge_agent.clock import Clock
from edge_agent.config import check_desired, load_config, with_desired
from edge_agent.config_desk import ConfigDesk
from edge_agent.decoder import PointValue
from edge_agent.settings import AgentConfig, BusConfig
from edge_agent.source import Unit, UnitReading
from oxygen.errors import BadConfiguration, Rejected
from oxygen.reading import Reason
from oxygen.wire.packing import pack, unpack
from oxygen.wire.payloads import VERSION, GatewayConfig, GatewayConfigState
from oxygen.wire.topics import Leaf, gateway_topic
from tests.edge_agent.agent_files import CONFIGURATION, written
from tests.servers import Mosquitto

TABLES = CONFIGURATION[CONFIGURATION.index("[[bus]]") :]
FASTER = "[poll]\nevery_s = 2\n" + TABLES


def config(body: str, version: int = 1, sha256: str = "") -> GatewayConfig:
    return GatewayConfig(VERSION, version, sha256 or hashlib.sha256(body.encode()).hexdigest(), body)


def desk_in(folder: Path) -> ConfigDesk:
    return ConfigDesk(load_config(written(folder)))


def outcome(desk: ConfigDesk, desired: GatewayConfig) -> GatewayConfigState:
    desk.take(pack(desired))
    assert desk._state is not None
    return desk._state


def test_what_the_centre_sets_takes_the_place_of_the_file(tmp_path: Path) -> None:
    local, desk = load_config(written(tmp_path)), desk_in(tmp_path)
    state = outcome(desk, config(FASTER, version=7))

    assert (state.version, state.sha256, state.ok) == (7, config(FASTER).sha256, True)
    assert desk.take_up()
    assert (local.every_s, desk.config.every_s) == (10.0, 2.0)
    assert (desk.config.address, desk.config.broker) == (local.address, local.broker)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("not toml", "(syntax)"),
        (TABLES + "[poll]\nevery_s = 0\n", "poll.every_s"),
        (TABLES + "[poll]\nevry_s = 5\n", "poll.evry_s"),
        (TABLES.replace("channel0_ma", "channel99"), "tank[0].dp.point"),
        (TABLES.replace('bus = "io"', 'bus = "other"'), "tank[0].bus"),
        (TABLES + '[broker]\nhost = "elsewhere"\n', "broker"),
        (TABLES + '[gateway]\ncode = "gw-b"\n', "gateway"),
        (TABLES + '[spool]\npath = "/etc/passwd"\n', "spool.path"),
        ("", "bus"),
    ],
)
def test_a_wrong_configuration_is_refused_with_its_place_and_nothing_changes(
    tmp_path: Path, body: str, told: str
) -> None:
    desk = desk_in(tmp_path)
    before = desk.config
    state = outcome(desk, config(body))

    assert not state.ok
    assert told in state.error
    assert not desk.take_up()
    assert desk.config is before
    with pytest.raises(BadConfiguration):
        check_desired(body)


def test_lines_in_a_refusal_are_those_of_the_body() -> None:
    with pytest.raises(BadConfiguration) as caught:
        check_desired("[poll]\nevery_s = 0\n" + TABLES)

    assert (caught.value.file, caught.value.line) == ("configuration", 2)


def test_a_body_that_was_changed_on_the_way_is_refused(tmp_path: Path) -> None:
    state = outcome(desk_in(tmp_path), config(FASTER, sha256="0" * 64))

    assert (state.ok, state.error) == (False, "the hash does not fit the body")


def test_what_was_accepted_holds_over_a_restart_and_what_was_refused_does_not(tmp_path: Path) -> None:
    first = desk_in(tmp_path)
    outcome(first, config(FASTER, version=1))
    outcome(first, config("nonsense", version=2))
    again = desk_in(tmp_path)
    again.read_kept()

    assert again.take_up()
    assert again.config.every_s == 2.0
    assert again._state is not None
    assert (again._state.version, again._state.ok) == (1, True)


def test_a_kept_file_that_cannot_be_used_leaves_the_technicians(tmp_path: Path) -> None:
    desk = desk_in(tmp_path)
    (tmp_path / "gw-a.desired.json").write_text("{half", encoding="utf-8")
    desk.read_kept()

    assert not desk.take_up()
    assert desk.config.every_s == 10.0


def test_a_disk_that_takes_nothing_refuses(tmp_path: Path) -> None:
    desk = desk_in(tmp_path)
    (tmp_path / "gw-a.desired.json").mkdir()
    state = outcome(desk, config(FASTER))

    assert not state.ok
    assert not desk.take_up()


def test_the_same_again_changes_nothing(tmp_path: Path) -> None:
    desk = desk_in(tmp_path)
    outcome(desk, config(FASTER, version=1))
    desk.take_up()
    state = outcome(desk, config(FASTER, version=2))

    assert (state.version, state.ok) == (2, True)
    assert not desk.take_up()


def test_what_is_no_message_is_told_and_a_cleared_topic_means_nothing(tmp_path: Path) -> None:
    desk = desk_in(tmp_path)
    with pytest.raises(Rejected):
        desk.take(b"{")
    desk.take(b"")

    assert desk._state is None


def test_the_centre_learns_which_tanks_a_configuration_reads() -> None:
    assert check_desired(TABLES) == ("a-1",)


def test_a_table_of_the_body_replaces_the_whole_table(tmp_path: Path) -> None:
    path = written(tmp_path, text=CONFIGURATION + "[poll]\nevery_s = 5\nbatch_s = 60\n")

    assert with_desired(path, FASTER).batch_s == load_config(written(tmp_path)).batch_s


class Still:
    """A bus whose instruments never answer."""

    async def read(self, unit: Unit) -> UnitReading:
        silent = PointValue(None, Reason.NO_ANSWER)
        return UnitReading({point.name: silent for point in unit.points}, "silent")

    async def close(self) -> None:
        return None


@pytest.fixture
async def centre(mosquitto: Mosquitto) -> AsyncIterator[Session]:
    """The centre's end of the line, hearing what gateways report."""
    settings = BrokerSettings(host=mosquitto.host, port=mosquitto.port)
    topic = "oxy/1/hcm/bv-a/gw/gw-config/config-state"
    async with Session(settings, client_id="centre-config", subscriptions=[topic]) as session:
        await asyncio.wait_for(session.connected.wait(), 10)
        yield session


async def test_an_agent_works_by_what_it_is_sent_and_says_so(
    tmp_path: Path, mosquitto: Mosquitto, centre: Session
) -> None:
    """Accepted at once, without a restart; refused with the reason; and told again after a restart."""
    path = written(
        tmp_path, ('code = "gw-a"', 'code = "gw-config"'), ("port = 1883", f"port = {mosquitto.port}")
    )
    local = load_config(path)
    topic = gateway_topic(local.address, Leaf.CONFIG)
    opened: list[float] = []

    def source(bus: BusConfig) -> Still:
        opened.append(bus.timeout_s)
        return Still()

    async def running(stop: asyncio.Event) -> None:
        await run_agents([load_config(path)], clock_of=_clock, stop=stop, source_of=source)

    patient = TABLES.replace("timeout_s = 0.3", "timeout_s = 0.7")
    stop = asyncio.Event()
    agent = asyncio.create_task(running(stop))
    await centre.publish(topic, pack(config(patient, version=1)), retain=True)
    taken = await _heard(centre)
    while 0.7 not in opened:
        await asyncio.sleep(0.02)
    await centre.publish(topic, pack(config("[poll]\nevery_s = 0\n", version=2)), retain=True)
    refused = await _heard(centre, version=2)
    stop.set()
    await asyncio.wait_for(agent, 20)
    again = asyncio.Event()
    agent = asyncio.create_task(running(again))
    told = await _heard(centre, version=2)
    again.set()
    await asyncio.wait_for(agent, 20)
    await centre.publish(topic, b"", retain=True)
    await centre.publish(gateway_topic(local.address, Leaf.CONFIG_STATE), b"", retain=True)

    assert (taken.version, taken.ok, taken.sha256) == (1, True, config(patient).sha256)
    assert not refused.ok
    assert "poll.every_s" in refused.error
    assert opened[0] == 0.3
    assert opened[-1] == 0.7, "after a restart it works by what it accepted last"
    assert not told.ok


async def _heard(centre: Session, version: int = 1) -> GatewayConfigState:
    async with asyncio.timeout(20):
        while True:
            message = await centre.receive()
            if message.payload:
                state = unpack(message.payload, GatewayConfigState)
                if state.version == version:
                    return state


def _clock(config_: AgentConfig) -> Clock:
    from edge_agent.clock import system_clock

    return system_clock(trust=config_.trust_clock)
