"""A whole agent against a real broker: every committed sample reaches the centre, whatever breaks between."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from broker_link import BrokerSettings, Session
from edge_agent.agent import run_agents
from edge_agent.clock import Clock, system_clock
from edge_agent.decoder import PointValue
from edge_agent.settings import AgentConfig, PublishSettings
from edge_agent.source import Unit, UnitReading
from edge_agent.spool import THINNED, Spool
from oxygen.errors import Retryable
from oxygen.ranges import RangeSet
from oxygen.reading import Reason, Sample
from oxygen.wire.batch import from_columns
from oxygen.wire.packing import pack, unpack
from oxygen.wire.payloads import VERSION, Ack, GatewayState, Lane, RangeRequest, Samples
from oxygen.wire.topics import Leaf, gateway_topic
from tests.edge_agent.agent_files import config, draft
from tests.servers import Mosquitto, Server

PATIENCE_S = 20
# A twentieth of the product's own patience.
QUICK = PublishSettings(
    retransmit_s=0.15, retransmit_cap_s=0.75, resend_unstored_s=1.5, state_every_s=0.5, history_share=1.0
)


def broker_settings(server: Server) -> BrokerSettings:
    return BrokerSettings(
        host=server.host,
        port=server.port,
        keepalive_s=1,
        connect_timeout_s=0.5,
        publish_timeout_s=0.5,
        backoff_first_s=0.025,
        backoff_cap_s=0.25,
    )


def agent_config(folder: Path, server: Server) -> AgentConfig:
    return msgspec.structs.replace(
        config(folder), broker=broker_settings(server), publish=QUICK, every_s=0.05, batch_s=0.1
    )


class Instrument:
    """Answers at once; half span, healthy."""

    def __init__(self) -> None:
        self.answers = True

    async def read(self, unit: Unit) -> UnitReading:
        if not self.answers:
            return UnitReading({p.name: PointValue(None, Reason.NO_ANSWER) for p in unit.points}, "silence")
        values = {point.name: PointValue(0.0 if "status" in point.name else 12.0) for point in unit.points}
        return UnitReading(values, "")

    async def close(self) -> None:
        return


class Ingest:
    """A centre of the test: keeps what it gets and answers as it is told."""

    def __init__(self, session: Session, address_of: AgentConfig) -> None:
        self.session = session
        self.address = address_of.address
        self.answering = True
        self.storing = True
        self.epoch = ""
        self.samples: dict[int, Sample] = {}
        self.gaps: dict[int, str] = {}
        self.messages: list[Samples] = []
        self.states: list[GatewayState] = []
        self.stored = RangeSet()

    def seen(self) -> RangeSet:
        return RangeSet((seq, seq) for seq in (*self.samples, *self.gaps))

    async def run(self) -> None:
        async for message in self.session.messages():
            if message.topic.endswith("/state"):
                self.states.append(unpack(message.payload, GatewayState))
                continue
            batch = unpack(message.payload, Samples)
            self.messages.append(batch)
            self.take(batch)
            if self.answering:
                await self.answer()

    def take(self, batch: Samples) -> None:
        if batch.epoch != self.epoch:
            self.samples.clear()
            self.epoch = batch.epoch
        if batch.gap is not None:
            assert batch.count == batch.gap[1] - batch.gap[0] + 1
            self.gaps |= dict.fromkeys(range(batch.gap[0], batch.gap[1] + 1), batch.reason)
        if batch.samples is not None:
            samples, bad = from_columns(batch.samples, batch.first)
            assert not bad
            for sample in samples:
                assert self.samples.setdefault(sample.seq, sample) == sample, "a sample never changes"

    async def answer(self) -> None:
        if self.storing:
            self.stored = self.seen()
        ack = Ack(VERSION, self.epoch, list(self.seen()), list(self.stored))
        await self.publish(Leaf.ACK, ack)

    async def publish(self, leaf: Leaf, payload: msgspec.Struct) -> None:
        try:
            await self.session.publish(gateway_topic(self.address, leaf), pack(payload))
        except Retryable:
            return  # a lost answer is part of the game


@asynccontextmanager
async def centre(mine: AgentConfig) -> AsyncIterator[Ingest]:
    topics = [gateway_topic(mine.address, leaf) for leaf in (Leaf.SAMPLES, Leaf.STATE)]
    async with Session(mine.broker, client_id="ingest", subscriptions=topics) as session:
        ingest = Ingest(session, mine)
        runner = asyncio.create_task(ingest.run())
        await asyncio.wait_for(session.connected.wait(), PATIENCE_S)
        try:
            yield ingest
        finally:
            runner.cancel()
            await asyncio.wait([runner])
            assert runner.cancelled(), runner.exception()


@asynccontextmanager
async def running(
    mine: AgentConfig, instrument: Instrument, clock: Clock | None = None
) -> AsyncIterator[None]:
    stop = asyncio.Event()
    own = clock or system_clock(trust=True)
    agents = asyncio.create_task(
        run_agents([mine], clock_of=lambda _: own, stop=stop, source_of=lambda _: instrument)
    )
    try:
        yield
    finally:
        stop.set()
        await asyncio.wait_for(agents, PATIENCE_S)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():
            await asyncio.sleep(0.01)


def committed(mine: AgentConfig) -> int:
    """Return last_seq of a spool, also while its agent runs."""
    connection = sqlite3.connect(f"file:{mine.spool_path}?mode=ro", uri=True)
    try:
        (value,) = connection.execute("SELECT value FROM meta WHERE key = 'last_seq'").fetchone()
        return int(value)
    finally:
        connection.close()


def unstored(mine: AgentConfig) -> list[tuple[int, int]]:
    spool = Spool(mine.spool_path, max_bytes=1 << 30)
    try:
        return spool.unstored()
    finally:
        spool.close()


async def drained(ingest: Ingest, mine: AgentConfig, instrument: Instrument | None = None) -> None:
    """Run an agent that reads nothing new until the centre holds exactly 1 … last_seq."""
    idle = msgspec.structs.replace(mine, every_s=3600.0)
    async with running(idle, instrument or Instrument()):
        await until(lambda: list(ingest.seen()) == [(1, committed(mine))])
        await asyncio.sleep(0.3)


async def test_samples_reach_the_centre_and_are_marked_stored(tmp_path: Path, mosquitto: Mosquitto) -> None:
    mine = agent_config(tmp_path, mosquitto)
    async with centre(mine) as ingest:
        async with running(mine, Instrument()):
            await until(lambda: len(ingest.samples) >= 20)
        await drained(ingest, mine)
    assert sorted(ingest.samples) == list(range(1, committed(mine) + 1))
    assert unstored(mine) == []
    assert {sample.subject for sample in ingest.samples.values()} == {"tank:a-1"}
    assert {sample.signals["dp_pa"].value for sample in ingest.samples.values()} == {40_000.0}


async def test_without_answers_batches_are_repeated_and_no_more_than_four_are_under_way(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    mine = agent_config(tmp_path, mosquitto)
    async with centre(mine) as ingest:
        ingest.answering = False
        async with running(mine, Instrument()):
            await until(lambda: len(ingest.messages) >= 10)
            assert len({batch.first for batch in ingest.messages}) <= 4
            assert len(list(ingest.seen())) == 1
            ingest.answering = True
            await until(lambda: len(ingest.samples) > 50)
        await drained(ingest, mine)
    assert unstored(mine) == []


async def test_seen_alone_frees_nothing(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """The centre sees everything and stores nothing: it is sent again until it is stored."""
    mine = agent_config(tmp_path, mosquitto)
    async with centre(mine) as ingest:
        ingest.storing = False
        async with running(mine, Instrument()):
            await until(lambda: len(ingest.samples) >= 20)
            assert {batch.lane for batch in ingest.messages} <= {Lane.LIVE, Lane.HISTORY}
        assert unstored(mine) == [(1, committed(mine))]
        repeated = msgspec.structs.replace(mine, every_s=3600.0)
        async with running(repeated, Instrument()):
            before = len(ingest.messages)
            await until(lambda: any(batch.first == 1 for batch in ingest.messages[before:]))
            first_again = len(ingest.messages)
            await until(lambda: any(batch.first == 1 for batch in ingest.messages[first_again:]))
            ingest.storing = True
            await ingest.answer()
            await asyncio.sleep(0.2)
    assert unstored(mine) == []


async def test_an_acknowledgement_of_another_epoch_or_of_nonsense_is_ignored(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    mine = agent_config(tmp_path, mosquitto)
    async with centre(mine) as ingest:
        ingest.answering = False
        async with running(mine, Instrument()):
            await until(lambda: len(ingest.samples) >= 3)
            other = Ack(VERSION, "another-epoch", [(1, 1000)], [(1, 1000)])
            backwards = Ack(VERSION, ingest.epoch, [], [(3, 1)])
            await ingest.publish(Leaf.ACK, other)
            await ingest.publish(Leaf.ACK, backwards)
            await ingest.session.publish(gateway_topic(mine.address, Leaf.ACK), b"not json")
            repeated = len(ingest.messages) + 4
            await until(lambda: len(ingest.messages) >= repeated)
        assert unstored(mine) == [(1, committed(mine))]
        ingest.answering = True
        await drained(ingest, mine)
    assert unstored(mine) == []


async def test_answers_of_a_centre_that_was_replaced_are_ignored(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    """Of two that answer, the one with the newer lease counts; the other's `stored` would free rows."""
    mine = agent_config(tmp_path, mosquitto)
    async with centre(mine) as ingest:
        ingest.answering = False
        async with running(mine, Instrument()):
            await until(lambda: len(ingest.samples) >= 5)
            await ingest.publish(Leaf.ACK, Ack(VERSION, ingest.epoch, [], [(1, 1)], lease_token=8))
            await ingest.publish(Leaf.ACK, Ack(VERSION, ingest.epoch, [], [(2, 2)], lease_token=7))
            await ingest.publish(Leaf.REQUEST, RangeRequest(VERSION, ingest.epoch, [(1, 1)], lease_token=7))
            await ingest.publish(Leaf.ACK, Ack(VERSION, ingest.epoch, [], [(3, 3)], lease_token=9))
            await asyncio.sleep(1.0)
    left = numbers(unstored(mine))

    assert 2 in left
    assert not {1, 3} & left


