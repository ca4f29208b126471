"""Everything ingest holds in memory for its shard. No I/O."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from ingest.ledger import Book, EpochKey
from ingest.registry_view import RegistryView
from ingest.subject_engine import Checkpoint, SubjectEngine
from oxygen.ranges import Range


class Shard:
    """The registry's view, the ledgers and the engines of one shard.

    Attributes:
        view: The registry; replaced as a whole when its version changes.
        book: The ledgers.
        engines: By subject; one for every tank of the view.
        new_checkpoints: Not yet saved, by subject.
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
        self.new_checkpoints: dict[str, list[Checkpoint]] = {}
        self.backfilling: dict[str, int] = {}
        self.now_us = now_us
        self._add_engines(checkpoints)

    def replace_view(self, view: RegistryView) -> None:
        """Take a newer registry; engines go on with their state and weigh by the new data from now on."""
        self.view = view
        self._add_engines({})

    def _add_engines(self, checkpoints: Mapping[str, Checkpoint]) -> None:
        for name, entry in self.view.tanks.items():
            engine = self.engines.get(name)
            if engine is None:
                self.engines[name] = SubjectEngine(name, entry.tank, checkpoints.get(name))
            else:
                engine.tank = entry.tank

    def keep_checkpoints(self, subject: str, checkpoints: list[Checkpoint]) -> None:
        """Remember checkpoints until they are saved."""
        if checkpoints:
            self.new_checkpoints.setdefault(subject, []).extend(checkpoints)

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
