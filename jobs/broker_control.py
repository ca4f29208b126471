"""Commands to Mosquitto's dynamic-security plugin, over its control topic."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Sequence
from typing import Any, TypeVar

import msgspec
import structlog

from broker_link import Message, Session
from jobs.broker_rules import Client, Command, Role, Rules
from oxygen.errors import Rejected, Retryable

TOPIC = "$CONTROL/dynamic-security/v1"
RESPONSE = f"{TOPIC}/response"
PAGE = 200
_log = structlog.get_logger(__name__)
Item = TypeVar("Item", Client, Role)


class Answer(msgspec.Struct, frozen=True):
    """The plugin's answer to one command; `error` is empty when it was done."""

    command: str = ""
    error: str = ""
    data: dict[str, Any] = {}
    correlationData: str = ""  # noqa: N815 - the plugin's word


class _Answers(msgspec.Struct, frozen=True):
    responses: list[Answer]


class BrokerControl:
    """One conversation with the plugin over a session that is subscribed to RESPONSE."""

    def __init__(self, session: Session, *, patience_s: float) -> None:
        """Prepare; answers are taken in within `listening`."""
        self._session = session
        self._patience_s = patience_s
        self._waiting: dict[str, asyncio.Future[Answer]] = {}

    @property
    def connections(self) -> int:
        """How often the broker was reached; a change tells that it may have forgotten everything."""
        return self._session.connections if self._session.connected.is_set() else 0

    async def listen(self) -> None:
        """Take answers in until cancelled."""
        async for message in self._session.messages():
            self._take(message)

    async def do(self, commands: Sequence[Command]) -> list[Answer]:
        """Have commands done in order, and return their answers.

        Raises:
            Retryable: The broker is away or gives no answer; commands may have been done. Do them again.
        """
        with self._expected(len(commands)) as expected:
            numbered = [
                {**command, "correlationData": number}
                for command, number in zip(commands, expected, strict=True)
            ]
            await self._session.publish(TOPIC, msgspec.json.encode({"commands": numbered}))
            try:
                async with asyncio.timeout(self._patience_s):
                    return list(await asyncio.gather(*expected.values()))
            except TimeoutError as error:
                message = "the broker's dynamic-security plugin gives no answer"
                raise Retryable(message, code="broker_down", detail=message) from error

    async def must(self, command: Command, *, unless: str = "") -> bool:
        """Have one command done; False when it fails with the words `unless`.

        Raises:
            Retryable: As `do`.
            Rejected: The plugin refuses it.
        """
        (answer,) = await self.do([command])
        if not answer.error:
            return True
        if unless and unless in answer.error.lower():
            return False
        message = f"{command['command']}: {answer.error}"
        raise Rejected(message, code="broker_refused", detail=message)

    async def rules(self) -> Rules:
        """Return everything the plugin holds. Raises Retryable, Rejected."""
        clients = await self._all("listClients", "clients", Client)
        roles = await self._all("listRoles", "roles", Role)
        return Rules({each.username: each for each in clients}, {each.rolename: each for each in roles})

    async def _all(self, command: str, name: str, shape: type[Item]) -> list[Item]:
        found: list[Item] = []
        while True:
            asked = {"command": command, "verbose": True, "count": PAGE, "offset": len(found)}
            (answer,) = await self.do([asked])
            if answer.error:
                raise Rejected(f"{command}: {answer.error}", code="broker_refused", detail=answer.error)
            page = msgspec.convert(answer.data.get(name, []), list[shape], strict=False)  # type: ignore[valid-type]
            found += page
            if not page or len(found) >= int(answer.data.get("totalCount", 0)):
                return found

    @contextlib.contextmanager
    def _expected(self, count: int) -> Any:
        loop = asyncio.get_running_loop()
        expected = {secrets.token_hex(8): loop.create_future() for _ in range(count)}
        self._waiting.update(expected)
        try:
            yield expected
        finally:
            for number in expected:
                self._waiting.pop(number, None)

    def _take(self, message: Message) -> None:
        if message.topic != RESPONSE:
            return
        try:
            answers = msgspec.json.decode(message.payload, type=_Answers).responses
        except msgspec.DecodeError as error:
            _log.warning("answer of the dynamic-security plugin cannot be read", problem=str(error))
            return
        for answer in answers:
            waiting = self._waiting.get(answer.correlationData)
            if waiting is not None and not waiting.done():
                waiting.set_result(answer)


@contextlib.asynccontextmanager
async def listening(control: BrokerControl) -> AsyncIterator[BrokerControl]:
    """Yield the conversation while its answers are taken in."""
    task = asyncio.create_task(control.listen(), name="broker control")
    try:
        yield control
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
