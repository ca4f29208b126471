"""Points of a sample and of what the engine made of it, and the way back. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from ingest.arrival import Arrival
from oxygen.engine import Derived
from oxygen.reading import Quality, Reason, Sample, Signal
from oxygen.units import litres_of_boiling_liquid, normal_cubic_metres
from telemetry.contract import DERIVED, RAW, FieldValue, Point, Row

_QUALITY = "_quality"
_REASON = "_reason"
_RAW = "_raw"


def raw_point(arrival: Arrival, facility: str) -> Point:
    """Return the sample as read, with its epoch and sequence number."""
    sample = arrival.sample
    fields: dict[str, FieldValue] = {
        "epoch": arrival.epoch,
        "seq": sample.seq,
        "boot": sample.boot,
        "mono_us": sample.mono_us,
        "history": arrival.history,
    }
    for name, signal in sample.signals.items():
        fields[name + _QUALITY] = signal.quality.value
        fields[name + _REASON] = signal.reason.value
        if signal.value is not None:
            fields[name] = float(signal.value)
        if signal.raw is not None:
            fields[name + _RAW] = float(signal.raw)
    tags = (("facility", facility), ("gateway", arrival.gateway), ("subject", sample.subject))
    return Point(RAW, tags, arrival.t_us, fields)


def arrival_from_row(row: Row) -> Arrival | None:
    """Return the arrival that `raw_point` stored, or None for a row that this program did not write."""
    fields = row.fields
    try:
        sample = Sample(
            subject=row.tags["subject"],
            seq=int(fields["seq"]),
            t_us=row.t_us,
            boot=str(fields["boot"]),
            mono_us=int(fields["mono_us"]),
            signals={name: _signal(row, name) for name in _signal_names(row)},
        )
        return Arrival(sample, row.tags["gateway"], str(fields["epoch"]), bool(fields["history"]))
    except (KeyError, ValueError):
        return None


def _signal_names(row: Row) -> Iterator[str]:
    return (name.removesuffix(_QUALITY) for name in row.fields if name.endswith(_QUALITY))


def _signal(row: Row, name: str) -> Signal:
    value, raw = row.fields.get(name), row.fields.get(name + _RAW)
    return Signal(
        value=None if value is None else float(value),
        quality=Quality(str(row.fields[name + _QUALITY])),
        reason=Reason(str(row.fields[name + _REASON])),
        raw=None if raw is None else float(raw),
    )


def derived_point(subject: str, facility: str, derived: Derived) -> Point:
    """Return what the engine made of a sample; figures that do not exist are left out."""
    mass_kg = derived.mass_kg
    figures: dict[str, float | None] = {
        "mass_kg": mass_kg,
        "fill_percent": derived.fill_percent,
        "level_fraction": derived.level_fraction,
        "litres": None if mass_kg is None else litres_of_boiling_liquid(mass_kg),
        "normal_m3": None if mass_kg is None else normal_cubic_metres(mass_kg),
        "smoothed_kg": derived.smoothed_kg,
        "pressure_pa": derived.pressure_pa,
        "draw_kg_per_h": derived.draw_kg_per_h,
        "hours_to_empty_p10": derived.hours_to_empty_p10,
        "hours_to_empty_p50": derived.hours_to_empty_p50,
        "hours_to_empty_p90": derived.hours_to_empty_p90,
    }
    fields: dict[str, FieldValue] = {
        "quality": derived.quality.value,
        "reason": derived.reason.value,
        "filling": derived.filling,
    }
    fields.update({name: float(value) for name, value in figures.items() if value is not None})
    return Point(DERIVED, (("facility", facility), ("subject", subject)), derived.t_us, fields)
