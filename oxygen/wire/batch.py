"""Samples to columns and back."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from oxygen.errors import Rejected
from oxygen.reading import Reason, Sample, Signal
from oxygen.wire.payloads import SampleColumns, SignalColumn


def to_columns(samples: Sequence[Sample]) -> SampleColumns:
    """Return a contiguous run as columns; raises ValueError when the run has a hole."""
    if any(later.seq != earlier.seq + 1 for earlier, later in pairwise(samples)):
        raise ValueError("a batch must be a contiguous run of sequence numbers")
    signals: dict[str, SignalColumn] = {}
    for row, sample in enumerate(samples):
        for name, signal in sample.signals.items():
            column = signals.setdefault(name, SignalColumn([], [], [], [], []))
            column.row.append(row)
            column.value.append(signal.value)
            column.quality.append(signal.quality)
            column.reason.append(signal.reason.value)
            column.raw.append(signal.raw)
    return SampleColumns(
        subject=[sample.subject for sample in samples],
        boot=[sample.boot for sample in samples],
        t_us=[sample.t_us for sample in samples],
        mono_us=[sample.mono_us for sample in samples],
        signals=signals,
    )


class BadRow(NamedTuple):
    """A row that cannot be read as a sample, and why."""

    seq: int
    detail: str


def from_columns(columns: SampleColumns, first: int) -> tuple[list[Sample], list[BadRow]]:
    """Return the readable rows as samples, and the others with the reason.

    Raises:
        Rejected: The columns disagree about how many rows there are; nothing can be attributed.
    """
    count = len(columns.subject)
    if not count == len(columns.boot) == len(columns.t_us) == len(columns.mono_us):
        raise Rejected("columns differ in length", code="bad_payload", detail="columns differ in length")
    rows: list[dict[str, Signal]] = [{} for _ in range(count)]
    bad: dict[int, str] = {}
    for name, column in columns.signals.items():
        _spread(name, column, rows, bad)
    samples = [
        Sample(
            subject=columns.subject[row],
            seq=first + row,
            t_us=columns.t_us[row],
            boot=columns.boot[row],
            mono_us=columns.mono_us[row],
            signals=signals,
        )
        for row, signals in enumerate(rows)
        if row not in bad
    ]
    return samples, [BadRow(first + row, detail) for row, detail in sorted(bad.items())]


def _spread(name: str, column: SignalColumn, rows: list[dict[str, Signal]], bad: dict[int, str]) -> None:
    lengths = {len(part) for part in (column.row, column.value, column.quality, column.reason, column.raw)}
    if len(lengths) != 1:
        raise Rejected(f"columns of {name} differ in length", code="bad_payload", detail=f"columns of {name}")
    entries = zip(column.row, column.value, column.quality, column.reason, column.raw, strict=True)
    for row, value, quality, reason, raw in entries:
        if not 0 <= row < len(rows):
            raise Rejected(f"{name} names row {row}", code="bad_payload", detail=f"{name} names row {row}")
        try:
            rows[row][name] = Signal(value, quality, Reason(reason), raw)
        except ValueError:
            bad[row] = f"{name}: unknown reason {reason!r}"
