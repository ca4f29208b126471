"""Checkpoints of one subject on their way to the records, and which of the saved ones are wrong. No I/O."""

from __future__ import annotations

from typing import NamedTuple


class Checkpoint(NamedTuple):
    """The fold of every sample before `at_us`."""

    at_us: int
    body: bytes


class Unsaved(NamedTuple):
    """What the records do not hold yet; written in one transaction with the ledgers of the same instant.

    Attributes:
        wrong_after_us: Saved checkpoints later than this lack a sample; None when all are right.
        checkpoints: To be saved once those are gone, ascending.
    """

    wrong_after_us: int | None
    checkpoints: tuple[Checkpoint, ...]


class Shelf:
    """Keeps apart what is saved, what is being saved and what became wrong meanwhile."""

    def __init__(self) -> None:
        """Start with nothing to save."""
        self._new: list[Checkpoint] = []
        self._wrong_after_us: int | None = None
        self._being_deleted_after_us: int | None = None

    def add(self, checkpoints: list[Checkpoint]) -> None:
        """Keep checkpoints, ascending, until they are saved."""
        self._new += checkpoints

    def invalidate(self, t_us: int) -> None:
        """Learn of a sample at `t_us` that checkpoints after it lack, saved or not."""
        self._wrong_after_us = _earlier(self._wrong_after_us, t_us)
        self._new = [checkpoint for checkpoint in self._new if checkpoint.at_us <= t_us]

    def newest_until(self, t_us: int) -> Checkpoint | None:
        """Return the newest unsaved checkpoint at or before `t_us`, or None."""
        return next((item for item in reversed(self._new) if item.at_us <= t_us), None)

    def saved_hold_until_us(self, t_us: int) -> int:
        """Return up to when, at most `t_us`, saved checkpoints may be believed."""
        first = _earlier(self._wrong_after_us, t_us)
        return _earlier(self._being_deleted_after_us, first)

    def begin_save(self) -> Unsaved | None:
        """Return what has to be written, or None; `saved` or `failed` has to follow."""
        if self._wrong_after_us is None and not self._new:
            return None
        self._being_deleted_after_us, self._wrong_after_us = self._wrong_after_us, None
        return Unsaved(self._being_deleted_after_us, tuple(self._new))

    def saved(self, unsaved: Unsaved) -> None:
        """Learn that it is committed."""
        self._being_deleted_after_us = None
        self._new = [checkpoint for checkpoint in self._new if checkpoint not in unsaved.checkpoints]

    def failed(self) -> None:
        """Learn that nothing of it is committed."""
        if self._being_deleted_after_us is not None:
            self._wrong_after_us = _earlier(self._wrong_after_us, self._being_deleted_after_us)
        self._being_deleted_after_us = None


def _earlier(known_us: int | None, t_us: int) -> int:
    return t_us if known_us is None else min(known_us, t_us)
