"""Desired configurations on their way to the gateways: retained, at every change and every connection."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from broker_link import Session
from oxygen.errors import OxyWatchError
from oxygen.wire.packing import pack
from oxygen.wire.payloads import VERSION, GatewayConfig
from oxygen.wire.topics import Leaf, gateway_topic
from records import enrolment, fleet
from records.database import Database

_log = logging.getLogger(__name__)


class ConfigPublisher:
    """Publishes what the records want. Several of these say the same, so that nothing has to be agreed on."""

    def __init__(
        self,
        database: Database,
        session: Session,
        *,
        every_s: float,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Prepare; `run` publishes."""
        self._database = database
        self._session = session
        self._every_s = every_s
        self._sleep = sleep
        self._connection = 0
        self._newest_id = 0
        self._sent: dict[str, tuple[str, int]] = {}

    async def run(self) -> None:
        """Publish until cancelled; what fails is tried again."""
        while True:
            await self._session.connected.wait()
            try:
                await self._look()
            except OxyWatchError as error:
                _log.warning("configurations cannot be published yet: %s", error)
            await self._sleep(self._every_s)

    async def _look(self) -> None:
        connection = self._session.connections
        async with self._database.read() as tx:
            newest_id = await fleet.newest_config_id(tx)
            if (connection, newest_id) == (self._connection, self._newest_id):
                return
            desired = await fleet.desired_configs(tx)
            addresses = await enrolment.addresses(tx)
        if connection != self._connection:
            self._sent.clear()
        for gateway, wanted in desired.items():
            address = addresses.get(gateway)
            if address is None:
                continue
            topic = gateway_topic(address, Leaf.CONFIG)
            if self._sent.get(gateway) == (topic, wanted.version):
                continue
            message = GatewayConfig(VERSION, wanted.version, wanted.sha256, wanted.body)
            await self._session.publish(topic, pack(message), retain=True)
            self._sent[gateway] = (topic, wanted.version)
        self._connection, self._newest_id = connection, newest_id
