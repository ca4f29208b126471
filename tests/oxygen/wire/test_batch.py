"""Samples to columns and back."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oxygen.errors import Rejected
from oxygen.reading import Quality, Reason, Sample, Signal
from oxygen.wire.batch import from_columns, to_columns
from oxygen.wire.packing import pack, unpack
from oxygen.wire.payloads import Lane, Samples

NUMBER = st.none() | st.floats(-1e7, 1e7)
SIGNAL = st.builds(
    Signal, value=NUMBER, quality=st.sampled_from(Quality), reason=st.sampled_from(Reason), raw=NUMBER
)
SIGNALS = st.dictionaries(st.sampled_from(["dp_pa", "tank_pressure_pa", "level_m"]), SIGNAL)


@st.composite
def runs(draw: st.DrawFn) -> list[Sample]:
    first = draw(st.integers(1, 2**40))
    count = draw(st.integers(1, 12))
    return [
        Sample(
            subject=f"tank:{draw(st.sampled_from('abc'))}",
            seq=first + index,
            t_us=draw(st.none() | st.integers(0, 2**51)),
            boot=draw(st.sampled_from(["boot-1", "boot-2"])),
            mono_us=draw(st.integers(0, 2**45)),
            signals=draw(SIGNALS),
        )
        for index in range(count)
    ]


@given(runs())
def test_a_run_survives_the_wire_whole(samples: list[Sample]) -> None:
    message = Samples(1, "e", samples[0].seq, Lane.HISTORY, 5, "boot-1", to_columns(samples))

    received = unpack(pack(message), Samples)

    assert received.samples is not None
    assert from_columns(received.samples, received.first) == (samples, [])


def test_a_run_with_a_hole_cannot_be_sent_as_one() -> None:
    samples = [Sample("tank:a", seq, 1, "b", 1, {}) for seq in (1, 3)]

    with pytest.raises(ValueError, match="contiguous"):
        to_columns(samples)


def columns_of_two() -> Samples:
    samples = [Sample("tank:a", seq, seq, "b", 1, {"dp_pa": Signal(float(seq))}) for seq in (8, 9)]
    return Samples(1, "e", 8, Lane.LIVE, 5, "b", to_columns(samples))


def test_a_row_with_an_unknown_reason_is_named_and_the_others_are_kept() -> None:
    columns = columns_of_two().samples
    assert columns is not None
    columns.signals["dp_pa"].reason[0] = "moon"

    samples, bad = from_columns(columns, 8)

    assert [sample.seq for sample in samples] == [9]
    assert [row.seq for row in bad] == [8]
    assert "moon" in bad[0].detail


@pytest.mark.parametrize("column", ["subject", "boot", "t_us", "mono_us"])
def test_columns_of_different_length_are_refused(column: str) -> None:
    columns = columns_of_two().samples
    assert columns is not None
    getattr(columns, column).pop()

    with pytest.raises(Rejected, match="differ in length"):
        from_columns(columns, 8)


@pytest.mark.parametrize("column", ["row", "value", "quality", "reason", "raw"])
def test_a_signal_with_columns_of_different_length_is_refused(column: str) -> None:
    columns = columns_of_two().samples
    assert columns is not None
    getattr(columns.signals["dp_pa"], column).pop()

    with pytest.raises(Rejected, match="dp_pa"):
        from_columns(columns, 8)


@pytest.mark.parametrize("row", [-1, 2, 10**9])
def test_a_signal_of_a_row_that_is_not_there_is_refused(row: int) -> None:
    columns = columns_of_two().samples
    assert columns is not None
    columns.signals["dp_pa"].row[1] = row

    with pytest.raises(Rejected, match=f"names row {row}"):
        from_columns(columns, 8)


def test_a_gap_carries_no_rows() -> None:
    message = Samples(1, "e", 4, Lane.HISTORY, 0, "b", gap=(4, 9), reason="thinned", count=6)

    received = unpack(pack(message), Samples)

    assert received == message
    assert b"samples" not in msgspec.json.encode(message)
