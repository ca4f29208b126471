"""Reads status rows in order and writes what follows from them, a batch to a transaction.

One transaction holds the memories, the alarms, their events, the messages about them, and the cursor: a crash
at any moment leaves either all of a batch or nothing of it.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Sequence

import structlog

from alerts.evaluation import TIME_RULES, Finding, Key, look_at_row, look_at_time
from alerts.watched import WatchList, watch_list
from alerts.writing import write_finding
from oxygen.errors import Retryable
from oxygen.rules.alarm_state import RuleMemory
from oxygen.rules.limits import Rule
from oxygen.units import US_PER_S
from oxygen.wire.payloads import Status
from records import alarms, registry, status
from records.alarms import AlarmMemory
from records.database import Database, Transaction
from records.status import StatusRow

CURSOR = "alerts"

_log = structlog.get_logger(__name__)


class OutOfStepError(Exception):
    """The records are not where this evaluator left them; it has to read them again."""


class Evaluator:
    """Evaluates rows and time; one at a time.

    Attributes:
        evaluated_as_of_us: Everything that was written until then has been evaluated; None before that is so.
        skipped: How often a row or a tank was left out because it could not be evaluated at all.
    """

    def __init__(
        self,
        database: Database,
        *,
        batch_rows: int,
        start_grace_s: float,
        clock: Callable[[], int],
    ) -> None:
        """Prepare; `load` reads the state. `clock` is the server's, µs."""
        self.evaluated_as_of_us: int | None = None
        self.skipped = 0
        self._database = database
        self._batch_rows = batch_rows
        self._clock = clock
        self._silence_counts_from_us = clock() + round(start_grace_s * US_PER_S)
        self._cursor = 0
        self._memories: dict[Key, RuleMemory] = {}
        self._statuses: dict[str, Status] = {}
        self._watched = WatchList(version=-1, subjects={}, facilities={})

    @property
    def watched(self) -> WatchList:
        """What is watched at present."""
        return self._watched

    async def load(self) -> None:
        """Take up the state that the records hold; nothing is reset. Raises Retryable."""
        async with self._database.read() as tx:
            self._cursor = await alarms.cursor(tx, CURSOR)
            bodies = await alarms.memories(tx)
            latest = await status.latest_statuses(tx)
        self._memories = {(each.subject, Rule(each.rule)): RuleMemory.from_body(each.body) for each in bodies}
        # A status that still waits behind the cursor is not known yet, as it was not before the restart.
        self._statuses = {row.status.subject: row.status for row in latest if row.id <= self._cursor}
        await self.follow_registry()

    async def follow_registry(self) -> None:
        """Take over a newer registry or newer limits, if there are any. Raises Retryable."""
        async with self._database.read() as tx:
            if await registry.registry_version(tx) == self._watched.version:
                return
            found = await registry.registry(tx)
            settings = await registry.rule_settings(tx)
        self._watched = watch_list(found, settings)
        _log.info("watching", tanks=len(self._watched.subjects), registry_version=found.version)

    async def evaluate_rows(self) -> bool:
        """Evaluate the next rows; True when there are no more for now.

        Raises:
            Retryable: The records do not answer; nothing of the batch is written, call again.
            OutOfStepError: Somebody else moved the cursor, or a commit's answer was lost; call `load`.
        """
        now_us = self._clock()
        async with self._database.read() as tx:
            rows = await status.statuses_after(tx, self._cursor, self._batch_rows)
        if rows:
            await self._evaluate_or_skip(rows)
        if len(rows) < self._batch_rows:
            self.evaluated_as_of_us = now_us
            return True
        return False

    async def evaluate_time(self) -> None:
        """Evaluate that time has passed; call it when there are no more rows. Raises as `evaluate_rows`."""
        now_us = self._clock()
        settled = now_us >= self._silence_counts_from_us
        rules = [rule for rule in TIME_RULES if settled or rule is not Rule.STALE_DATA]
        memories = ChainMap[Key, RuleMemory]({}, self._memories)
        findings: list[Finding] = []
        for watched in self._watched.subjects.values():
            try:
                findings += look_at_time(now_us, watched, memories, self._statuses, rules)
            except Exception:  # noqa: BLE001 - one tank that trips the program must not end the watch over all
                self.skipped += 1
                _log.exception("a tank cannot be evaluated", subject=watched.subject)
        changed = memories.maps[0]
        if changed or any(finding.matters for finding in findings):
            async with self._database.write() as tx:
                await self._write(tx, findings, dict(changed), self._cursor, now_us)
            self._memories.update(changed)

    async def _evaluate_or_skip(self, rows: Sequence[StatusRow]) -> None:
        """Evaluate rows together; if that cannot be done, one by one, leaving out those that are to blame.

        One row that trips the program must not end the watch over every tank.
        """
        try:
            await self._evaluate(rows)
        except (Retryable, OutOfStepError):
            raise
        except Exception:  # noqa: BLE001 - told and counted below, or raised again by writing the cursor
            if len(rows) == 1:
                _log.exception("a status row cannot be evaluated and is left out", row=rows[0].id)
                await self._evaluate(rows, leave_out=True)
                self.skipped += 1
                return
            for row in rows:
                await self._evaluate_or_skip([row])

    async def _evaluate(self, rows: Sequence[StatusRow], *, leave_out: bool = False) -> None:
        memories = ChainMap[Key, RuleMemory]({}, self._memories)
        statuses = ChainMap[str, Status]({}, self._statuses)
        findings: list[Finding] = []
        for row in [] if leave_out else rows:
            watched = self._watched.subjects.get(row.status.subject)
            if watched is None:
                # Registered a moment ago, perhaps: its status is kept, and time will be evaluated with it.
                if not row.late:
                    statuses[row.status.subject] = row.status
                continue
            findings += look_at_row(row, watched, memories, statuses)
        cursor, changed = rows[-1].id, dict(memories.maps[0])
        async with self._database.write() as tx:
            await self._write(tx, findings, changed, cursor, self._clock())
        self._memories.update(changed)
        self._statuses.update(statuses.maps[0])
        self._cursor = cursor

    async def _write(
        self,
        tx: Transaction,
        findings: Sequence[Finding],
        changed: dict[Key, RuleMemory],
        cursor: int,
        now_us: int,
    ) -> None:
        if await alarms.cursor(tx, CURSOR) != self._cursor:
            raise OutOfStepError(f"cursor is not at {self._cursor}")
        for finding in findings:
            if finding.matters:
                await write_finding(tx, finding, now_us)
        bodies = [
            AlarmMemory(subject, rule.value, memory.to_body()) for (subject, rule), memory in changed.items()
        ]
        await alarms.put_memories(tx, bodies)
        if cursor != self._cursor:
            await alarms.put_cursor(tx, CURSOR, cursor)
