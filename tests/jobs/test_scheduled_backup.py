"""Backups by the clock."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

import pytest

from jobs.backup import scheduled
from jobs.settings import BackupSettings
from oxygen.units import US_PER_S
from records import backup as records_backup
from tests.jobs.site import AT_US, Site


async def test_backups_are_made_by_the_clock_pruned_and_proven(small: Site, tmp_path: Path) -> None:
    settings = BackupSettings(
        folder=tmp_path / "backups", every_s=3600, keep=2, prove_every_s=7200, key_file=tmp_path / "key"
    )
    (tmp_path / "key").write_bytes(bytes(40))
    foreign = tmp_path / "backups" / "letter.txt"
    foreign.parent.mkdir()
    foreign.write_text("mine")
    made = []
    for minutes in (0, 30, 60, 61, 120, 185):
        clock = partial(int, AT_US + minutes * 60 * US_PER_S)
        path = await scheduled.back_up_if_due(settings, small.database, small.telemetry, clock=clock)
        made.append(path and path.name)
    assert made == [
        "oxywatch-20261121T030500Z.backup",
        None,
        "oxywatch-20261121T040500Z.backup",
        None,
        "oxywatch-20261121T050500Z.backup",
        "oxywatch-20261121T061000Z.backup",
    ]
    kept = sorted(path.name for path in (tmp_path / "backups").iterdir())
    assert kept == ["letter.txt", made[4], made[5]]
    async with small.database.read() as tx:
        proofs = await records_backup.runs(tx, kind="proof")
    assert [run.started_us for run in proofs] == [AT_US + 7200 * US_PER_S, AT_US]
    assert all(run.encrypted and run.outcome == "ok" for run in proofs)


async def test_a_backup_that_cannot_be_made_is_tried_again_after_its_pause(
    small: Site, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    settings = BackupSettings(folder=tmp_path / "file", retry_s=77, key_file=tmp_path / "missing")
    pauses = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 2:
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await scheduled.run(settings, small.database, None, clock=lambda: AT_US, sleep=sleep)
    assert pauses == [77, 77]


def test_settings_take_one_secret() -> None:
    with pytest.raises(ValueError, match="not both"):
        BackupSettings(folder=Path("b"), passphrase_file=Path("p"), key_file=Path("k"))
