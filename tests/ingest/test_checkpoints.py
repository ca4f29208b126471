"""Which checkpoints may be believed while others are being saved. No I/O."""

from __future__ import annotations

import pytest

from ingest.checkpoints import Checkpoint, Shelf
from ingest.subject_engine import DirtyPast, LateSpan, SubjectEngine
from oxygen.engine import TankState
from tests.oxygen.readings import DAY, HOUR, TANK

SUBJECT = "tank:a-1"


def test_a_late_sample_takes_later_checkpoints_off_the_shelf() -> None:
    shelf = Shelf()
    shelf.add([Checkpoint(hour, b"") for hour in (1, 2, 3)])

    shelf.invalidate(2)

    unsaved = shelf.begin_save()
    assert unsaved is not None
    assert [item.at_us for item in unsaved.checkpoints] == [1, 2]
    assert unsaved.wrong_after_us == 2


def test_what_goes_wrong_during_a_save_is_wrong_after_it() -> None:
    shelf = Shelf()
    shelf.add([Checkpoint(hour, b"") for hour in (1, 2, 3)])
    unsaved = shelf.begin_save()
    assert unsaved is not None
    shelf.invalidate(1)
    shelf.saved(unsaved)

    again = shelf.begin_save()

    assert again is not None
    assert (again.wrong_after_us, again.checkpoints) == (1, ())


def test_until_the_deletion_is_committed_saved_checkpoints_are_not_believed() -> None:
    shelf = Shelf()
    shelf.invalidate(5)
    assert shelf.saved_hold_until_us(9) == 5
    unsaved = shelf.begin_save()
    assert unsaved is not None
    assert shelf.saved_hold_until_us(9) == 5
    shelf.failed()
    assert shelf.saved_hold_until_us(9) == 5
    unsaved = shelf.begin_save()
    assert unsaved is not None
    shelf.saved(unsaved)
    assert shelf.saved_hold_until_us(9) == 9
    assert shelf.begin_save() is None


def test_a_replay_that_was_overtaken_keeps_only_checkpoints_before_the_newcomer() -> None:
    subject_engine = SubjectEngine(SUBJECT, TANK, None)
    subject_engine.note_late(LateSpan(2 * HOUR, 3 * HOUR), 0)
    assert subject_engine.start_replay() == DirtyPast(2 * HOUR, LateSpan(2 * HOUR, 3 * HOUR))
    subject_engine.note_late(LateSpan(4 * HOUR, 4 * HOUR), 0)

    made = [Checkpoint(hour * HOUR, b"") for hour in (3, 4, 5)]
    subject_engine.finish_replay(TankState(), made)

    unsaved = subject_engine.shelf.begin_save()
    assert unsaved is not None
    assert unsaved.wrong_after_us == 2 * HOUR
    assert [item.at_us for item in unsaved.checkpoints] == [3 * HOUR, 4 * HOUR]
    assert subject_engine.is_dirty


def test_a_replay_that_failed_is_as_if_it_had_not_begun() -> None:
    subject_engine = SubjectEngine(SUBJECT, TANK, None)
    subject_engine.note_late(LateSpan(2 * HOUR, 3 * HOUR), 7)
    subject_engine.start_replay()
    subject_engine.mark_dirty(DAY, 8)

    subject_engine.abandon_replay()

    assert subject_engine.past == DirtyPast(2 * HOUR, LateSpan(2 * HOUR, 3 * HOUR))
    with pytest.raises(ValueError, match="no dirty past"):
        SubjectEngine(SUBJECT, TANK, None).start_replay()
