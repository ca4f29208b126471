"""Puts the parts of a gateway together and keeps them going."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from broker_link import Session
from edge_agent.clock import Clock
from edge_agent.config_desk import ConfigDesk
from edge_agent.drivers.modbus_tcp import ModbusTcpBus
from edge_agent.health import Health
from edge_agent.poll_loop import PollLoop
from edge_agent.publisher import Publisher
from edge_agent.settings import AgentConfig, BusConfig
from edge_agent.source import BusSource, units_of
from edge_agent.spool_file import Connect, SpoolCorruptError, connect_sqlite
from edge_agent.spool_worker import SpoolWorker
from edge_agent.together import together
from oxygen.errors import Permanent, Retryable
from oxygen.local_time import from_us
from oxygen.reading import Sample
from oxygen.wire.access import HEARD
from oxygen.wire.payloads import BusState
from oxygen.wire.topics import Leaf, gateway_topic

Sleep = Callable[[float], Awaitable[None]]
SourceMaker = Callable[[BusConfig], BusSource]

_log = logging.getLogger(__name__)
_RESTART_AFTER_S = 5.0
_FAREWELL_S = 2.0


async def run_agents(
    configs: Sequence[AgentConfig],
    *,
    clock_of: Callable[[AgentConfig], Clock],
    stop: asyncio.Event,
    sleep: Sleep = asyncio.sleep,
    source_of: SourceMaker = ModbusTcpBus,
    connect: Connect = connect_sqlite,
) -> None:
    """Run several gateways in one process until `stop` is set; one that fails does not disturb the others.

    Args:
        configs: One per gateway.
        clock_of: Gives each gateway its clocks.
        stop: Ends everything in good order: samples committed, state published as offline.
        sleep: Passing of time.
        source_of: Opens a field bus.
        connect: Opens an SQLite file.
    """
    async with asyncio.TaskGroup() as group:
        for config in configs:
            agent = Agent(config, clock_of(config), sleep=sleep, source_of=source_of, connect=connect)
            group.create_task(agent.run(stop), name=f"gateway {config.address.gateway}")


class Agent:
    """One gateway."""

    def __init__(
        self,
        config: AgentConfig,
        clock: Clock,
        *,
        sleep: Sleep,
        source_of: SourceMaker,
        connect: Connect,
    ) -> None:
        """Keep the parts' makers; nothing is opened before `run`."""
        self._desk = ConfigDesk(config)
        self._config = config
        self._clock = clock
        self._sleep = sleep
        self._source_of = source_of
        self._connect = connect
        self._carried: list[Sample] = []

    async def run(self, stop: asyncio.Event) -> None:
        """Run until `stop` is set; whatever breaks is logged and begun anew after a pause."""
        name = self._config.address.gateway
        self._desk.read_kept()
        while not stop.is_set():
            self._desk.take_up()
            try:
                await self._run_once(stop)
            except* (SpoolCorruptError, Permanent) as group:
                _log.critical("gateway %s: %s", name, "; ".join(_reasons(group)))
            except* Exception:  # noqa: BLE001 # the supervisor: logged, and begun anew
                _log.exception("gateway %s failed and begins anew", name)
            if not stop.is_set() and not self._desk.has_other:
                await self._pause(stop)

    async def _run_once(self, stop: asyncio.Event) -> None:
        config = self._config = self._desk.config
        worker = SpoolWorker(
            config.spool_path,
            max_bytes=config.spool_max_bytes,
            stamp=f"{from_us(self._clock.now_us()):%Y%m%dT%H%M%SZ}",
            connect=self._connect,
            sleep=self._sleep,
        )
        try:
            spool = await worker.open()
            worker.submit(self._carried)
            states: dict[str, Callable[[], BusState]] = {}
            health = Health(config, worker, spool, self._clock, states)
            loops = [self._loop(bus, worker, health) for bus in config.buses]
            states.update((loop.name, loop.state) for loop in loops)
            async with self._session(health) as session:
                publisher = Publisher(config, session, worker, spool, self._clock, self._sleep)
                publisher.also_take(Leaf.CONFIG, self._desk.take)
                worker.on_commit = publisher.committed
                parts = [loop.run() for loop in loops]
                parts += [worker.run(), health.run(session), *publisher.parts()]
                parts += [self._desk.report(session), self._desk.until_changed()]
                await together(stop, parts)
                await _say_farewell(health, session)
        finally:
            self._carried = await worker.close()

    def _loop(self, bus: BusConfig, worker: SpoolWorker, health: Health) -> PollLoop:
        return PollLoop(
            bus.name,
            self._source_of(bus),
            units_of(bus.tanks),
            every_s=self._config.every_s,
            clock=self._clock,
            sleep=self._sleep,
            deliver=worker.submit,
            on_change=health.changed,
        )

    def _session(self, health: Health) -> Session:
        address = self._config.address
        return Session(
            self._config.broker,
            client_id=address.gateway,
            subscriptions=[gateway_topic(address, leaf) for leaf in HEARD],
            will=health.will,
            sleep=self._sleep,
        )

    async def _pause(self, stop: asyncio.Event) -> None:
        """Wait before beginning anew, or until `stop` is set."""
        await together(stop, [self._sleep_once(_RESTART_AFTER_S)])

    async def _sleep_once(self, seconds: float) -> None:
        await self._sleep(seconds)


async def _say_farewell(health: Health, session: Session) -> None:
    """Tell the centre that this is an orderly end, if the line is up."""
    if not session.connected.is_set():
        return
    try:
        async with asyncio.timeout(_FAREWELL_S):
            await health.publish(session, online=False)
    except (Retryable, TimeoutError) as error:
        _log.info("no farewell: %s", error)


def _reasons(error: BaseException) -> list[str]:
    """Return the texts of all errors in a tree of groups."""
    if isinstance(error, BaseExceptionGroup):
        return [text for part in error.exceptions for text in _reasons(part)]
    return [str(error)]
