"""What gateways say of themselves, on its way into the records: their health and their configuration."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from ingest.shard import Shard
from oxygen.errors import OxyWatchError
from oxygen.wire.payloads import GatewayConfigState, GatewayState
from oxygen.wire.topics import GatewayAddress
from records import fleet
from records.database import Database
from records.fleet import GatewayHealth, ReportedConfig

_log = structlog.get_logger(__name__)


class FleetDesk:
    """Keeps the newest of each gateway and writes what changed."""

    def __init__(
        self,
        database: Database,
        shard: Callable[[], Shard],
        *,
        every_s: float,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Prepare; `run` writes."""
        self._database = database
        self._shard = shard
        self._every_s = every_s
        self._sleep = sleep
        self._healths: dict[str, GatewayHealth] = {}
        self._configs: dict[str, ReportedConfig] = {}

    def note_health(self, address: GatewayAddress, state: GatewayState, received_us: int) -> None:
        """Keep what a registered gateway says of itself; a last will is not its own word."""
        if not self._is_known(address):
            return
        before = self._healths.get(address.gateway)
        online_us = before.last_online_us if before else None
        if state.online:
            online_us = received_us
        health = GatewayHealth(address.gateway, address.facility, state, received_us, online_us)
        self._healths[address.gateway] = health

    def note_config(self, address: GatewayAddress, state: GatewayConfigState, received_us: int) -> None:
        """Keep what a registered gateway says of its configuration."""
        if self._is_known(address):
            self._configs[address.gateway] = ReportedConfig(
                address.gateway, state.version, state.sha256, state.ok, _storable(state.error), received_us
            )

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            await self._sleep(self._every_s)
            try:
                await self.write()
            except OxyWatchError as error:
                _log.warning("the fleet's state cannot be written yet", problem=str(error))

    async def write(self) -> None:
        """Write what came since the last time. Raises Retryable or Permanent; nothing is forgotten then."""
        healths, configs = self._healths, self._configs
        if not healths and not configs:
            return
        self._healths, self._configs = {}, {}
        try:
            async with self._database.write() as tx:
                await fleet.put_healths(tx, list(healths.values()))
                for _, reported in sorted(configs.items()):
                    await fleet.report_config(tx, reported)
        except OxyWatchError:
            self._healths, self._configs = {**healths, **self._healths}, {**configs, **self._configs}
            raise

    def _is_known(self, address: GatewayAddress) -> bool:
        return self._shard().view.gateways.get(address.gateway) == address.facility


def _storable(text: str) -> str:
    """Return a text that both databases can hold."""
    return text[:2000].replace("\x00", "\ufffd").encode("utf-8", "replace").decode("utf-8")
