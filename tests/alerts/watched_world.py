"""A hospital with a tank in a database, a clock to set, and short ways to say what happens."""

from __future__ import annotations

from typing import Any

from alerts.evaluator import Evaluator
from oxygen.wire.payloads import Status
from records import alarms, messages, registry, status
from records.alarms import Alarm
from records.database import Database
from records.messages import Contact, OutboxRow
from records.registry import Facility, Registry, Tank
from tests.oxygen.rules.build import START_US, minutes, reading

SUBJECT = "tank:binh-thanh-1"
LAN = Contact(name="Lan", channel="email", address="lan@example.org", locale="vi")

REGISTRY = Registry(
    version=0,
    facilities=(
        Facility("bv-binh-thanh", "Bệnh viện Bình Thạnh", "Binh Thanh Hospital", "hcm", simulated=True),
        Facility("bv-thu-duc", "Bệnh viện Thủ Đức", "Thu Duc Hospital", "hcm"),
    ),
    tanks=(
        Tank(
            code="binh-thanh-1",
            facility="bv-binh-thanh",
            name_vi="Bồn 1",
            name_en="Tank 1",
            geometry={"orientation": "vertical", "inner_diameter_m": 2.0, "cylinder_length_m": 3.0},
            working_pressure_pa=1_100_000.0,
            lead_time_h=12.0,
        ),
    ),
)


class Bench:
    """What a test does to the records, and an evaluator that can be restarted.

    Attributes:
        now_us: The server's clock.
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        self.now_us = START_US
        self._evaluator: Evaluator | None = None

    def clock(self) -> int:
        return self.now_us

    async def register(self, wanted: Registry = REGISTRY) -> None:
        async with self.database.write() as tx:
            await registry.import_registry(tx, wanted, actor="test", now_us=START_US)

    async def limit(self, rule: str, **params: Any) -> None:
        async with self.database.write() as tx:
            await registry.put_rule_setting(
                tx,
                rule=rule,
                scope_kind="tank",
                scope_code="binh-thanh-1",
                params=params,
                actor="test",
                now_us=self.now_us,
            )

    async def contact(self, contact: Contact = LAN) -> Contact:
        async with self.database.write() as tx:
            return await messages.put_contact(tx, contact, actor="test", now_us=self.now_us)

    async def write(self, *statuses: Status, late: bool = False) -> list[int]:
        """Write rows as ingest would."""
        async with self.database.write() as tx:
            return await status.append_statuses(
                tx, "hcm", statuses, late=late, written_us=statuses[-1].evaluated_us
            )

    async def fills(self, *fills: float, start: int) -> None:
        """Write one reading a minute with these fill percents."""
        await self.write(*(reading(minutes(start + number), fill) for number, fill in enumerate(fills)))

    def restart(self, *, batch_rows: int = 500, start_grace_s: float = 0.0) -> Evaluator:
        """Forget the evaluator, as a killed process does, and return a new one that has read nothing yet."""
        self._evaluator = Evaluator(
            self.database, batch_rows=batch_rows, start_grace_s=start_grace_s, clock=self.clock
        )
        return self._evaluator

    async def evaluate(self, evaluator: Evaluator | None = None) -> None:
        """Evaluate every row that waits."""
        chosen = evaluator or self._evaluator or self.restart()
        await chosen.load()
        while not await chosen.evaluate_rows():
            pass

    async def pass_time(self, *minutes_of_story: float) -> None:
        """Let the evaluator look at the clock at these minutes."""
        chosen = self._evaluator or self.restart()
        await chosen.load()
        for at in minutes_of_story:
            self.now_us = minutes(at)
            await chosen.evaluate_time()

    async def alarms(self, *, late: bool = False) -> list[Alarm]:
        """Return the alarms, oldest first."""
        async with self.database.read() as tx:
            return (await alarms.alarms(tx, late=late))[::-1]

    async def events(self, alarm: Alarm) -> list[tuple[str, int]]:
        """Return (kind, minute) of what happened to an alarm."""
        async with self.database.read() as tx:
            found = await alarms.alarm_events(tx, alarm.id)
        return [(event.kind, (event.at_us - START_US) // 60_000_000) for event in found]

    async def outbox(self) -> list[OutboxRow]:
        """Return the messages, oldest first."""
        async with self.database.read() as tx:
            return (await messages.outbox(tx))[::-1]

    async def story(self) -> list[tuple[str, str, list[tuple[str, int]]]]:
        """Return rule, state and history of every alarm that was raised live."""
        return [(alarm.rule, alarm.state, await self.events(alarm)) for alarm in await self.alarms()]