def numbers(ranges: list[tuple[int, int]]) -> set[int]:
    return {seq for first, last in ranges for seq in range(first, last + 1)}


async def test_killed_brokers_lose_nothing(tmp_path: Path, private_mosquitto: Mosquitto) -> None:
    """The set that arrived is exactly 1 … last_seq, each number with one content."""
    mine = agent_config(tmp_path, private_mosquitto)
    async with centre(mine) as ingest:
        async with running(mine, Instrument()):
            for _ in range(4):
                wanted = len(ingest.samples) + 8
                await until(lambda wanted=wanted: len(ingest.samples) >= wanted)  # type: ignore[misc]
                private_mosquitto.kill()
                await asyncio.sleep(0.3)
                private_mosquitto.start()
        await drained(ingest, mine)
    assert sorted(ingest.samples) == list(range(1, committed(mine) + 1))
    assert unstored(mine) == []


async def test_a_frozen_broker_loses_nothing_and_reading_goes_on(
    tmp_path: Path, private_mosquitto: Mosquitto
) -> None:
    """A half-open line looks alive: samples go on being committed, and arrive later."""
    mine = agent_config(tmp_path, private_mosquitto)
    async with centre(mine) as ingest:
        async with running(mine, Instrument()):
            await until(lambda: len(ingest.samples) >= 5)
            before = committed(mine)
            private_mosquitto.pause()
            await until(lambda: committed(mine) >= before + 60)
            private_mosquitto.resume()
            await until(lambda: len(ingest.samples) >= before + 60)
        await drained(ingest, mine)
    assert sorted(ingest.samples) == list(range(1, committed(mine) + 1))
    assert unstored(mine) == []


