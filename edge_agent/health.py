"""The gateway's own account of its health, as it is published."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from importlib import metadata

from broker_link import Session, Will
from edge_agent.clock import Clock
from edge_agent.settings import AgentConfig
from edge_agent.spool import Sizes, Spool
from edge_agent.spool_worker import SpoolWorker
from oxygen.errors import Retryable
from oxygen.units import S_PER_HOUR
from oxygen.wire.packing import pack
from oxygen.wire.payloads import VERSION, BusState, GatewayState
from oxygen.wire.topics import Leaf, gateway_topic

_ROWS_THAT_TELL = 500
_UNKNOWN = Sizes(rows=0, unstored=0, live_bytes=0, file_bytes=0, oldest_unstored_us=None)


def software_version() -> str:
    """Return the name and version that this gateway runs, or `oxywatch unknown` outside an installation."""
    try:
        return f"oxywatch {metadata.version('oxywatch')}"
    except metadata.PackageNotFoundError:
        return "oxywatch unknown"


def hours_left(sizes: Sizes, *, max_bytes: int, tanks: int, every_s: float) -> float | None:
    """Return the hours until unstored samples alone fill the spool; None while too few rows tell their size.

    Stored rows do not count: they give way.
    """
    if sizes.rows < _ROWS_THAT_TELL or not tanks:
        return None
    bytes_per_row = sizes.live_bytes / sizes.rows
    rows_per_hour = tanks * S_PER_HOUR / every_s
    free_rows = max_bytes / bytes_per_row - sizes.unstored
    return max(0.0, free_rows / rows_per_hour)


class Health:
    """Publishes a gateway's state when it changes and at least every `state_every_s`."""

    def __init__(
        self,
        config: AgentConfig,
        worker: SpoolWorker,
        spool: Spool,
        clock: Clock,
        buses: Mapping[str, Callable[[], BusState]],
    ) -> None:
        """Prepare; `buses` gives each bus's present state."""
        self._config = config
        self._worker = worker
        self._spool = spool
        self._clock = clock
        self._buses = buses
        self._software = software_version()
        self._changed = asyncio.Event()
        self.topic = gateway_topic(config.address, Leaf.STATE)

    def changed(self) -> None:
        """Ask for the state to be published soon."""
        self._changed.set()

    def will(self) -> Will:
        """Return what the broker says when it loses this gateway."""
        return Will(self.topic, pack(self._state(_UNKNOWN, online=False, dated=False)))

    async def run(self, session: Session) -> None:
        """Publish until cancelled; a state that does not get through is followed by a newer one."""
        while True:
            await session.connected.wait()
            self._changed.clear()
            try:
                await self.publish(session, online=True)
            except Retryable:
                await asyncio.sleep(0.5)
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._config.publish.state_every_s):
                    await self._changed.wait()

    async def publish(self, session: Session, *, online: bool) -> None:
        """Publish the present state, retained; raises Retryable when the line is down."""
        sizes = await self._worker.call(self._spool.sizes)
        await session.publish(self.topic, pack(self._state(sizes, online=online, dated=True)), retain=True)

    def _state(self, sizes: Sizes, *, online: bool, dated: bool) -> GatewayState:
        config = self._config
        synchronised = self._clock.synchronised()
        return GatewayState(
            v=VERSION,
            online=online,
            boot=self._clock.boot,
            epoch=self._spool.epoch,
            software=self._software,
            t_us=self._clock.now_us() if synchronised and dated else None,
            clock_synchronised=synchronised,
            last_seq=self._spool.last_seq,
            spool_rows=sizes.unstored,
            spool_bytes=sizes.file_bytes,
            spool_hours_left=hours_left(
                sizes, max_bytes=config.spool_max_bytes, tanks=len(config.tanks), every_s=config.every_s
            ),
            oldest_unstored_us=sizes.oldest_unstored_us,
            buses={name: state() for name, state in self._buses.items()},
            samples_lost=self._worker.lost,
            spool_error=self._worker.last_error,
        )
