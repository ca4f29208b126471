"""The configuration that the centre wants: accepted and worked by, or refused with the reason.

What was accepted is kept in a file beside the spool and taken up again at the next start, also without the
centre. It can set neither who the gateway is nor how it reaches the broker, so a configuration that turns out
wrong can be corrected from afar.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import os
from pathlib import Path

import msgspec

from broker_link import Session
from edge_agent.config import with_desired
from edge_agent.settings import AgentConfig
from oxygen.errors import BadConfiguration, Retryable
from oxygen.wire.packing import pack, unpack
from oxygen.wire.payloads import VERSION, GatewayConfig, GatewayConfigState
from oxygen.wire.topics import Leaf, gateway_topic

_LOOK_EVERY_S = 1.0
_LONGEST_ERROR = 2000
_log = logging.getLogger(__name__)


class ConfigDesk:
    """Takes desired configurations in and tells what became of them.

    Attributes:
        config: What the gateway works by.
    """

    def __init__(self, local: AgentConfig) -> None:
        """Begin with the file that the technician wrote."""
        self.config = local
        self._local = local
        self._kept = local.spool_path.with_name(f"{local.address.gateway}.desired.json")
        self._next: AgentConfig | None = None
        self._body: str | None = None
        self._state: GatewayConfigState | None = None
        self._changed = asyncio.Event()
        self._to_report = asyncio.Event()

    @property
    def has_other(self) -> bool:
        """Whether another configuration waits to be worked by."""
        return self._next is not None

    def read_kept(self) -> None:
        """Take in what was accepted before; a file that cannot be used is logged and left aside."""
        try:
            desired = msgspec.json.decode(self._kept.read_bytes(), type=GatewayConfig)
        except FileNotFoundError:
            return
        except (OSError, msgspec.DecodeError) as error:
            _log.error("%s: %s", self._kept, error)
            return
        self._judge(desired)

    def take(self, payload: bytes) -> None:
        """Take a message of the centre. Raises Rejected when it cannot be read."""
        if not payload:
            return
        self._judge(unpack(payload, GatewayConfig), keep=True)

    def take_up(self) -> bool:
        """Work by what was accepted last; False when that is so already."""
        self._changed.clear()
        if self._next is None:
            return False
        self.config, self._next = self._next, None
        return True

    async def until_changed(self) -> None:
        """Return when there is another configuration to work by."""
        await self._changed.wait()

    async def report(self, session: Session) -> None:
        """Publish what became of the last one, at every connection and at every change, until cancelled."""
        topic = gateway_topic(self._local.address, Leaf.CONFIG_STATE)
        told: tuple[int, GatewayConfigState] | None = None
        while True:
            await session.connected.wait()
            self._to_report.clear()
            present = None if self._state is None else (session.connections, self._state)
            if present is not None and present != told:
                with contextlib.suppress(Retryable):
                    await session.publish(topic, pack(present[1]), retain=True)
                    told = present
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_EVERY_S):
                    await self._to_report.wait()

    def _judge(self, desired: GatewayConfig, *, keep: bool = False) -> None:
        error = self._accept(desired, keep=keep)
        self._state = GatewayConfigState(
            VERSION, desired.version, desired.sha256, ok=not error, error=error[:_LONGEST_ERROR]
        )
        self._to_report.set()
        if error:
            _log.error("configuration %d refused: %s", desired.version, error)

    def _accept(self, desired: GatewayConfig, *, keep: bool) -> str:
        """Return why a configuration is refused; empty when it is accepted."""
        if hashlib.sha256(desired.body.encode()).hexdigest() != desired.sha256:
            return "the hash does not fit the body"
        if desired.body == self._body:
            return ""
        try:
            accepted = with_desired(self._local.file, desired.body)
            if keep:
                _write(self._kept, msgspec.json.encode(desired))
        except (BadConfiguration, OSError) as error:
            return str(error)
        self._body, self._next = desired.body, accepted
        self._changed.set()
        _log.info("configuration %d accepted", desired.version)
        return ""


def _write(path: Path, content: bytes) -> None:
    """Replace a file in one go, surely on the disk."""
    beside = path.with_name(f"{path.name}.new")
    with beside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