async def test_lost_acknowledgements_and_a_restarting_agent_lose_nothing(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    mine = agent_config(tmp_path, mosquitto)
    async with centre(mine) as ingest:
        for turn in range(4):
            ingest.answering = turn % 2 == 1
            wanted = len(ingest.samples) + 3
            async with running(mine, Instrument()):
                await until(lambda wanted=wanted: len(ingest.samples) >= wanted)  # type: ignore[misc]
        ingest.answering = True
        await drained(ingest, mine)
    assert sorted(ingest.samples) == list(range(1, committed(mine) + 1))
    assert unstored(mine) == []


async def test_after_an_outage_live_rows_come_before_the_backlog(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    mine = agent_config(tmp_path, mosquitto)
    spool = Spool(mine.spool_path, max_bytes=1 << 30)
    spool.append([draft(n) for n in range(1, 3001)])
    spool.close()
    async with centre(mine) as ingest:
        async with running(mine, Instrument()):
            await until(lambda: len(ingest.samples) > 3000)
        await drained(ingest, mine)
    lanes = [batch.lane for batch in ingest.messages]
    live_at = lanes.index(Lane.LIVE)
    assert live_at <= 1
    assert ingest.messages[live_at].first > 3000
    assert {batch.lane for batch in ingest.messages if batch.first <= 3000} == {Lane.HISTORY}


async def test_every_message_stays_below_the_limit_of_the_broker(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    limited = msgspec.structs.replace(QUICK, max_payload_bytes=2048)
    mine = msgspec.structs.replace(agent_config(tmp_path, mosquitto), publish=limited)
    spool = Spool(mine.spool_path, max_bytes=1 << 30)
    spool.append([draft(n * 7919 % 100_003) for n in range(1, 1001)])
    spool.close()
    sizes: list[int] = []
    async with centre(mine) as ingest:
        ingest_take = ingest.take

        def measured(batch: Samples) -> None:
            sizes.append(len(pack(batch)))
            ingest_take(batch)

        ingest.take = measured  # type: ignore[method-assign]
        await drained(ingest, mine)
    assert max(sizes) <= 2048
    assert len(sizes) > 5


async def test_thinned_runs_are_declared_and_acknowledged_like_data(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    mine = msgspec.structs.replace(agent_config(tmp_path, mosquitto), spool_max_bytes=128 * 1024)
    spool = Spool(mine.spool_path, max_bytes=mine.spool_max_bytes)
    while spool.sizes().rows > spool.last_seq - 500:
        spool.append([draft(spool.last_seq + n) for n in range(50)])
    spool.close()
    async with centre(mine) as ingest:
        await drained(ingest, mine)
    assert set(ingest.gaps.values()) == {THINNED}
    assert sorted([*ingest.gaps, *ingest.samples]) == list(range(1, committed(mine) + 1))
    assert unstored(mine) == []


async def test_the_centre_can_ask_again_for_what_it_had_stored(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """A centre restored from a backup gets its hole filled from the gateway's archive."""
    mine = agent_config(tmp_path, mosquitto)
    async with centre(mine) as ingest:
        async with running(mine, Instrument()):
            await until(lambda: len(ingest.samples) >= 20)
        await drained(ingest, mine)
        whole = dict(ingest.samples)
        for seq in range(5, 16):
            del ingest.samples[seq]
        idle = msgspec.structs.replace(mine, every_s=3600.0)
        async with running(idle, Instrument()):
            await until(lambda: any(state.online for state in ingest.states[-1:]))
            await ingest.publish(Leaf.REQUEST, RangeRequest(VERSION, ingest.epoch, [(5, 15)]))
            await until(lambda: ingest.seen().missing(1, 20) == [])
            await asyncio.sleep(0.2)
    assert {seq: ingest.samples[seq] for seq in whole} == whole
    assert unstored(mine) == []


async def test_the_state_tells_of_a_silent_bus_and_of_the_end(tmp_path: Path, mosquitto: Mosquitto) -> None:
    mine = agent_config(tmp_path, mosquitto)
    instrument = Instrument()
    async with centre(mine) as ingest:
        async with running(mine, instrument):
            await until(lambda: any(state.online and state.buses["io"].answering for state in ingest.states))
            instrument.answers = False
            await until(lambda: not ingest.states[-1].buses["io"].answering)
            assert ingest.states[-1].buses["io"].last_error == "silence"
            instrument.answers = True
            await until(lambda: ingest.states[-1].buses["io"].answering)
        await until(lambda: not ingest.states[-1].online)
    last = ingest.states[-1]
    assert (last.last_seq, last.epoch) == (committed(mine), ingest.epoch)
    silent = [sample for sample in ingest.samples.values() if sample.signals["dp_pa"].value is None]
    assert silent
    assert {sample.signals["dp_pa"].reason for sample in silent} == {Reason.NO_ANSWER}


async def test_without_a_trusted_clock_samples_carry_no_time(tmp_path: Path, mosquitto: Mosquitto) -> None:
    mine = agent_config(tmp_path, mosquitto)
    clock = msgspec.structs.replace(system_clock(trust=True), synchronised=lambda: False)
    async with centre(mine) as ingest:
        async with running(mine, Instrument(), clock):
            await until(lambda: len(ingest.samples) >= 5 and bool(ingest.states))
        assert {sample.t_us for sample in ingest.samples.values()} == {None}
        assert not ingest.states[-1].clock_synchronised
        sent, newest = ingest.messages[0], ingest.samples[ingest.messages[0].first]
        assert 0 <= sent.sent_mono_us - newest.mono_us < 60_000_000
        assert sent.boot == newest.boot


async def test_a_spool_damaged_in_flight_is_replaced_and_reading_goes_on(
    tmp_path: Path, mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge_agent.agent._RESTART_AFTER_S", 0.1)
    mine = agent_config(tmp_path, mosquitto)
    spool = Spool(mine.spool_path, max_bytes=1 << 30)
    spool.append([draft(n) for n in range(1, 20_001)])
    spool.mark_stored([(1, 20_000)])
    first_epoch = spool.epoch
    spool.close()
    async with centre(mine) as ingest, running(mine, Instrument()):
        await until(lambda: len(ingest.samples) >= 3)
        with mine.spool_path.open("r+b") as file:
            file.seek(4096)
            file.write(b"\xa5" * (mine.spool_path.stat().st_size - 4096))
        await ingest.publish(Leaf.REQUEST, RangeRequest(VERSION, first_epoch, [(1, 20_000)]))
        await until(lambda: ingest.messages[-1].epoch != first_epoch)
    assert len(list(tmp_path.glob("*.corrupt-*"))) >= 1
