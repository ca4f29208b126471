"""Everything ingest holds in memory for its shard. No I/O."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from ingest.checkpoints import Checkpoint
from ingest.ledger import Book, EpochKey
from ingest.registry_view import RegistryView, TankEntry
from ingest.subject_engine import SubjectEngine
from oxygen.ranges import Range


class Shard:
    """The registry's view, the ledgers and the engines of one shard.

    Attributes:
        view: The registry; replaced as a whole when its version changes.
        book: The ledgers.
        engines: By subject; one for every tank of the view, and for tanks that an earlier view had.
        backfilling: Gateways whose history is coming in; their past is worked out when it is all there.
        now_us: The server's clock.
    """

    def __init__(
        self,
        view: RegistryView,
        ledgers: Mapping[EpochKey, Iterable[Range]],
        checkpoints: Mapping[str, Checkpoint],
        now_us: Callable[[], int],
    ) -> None:
        """Start from what the records hold."""
        self.view = view
        self.book = Book(ledgers)
        self.engines: dict[str, SubjectEngine] = {}
        self.backfilling: dict[str, int] = {}
        self.now_us = now_us
        self._entries = dict(view.tanks)
        for name, entry in view.tanks.items():
            self.engines[name] = SubjectEngine(name, entry.tank, checkpoints.get(name))

    def replace_view(self, view: RegistryView) -> None:
        """Take a newer registry; engines go on with their state and weigh by the new data from now on.

        What the store already holds of a tank that is new here is worked out by a replay.
        """
        self.view = view
        self._entries.update(view.tanks)
        for name, entry in view.tanks.items():
            engine = self.engines.get(name)
            if engine is None:
                self.engines[name] = SubjectEngine(name, entry.tank, None)
                self.engines[name].skip_to(self.now_us(), self.now_us())
            else:
                engine.tank = entry.tank

    def entry(self, subject: str) -> TankEntry:
        """Return a tank's entry, the last known one when the registry does not have it any more."""
        return self._entries[subject]

    def facility(self, subject: str) -> str:
        """Return the facility of a tank, weighable or not."""
        unweighable = self.view.unweighable.get(subject)
        return self._entries[subject].facility if unweighable is None else unweighable

    def begin_backfill(self, gateway: str) -> None:
        """Note that history of a gateway is coming in."""
        self.backfilling[gateway] = self.backfilling.get(gateway, 0) + 1

    def end_backfill(self, gateway: str) -> None:
        """Note that it is all there."""
        left = self.backfilling.get(gateway, 1) - 1
        if left:
            self.backfilling[gateway] = left
        else:
            self.backfilling.pop(gateway, None)
