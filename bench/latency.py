"""How long a reading takes from the instrument to the store, and a crossing to its status row and wake-up.

Everything runs as in production: simulated modules on TCP sockets, agents, a broker, ingest, both databases,
one process each. The clock starts at the read's own time; *stored* ends when the acknowledgement of the
stored row is back on the broker, which is later than the store's confirmation by the way back.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import structlog

from bench.fleet import SHARD, registry_of, write_gateways, write_scenario
from bench.report import Report, commit, figure, machine, percentile
from broker_link.session import Message, Session
from broker_link.settings import BrokerSettings
from firmware_sim import scenario_file
from firmware_sim.scenario import Scenario
from firmware_sim.service import Ready
from oxygen.errors import Permanent, Rejected
from oxygen.ranges import RangeSet
from oxygen.units import US_PER_S
from oxygen.wire.packing import unpack
from oxygen.wire.payloads import Ack, Samples, Status
from oxygen.wire.topics import Leaf, all_gateways, all_statuses, parse_gateway_topic
from oxywatch.addresses import free_port
from oxywatch.demo.gateways import Cadence
from oxywatch.process import now_us
from oxywatch.supervision.supervisor import Program, Supervisor
from records import registry as registry_records
from records.database import Database

_log = structlog.get_logger(__name__)

GOAL_S = 1.0
BANDS_CROSSED = ("reorder", "urgent", "critical")


class Size(NamedTuple):
    """How much is run."""

    tanks: int = 200
    seconds: int = 120
    warm_up_s: int = 15


class _Seen(NamedTuple):
    reads: dict[tuple[str, str, int], int]
    stored_s: list[float]
    wake_s: list[float]


async def measure(size: Size) -> Report:
    """Run the fleet and return the latencies; raises Permanent when a part of it does not come up."""
    with tempfile.TemporaryDirectory(prefix="oxywatch-bench-") as name:
        folder = Path(name)
        write_scenario(
            folder / "fleet.toml",
            size.tanks,
            first_crossing_s=size.warm_up_s + 5.0,
            spread_s=size.seconds / 2,
        )
        scenario = scenario_file.load(folder / "fleet.toml")
        (folder / "logs").mkdir()
        supervisor = Supervisor(folder / "logs")
        try:
            broker_port = await _start_centre(folder, scenario, supervisor)
            await _start_fleet(folder, scenario, supervisor, broker_port)
            seen = await _watch(broker_port, size)
        finally:
            await supervisor.stop()
        rows_s = _row_latencies(folder / "records.sqlite")
    return _report(size, seen, rows_s)


async def _start_centre(folder: Path, scenario: Scenario, supervisor: Supervisor) -> int:
    broker_port = free_port("127.0.0.1")
    settings = folder / "centre.toml"
    settings.write_text(
        f'[records]\nurl = "sqlite:///{folder / "records.sqlite"}"\n'
        f'[telemetry]\nkind = "embedded"\npath = "{folder / "telemetry.sqlite"}"\n'
        f"[broker]\nport = {broker_port}\n"
        f'[ingest]\nshard = "{SHARD}"\n',
        encoding="utf-8",
    )
    database = Database(f"sqlite:///{folder / 'records.sqlite'}")
    await database.migrate()
    async with database.write() as tx:
        await registry_records.import_registry(tx, registry_of(scenario), actor="bench", now_us=now_us())
    await database.close()
    supervisor.add(_program("broker", "broker", str(folder), str(broker_port)))
    supervisor.add(_program("ingest", "ingest", "--config", str(settings)))
    return broker_port


async def _start_fleet(folder: Path, scenario: Scenario, supervisor: Supervisor, broker_port: int) -> None:
    ready_file = folder / "ready.json"
    supervisor.add(
        _program(
            "simulator",
            *("sim", "--scenario", str(folder / "fleet.toml")),
            *("--state", str(folder / "world.json"), "--ready", str(ready_file)),
        )
    )
    for _ in range(300):
        if await asyncio.to_thread(ready_file.exists):
            break
        await asyncio.sleep(0.2)
    else:
        raise Permanent("the simulator does not come up", code="no_simulator")
    ready = msgspec.json.decode(await asyncio.to_thread(ready_file.read_bytes), type=Ready)
    gateways = write_gateways(folder / "gateways", scenario, ready, broker_port, Cadence(1.0, 0.0))
    supervisor.add(_program("gateways", "edge", "run", *(str(path) for path in gateways)))


def _program(name: str, *arguments: str) -> Program:
    return Program(name, (sys.executable, "-m", "oxywatch", *arguments))


async def _watch(broker_port: int, size: Size) -> _Seen:
    """Listen to the wire; what passes during the warm-up is not counted."""
    seen = _Seen({}, [], [])
    topics = [all_gateways(SHARD, Leaf.SAMPLES), all_gateways(SHARD, Leaf.ACK), all_statuses(SHARD)]
    done: dict[tuple[str, str], RangeSet] = {}
    bands: dict[str, str] = {}
    loop = asyncio.get_running_loop()
    settings = BrokerSettings(port=broker_port)
    async with Session(settings, client_id="bench", subscriptions=topics, inbox_size=100_000) as session:
        await session.connected.wait()
        count_from = loop.time() + size.warm_up_s
        until = count_from + size.seconds
        while (left := until - loop.time()) > 0:
            try:
                message = await asyncio.wait_for(session.receive(), left)
            except TimeoutError:
                break
            _take(message, seen, done, bands, counting=loop.time() >= count_from)
    return seen


def _take(
    message: Message,
    seen: _Seen,
    done: dict[tuple[str, str], RangeSet],
    bands: dict[str, str],
    *,
    counting: bool,
) -> None:
    at_us = now_us()
    if message.topic.endswith("/status"):
        status = unpack(message.payload, Status)
        crossed = status.band in BANDS_CROSSED and bands.get(status.subject) not in (None, status.band)
        bands[status.subject] = status.band
        if crossed and counting and status.as_of_us is not None:
            seen.wake_s.append((at_us - status.as_of_us) / US_PER_S)
        return
    try:
        address, leaf = parse_gateway_topic(message.topic)
    except Rejected as error:
        _log.warning("unexpected topic", problem=str(error))
        return
    if leaf is Leaf.SAMPLES:
        _note_reads(address.gateway, unpack(message.payload, Samples), seen)
    elif leaf is Leaf.ACK:
        _note_stored(address.gateway, unpack(message.payload, Ack), seen, done, at_us, counting=counting)


def _note_reads(gateway: str, batch: Samples, seen: _Seen) -> None:
    if batch.samples is None:
        return
    for row, t_us in enumerate(batch.samples.t_us):
        if t_us is not None:
            seen.reads.setdefault((gateway, batch.epoch, batch.first + row), t_us)


def _note_stored(
    gateway: str,
    ack: Ack,
    seen: _Seen,
    done: dict[tuple[str, str], RangeSet],
    at_us: int,
    *,
    counting: bool,
) -> None:
    known = done.setdefault((gateway, ack.epoch), RangeSet())
    for first, last in ack.stored:
        for new_first, new_last in known.missing(first, last):
            for seq in range(new_first, new_last + 1):
                t_us = seen.reads.pop((gateway, ack.epoch, seq), None)
                if t_us is not None and counting:
                    seen.stored_s.append((at_us - t_us) / US_PER_S)
            known.add(new_first, new_last)


def _row_latencies(path: Path) -> list[float]:
    """Return the latency of every status row that tells of a crossing into a worse band, s."""
    connection = sqlite3.connect(path)
    try:
        rows = connection.execute(
            "SELECT subject, band, as_of_us, written_us FROM status WHERE NOT late ORDER BY id"
        ).fetchall()
    finally:
        connection.close()
    bands: dict[str, str] = {}
    latencies = []
    for subject, band, as_of_us, written_us in rows:
        if band in BANDS_CROSSED and bands.get(subject) not in (None, band) and as_of_us is not None:
            latencies.append((written_us - as_of_us) / US_PER_S)
        bands[subject] = band
    return latencies


def _report(size: Size, seen: _Seen, rows_s: list[float]) -> Report:
    figures = [
        figure("read_to_stored_p50", percentile(seen.stored_s, 0.5), "s", GOAL_S, "lower"),
        figure("read_to_stored_p99", percentile(seen.stored_s, 0.99), "s", GOAL_S, "lower"),
        figure("crossing_to_row_p50", percentile(rows_s, 0.5), "s", GOAL_S, "lower"),
        figure("crossing_to_row_p99", percentile(rows_s, 0.99), "s", GOAL_S, "lower"),
        figure("crossing_to_wake_up_p50", percentile(seen.wake_s, 0.5), "s", GOAL_S, "lower"),
        figure("crossing_to_wake_up_p99", percentile(seen.wake_s, 0.99), "s", GOAL_S, "lower"),
        figure("stored_per_s", len(seen.stored_s) / size.seconds, "readings/s", 0.98 * size.tanks, "higher"),
    ]
    details: dict[str, Any] = {
        "tanks": size.tanks,
        "seconds": size.seconds,
        "readings_stored": len(seen.stored_s),
        "readings_not_yet_stored_at_the_end": len(seen.reads),
        "crossings_by_row": len(rows_s),
        "crossings_by_wake_up": len(seen.wake_s),
        "slowest_stored_s": max(seen.stored_s),
        "parts": "embedded broker, SQLite records (FULL), SQLite telemetry (FULL); one process each",
    }
    return Report("latency", commit(), machine(), figures, details)
