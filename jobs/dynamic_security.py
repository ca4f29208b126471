"""Keeps the broker's door as the records want it: at once on a change, and compared every minute.

Level, not edge: what is wanted stands in rows, and is done again until the broker says it is done. A broker
that lost its rules, or was given others by hand, is set right at the next look, and the difference is kept.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import structlog
from pydantic import BaseModel, ConfigDict, Field

from broker_link import Session
from jobs.broker_control import BrokerControl, listening
from jobs.broker_rules import (
    Wanted,
    compare,
    create_client,
    create_role,
    delete_client,
    empty_role,
    enable_client,
    modify_client,
    modify_role,
)
from oxygen.errors import OxyWatchError, Rejected
from oxygen.units import US_PER_S
from oxygen.wire.topics import GatewayAddress
from records import enrolment
from records.database import Database
from records.enrolment import Difference, GatewayAccess

_log = structlog.get_logger(__name__)


class DynamicSecuritySettings(BaseModel):
    """How the broker's access rules are kept. Times in seconds.

    Attributes:
        look_every_s: How often it is looked for gateways to let in or to throw out.
        compare_every_s: How often the broker's rules are compared with the registry.
        answer_within_s: How long the plugin may take for an answer.
        other_clients: Names at the broker that are neither gateways nor programs of the centre.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    look_every_s: float = Field(default=1.0, gt=0)
    compare_every_s: float = Field(default=60.0, gt=0)
    answer_within_s: float = Field(default=10.0, gt=0)
    other_clients: tuple[str, ...] = ("admin",)


async def keep(
    session: Session,
    database: Database,
    settings: DynamicSecuritySettings,
    *,
    clock: Callable[[], int],
    sleep: Callable[[float], Awaitable[None]],
) -> None:
    """Keep the door until cancelled, over a session that is subscribed to `broker_control.RESPONSE`."""
    control = BrokerControl(session, patience_s=settings.answer_within_s)
    async with listening(control):
        await DynamicSecurity(control, database, settings, clock=clock, sleep=sleep).run()


class DynamicSecurity:
    """Applies and compares; one at a time.

    Attributes:
        compared: How often the rules were compared.
    """

    def __init__(
        self,
        control: BrokerControl,
        database: Database,
        settings: DynamicSecuritySettings,
        *,
        clock: Callable[[], int],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        """Prepare; `run` does the work. `clock` is the server's, µs."""
        self.compared = 0
        self._control = control
        self._database = database
        self._settings = settings
        self._clock = clock
        self._sleep = sleep
        self._compared_us: int | None = None
        self._connection = 0

    async def run(self) -> None:
        """Look until cancelled; a broker or records that do not answer are asked again."""
        while True:
            if self._control.connections:
                try:
                    await self.apply()
                    if self._is_due():
                        await self.reconcile()
                except OxyWatchError as error:
                    _log.warning("the broker's rules cannot be kept yet", problem=str(error))
            await self._sleep(self._settings.look_every_s)

    async def apply(self) -> int:
        """Do what is wanted and not done yet, revocations first; return how many were done.

        Raises Retryable. What the broker refuses is noted at the gateway and tried again.
        """
        async with self._database.read() as tx:
            undone = await enrolment.accesses(tx, undone_only=True)
            addresses = await enrolment.addresses(tx) if undone else {}
        done = 0
        for access in undone:
            problem = ""
            try:
                await self._do(access, addresses.get(access.gateway))
                done += 1
            except Rejected as error:
                problem = str(error)
                _log.error("the broker refuses a change", gateway=access.gateway, problem=problem)
            async with self._database.write() as tx:
                await enrolment.mark_applied(tx, access, now_us=self._clock(), problem=problem)
        return done

    async def reconcile(self) -> Sequence[Difference]:
        """Compare, keep what differs, and set right what is ours; return the differences. Raises Retryable.

        A client that nobody registered is told of, and left alone: somebody may need it.
        """
        connection = self._control.connections
        async with self._database.read() as tx:
            accesses = {each.gateway: each for each in await enrolment.accesses(tx)}
            wanted = Wanted(await enrolment.addresses(tx), accesses, self._settings.other_clients)
        found = compare(wanted, await self._control.rules())
        async with self._database.write() as tx:
            new, gone = await enrolment.put_differences(tx, found, now_us=self._clock())
        for each in new:
            _log.error("broker and registry differ", kind=each.kind, client=each.client, detail=each.detail)
        for past in gone:
            _log.info("broker and registry agree again", kind=past.kind, client=past.client)
        for gateway in sorted({each.client for each in found if each.client in accesses}):
            await self._do(accesses[gateway], wanted.addresses.get(gateway))
        self.compared += 1
        self._compared_us, self._connection = self._clock(), connection
        return found

    async def _do(self, access: GatewayAccess, address: GatewayAddress | None) -> None:
        if access.wanted == "revoked" or address is None:
            await self._throw_out(access.gateway)
        else:
            await self._let_in(address)

    async def _throw_out(self, gateway: str) -> None:
        await self._control.must(delete_client(gateway), unless="not found")
        await self._control.must(empty_role(gateway), unless="does not exist")
        _log.info("gateway thrown out of the broker", gateway=gateway)

    async def _let_in(self, address: GatewayAddress) -> None:
        if not await self._control.must(create_role(address), unless="already exists"):
            await self._control.must(modify_role(address))
        if not await self._control.must(create_client(address.gateway), unless="already exists"):
            await self._control.must(modify_client(address.gateway))
            await self._control.must(enable_client(address.gateway))
        _log.info("gateway let into the broker", gateway=address.gateway)

    def _is_due(self) -> bool:
        """Tell whether to compare now: in its time, and whenever the broker may be another one."""
        if self._compared_us is None or self._connection != self._control.connections:
            return True
        passed_us = self._clock() - self._compared_us
        return not 0 <= passed_us < self._settings.compare_every_s * US_PER_S
