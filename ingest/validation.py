"""Which samples of a message may be taken, and why the others may not. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from ingest.arrival import Arrival, Letter
from oxygen.errors import Rejected
from oxygen.reading import DIFFERENTIAL_PRESSURE, TANK_PRESSURE, Quality, Reason, Sample, Signal
from oxygen.units import US_PER_DAY, US_PER_S
from oxygen.wire.batch import from_columns
from oxygen.wire.payloads import Samples
from oxygen.wire.topics import GatewayAddress

TANK_SIGNALS = frozenset({DIFFERENTIAL_PRESSURE, TANK_PRESSURE})
LETTER_BODY_CHARACTERS = 2000
MOST_ROWS = 5000
"""In one message; agents send at most 500, and may be set to send this many."""
LARGEST_GAP = 100_000_000
"""Samples that one declaration may give up: years of a busy gateway."""


class Bounds(NamedTuple):
    """How far a reading's time may be from the server's, µs."""

    future_us: int
    past_us: int

    @classmethod
    def of(cls, future_tolerance_s: float, oldest_days: float) -> Bounds:
        """Make bounds from settings."""
        return cls(round(future_tolerance_s * US_PER_S), round(oldest_days * US_PER_DAY))


class Verdict(NamedTuple):
    """What becomes of a message's rows; every row is in exactly one of the two."""

    accepted: list[Arrival]
    letters: list[Letter]


class Context(NamedTuple):
    """What a message is judged against.

    Attributes:
        address: From the topic.
        owners: Gateway of each subject that may be written, from the registry.
        received_us: Server time of arrival.
        bounds: For the readings' times.
        history: The message comes from a backfill.
    """

    address: GatewayAddress
    owners: Mapping[str, str]
    received_us: int
    bounds: Bounds
    history: bool


def judge(message: Samples, context: Context) -> Verdict:
    """Sort the rows of a message into accepted ones and dead letters.

    Raises:
        Rejected: The columns do not fit together, the gap runs backwards, or either is larger than any
            gateway sends: nothing is taken.
    """
    if message.gap is not None and message.gap[1] < message.gap[0]:
        raise Rejected("the gap runs backwards", code="bad_payload", detail=f"gap {list(message.gap)}")
    if message.gap is not None and message.gap[1] - message.gap[0] >= LARGEST_GAP:
        raise Rejected("no spool holds such a gap", code="gap_too_large", limit=LARGEST_GAP)
    if message.samples is None:
        return Verdict([], [])
    if len(message.samples.subject) > MOST_ROWS:
        raise Rejected("too many rows in one message", code="too_many_rows", limit=MOST_ROWS)
    samples, bad_rows = from_columns(message.samples, message.first)
    letters = [_letter(context, message, bad.seq, "bad_row", {"detail": bad.detail}) for bad in bad_rows]
    accepted: list[Arrival] = []
    for sample in samples:
        dated = dated_sample(sample, message, context.received_us)
        refusal = _refusal(dated, context)
        if refusal is None:
            accepted.append(Arrival(dated, context.address.gateway, message.epoch, context.history))
        else:
            reason, params = refusal
            letters.append(_letter(context, message, sample.seq, reason, params, sample))
    return Verdict(accepted, letters)


def dated_sample(sample: Sample, message: Samples, received_us: int) -> Sample:
    """Give an undated sample of the sender's present boot its time, once; others come back unchanged.

    Its age is known from the gateway's monotonic clock; the line's delay is the error.
    """
    if sample.t_us is not None or sample.boot != message.boot:
        return sample
    t_us = received_us - (message.sent_mono_us - sample.mono_us)
    signals = {name: _dated_signal(signal) for name, signal in sample.signals.items()}
    return msgspec.structs.replace(sample, t_us=t_us, signals=signals)


def _dated_signal(signal: Signal) -> Signal:
    if signal.quality is not Quality.GOOD:
        return signal
    return Signal(signal.value, Quality.UNCERTAIN, Reason.DATED_BY_SERVER, signal.raw)


def _refusal(sample: Sample, context: Context) -> tuple[str, dict[str, str]] | None:
    owner = context.owners.get(sample.subject)
    if owner is None:
        return "unknown_subject", {"subject": sample.subject}
    if owner != context.address.gateway:
        return "other_gateway", {"subject": sample.subject, "owner": owner}
    if sample.t_us is None:
        return Reason.ORDER_ONLY.value, {"boot": sample.boot}
    if sample.t_us > context.received_us + context.bounds.future_us:
        return "future", {"t_us": str(sample.t_us)}
    if sample.t_us < context.received_us - context.bounds.past_us:
        return "too_old", {"t_us": str(sample.t_us)}
    return _signal_refusal(sample)


def _signal_refusal(sample: Sample) -> tuple[str, dict[str, str]] | None:
    for name, signal in sample.signals.items():
        if name not in TANK_SIGNALS:
            return "unknown_signal", {"signal": name, "expected": ", ".join(sorted(TANK_SIGNALS))}
        if not all(math.isfinite(v) for v in (signal.value, signal.raw) if v is not None):
            return "not_finite", {"signal": name}
    return None


def _letter(
    context: Context,
    message: Samples,
    seq: int,
    reason: str,
    params: dict[str, str],
    sample: Sample | None = None,
) -> Letter:
    body = "" if sample is None else msgspec.json.encode(sample).decode()[:LETTER_BODY_CHARACTERS]
    return Letter(context.address.gateway, message.epoch, seq, seq, reason, params, body)
