"""The daily facility report: the day's figures of each tank with what people typed over them. Pure.

A figure is what the instruments said, or what a person typed, or absent; it says which. A total over tanks is
absent as soon as one of its parts is: the sum of two tanks of three is not the hospital's stock. The sum of
the known parts stands beside it, with the tanks that are missing from it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date
from enum import StrEnum

import msgspec

from oxygen.local_time import day_bounds_us
from oxygen.units import litres_of_boiling_liquid, normal_cubic_metres
from policy.daily_figures import Correction, ReportVersion, TankDay


class Provenance(StrEnum):
    """Where a figure comes from."""

    AUTOMATIC = "automatic"
    TYPED = "typed"
    ABSENT = "absent"


class FigureName(StrEnum):
    """The figures of a report, in the order of its columns."""

    OPENING = "opening"
    REFILLED = "refilled"
    CONSUMED = "consumed"
    CLOSING = "closing"
    MINIMUM = "minimum"


class Source(msgspec.Struct, frozen=True):
    """Readings behind a figure: those of a tank from `from_us` to `to_us`, at a revision of its row."""

    subject: str
    revision: int
    from_us: int | None
    to_us: int | None


class Figure(msgspec.Struct, frozen=True):
    """One figure of one tank.

    Attributes:
        kg: None when absent, or when a person said that it is not known.
        sd_kg: Standard deviation of an automatic figure; None when not known, and for a typed one.
        automatic_kg: What the instruments said; kept when a person typed another value.
        source: Readings behind the automatic value; None when there was no row.
        note: Why a person typed it.
    """

    kg: float | None
    provenance: Provenance
    sd_kg: float | None = None
    automatic_kg: float | None = None
    source: Source | None = None
    note: str = ""

    @property
    def litres(self) -> float | None:
        """Litres of liquid boiling at 1.01325 bar, or None."""
        return _litres(self.kg)

    @property
    def nm3(self) -> float | None:
        """Nm³ of gas (0 °C, 1013.25 mbar), or None."""
        return _nm3(self.kg)


class Total(msgspec.Struct, frozen=True):
    """A figure over all tanks of the facility.

    Attributes:
        kg, sd_kg: None unless every tank has the figure (for sd_kg: its standard deviation too; the tanks'
            errors are taken as independent).
        partial_kg: Sum over the tanks that have it; None when none has. Never to be shown as the total.
        missing: Subjects without the figure.
        provenance: typed as soon as one part is, absent when `kg` is.
        lower_bound: True for the minimum over several tanks: their lows fall at different times, so the
            hospital never had less than this sum, but perhaps always more.
    """

    kg: float | None
    provenance: Provenance
    sd_kg: float | None = None
    partial_kg: float | None = None
    missing: tuple[str, ...] = ()
    lower_bound: bool = False

    @property
    def litres(self) -> float | None:
        """Litres of liquid boiling at 1.01325 bar, or None."""
        return _litres(self.kg)

    @property
    def nm3(self) -> float | None:
        """Nm³ of gas (0 °C, 1013.25 mbar), or None."""
        return _nm3(self.kg)


class RefillLine(msgspec.Struct, frozen=True):
    """A delivery, from `start_us` to `end_us`."""

    start_us: int
    end_us: int
    kg: float
    sd_kg: float | None

    @property
    def litres(self) -> float:
        """Litres of liquid boiling at 1.01325 bar."""
        return litres_of_boiling_liquid(self.kg)

    @property
    def nm3(self) -> float:
        """Nm³ of gas (0 °C, 1013.25 mbar)."""
        return normal_cubic_metres(self.kg)


class TankReport(msgspec.Struct, frozen=True):
    """One tank's part of the report.

    Attributes:
        refills: The deliveries measured; None when it is not known whether there were any.
        coverage: Share of expected samples with good quality, 0…1, or None.
        revised: Its row has changed since the final version copied it.
    """

    subject: str
    opening: Figure
    refilled: Figure
    consumed: Figure
    closing: Figure
    minimum: Figure
    refills: tuple[RefillLine, ...] | None
    coverage: float | None
    expected_samples: int | None
    good_samples: int | None
    revised: bool = False

    def figure(self, name: FigureName) -> Figure:
        """Return a figure by name."""
        figure: Figure = getattr(self, name.value)
        return figure


class DailyReport(msgspec.Struct, frozen=True):
    """A facility's report of one local day.

    Attributes:
        version: Of the typed version shown, 0 when nobody has written one.
        state: automatic (nobody has touched it), draft or final.
        day_over: False while the day still runs and its figures still move.
        coverage: Over all tanks, weighted by expected samples; None when a tank's is not known.
        unused_corrections: Keys of corrections that no tank of the facility answers to.
    """

    facility: str
    local_date: str
    version: int
    state: str
    day_over: bool
    tanks: tuple[TankReport, ...]
    opening: Total
    refilled: Total
    consumed: Total
    closing: Total
    minimum: Total
    coverage: float | None
    note: str = ""
    author: str | None = None
    written_us: int | None = None
    unused_corrections: tuple[str, ...] = ()

    def total(self, name: FigureName) -> Total:
        """Return a total by name."""
        total: Total = getattr(self, name.value)
        return total


def figure_key(subject: str, name: FigureName | str) -> str:
    """Return a figure's key in `corrections`, as `tank:cho-lon-1.opening`; ValueError for no figure."""
    return f"{subject}.{FigureName(name).value}"


def assemble(
    facility: str,
    local_date: str,
    subjects: Sequence[str],
    tank_days: Sequence[TankDay],
    version: ReportVersion | None,
    now_us: int,
) -> DailyReport:
    """Return the report of a facility's local day (YYYY-MM-DD).

    `subjects` are all tanks that belong in it, in order: one without a row appears with absent figures.
    A final version shows the rows that it copied, even after late data changed them. Rows of other days and
    tanks are ignored.
    """
    present = _by_subject(tank_days, local_date)
    copied = None if version is None or version.tank_days is None else version.tank_days
    shown = present if copied is None else _by_subject(copied, local_date)
    corrections = version.corrections if version else {}
    tanks = tuple(
        _tank(
            subject,
            shown.get(subject),
            corrections,
            revised=_revision(present, subject) > _revision(shown, subject),
        )
        for subject in subjects
    )
    known = {figure_key(subject, name) for subject in subjects for name in FigureName}
    return DailyReport(
        facility=facility,
        local_date=local_date,
        version=version.version if version else 0,
        state=version.state if version else "automatic",
        day_over=now_us >= day_bounds_us(date.fromisoformat(local_date))[1],
        tanks=tanks,
        **{name.value: _total(tanks, name) for name in FigureName},
        coverage=_coverage(tanks),
        note=version.note if version else "",
        author=version.author if version else None,
        written_us=version.written_us if version else None,
        unused_corrections=tuple(sorted(corrections.keys() - known)),
    )


def _by_subject(days: Sequence[TankDay], local_date: str) -> dict[str, TankDay]:
    return {day.subject: day for day in days if day.local_date == local_date}


def _revision(days: Mapping[str, TankDay], subject: str) -> int:
    return days[subject].revision if subject in days else 0


def _tank(
    subject: str, day: TankDay | None, corrections: Mapping[str, Correction], *, revised: bool
) -> TankReport:
    figures = {
        name.value: _figure(name, day, corrections.get(figure_key(subject, name))) for name in FigureName
    }
    refills = None
    if day is not None and day.refills is not None:
        refills = tuple(RefillLine(one.start_us, one.end_us, one.mass_kg, one.sd_kg) for one in day.refills)
    return TankReport(
        subject=subject,
        **figures,
        refills=refills,
        coverage=day.coverage if day else None,
        expected_samples=day.expected_samples if day else None,
        good_samples=day.good_samples if day else None,
        revised=revised,
    )


def _figure(name: FigureName, day: TankDay | None, correction: Correction | None) -> Figure:
    automatic: float | None = getattr(day, f"{name.value}_kg") if day else None
    source = Source(day.subject, day.revision, day.from_us, day.to_us) if day else None
    if correction is not None:
        return Figure(
            correction.value_kg,
            Provenance.TYPED,
            automatic_kg=automatic,
            source=source,
            note=correction.note,
        )
    if day is None or automatic is None:
        return Figure(None, Provenance.ABSENT, source=source)
    return Figure(automatic, Provenance.AUTOMATIC, _sd(name, day), automatic, source)


def _sd(name: FigureName, day: TankDay) -> float | None:
    """Return the standard deviation of an automatic figure; readings of stock carry none of their own."""
    if name is FigureName.CONSUMED:
        return day.consumed_sd_kg
    if name is FigureName.REFILLED and day.refills is not None:
        return _root_sum([refill.sd_kg for refill in day.refills])
    return None


def _total(tanks: Sequence[TankReport], name: FigureName) -> Total:
    figures = {tank.subject: tank.figure(name) for tank in tanks}
    known = [figure.kg for figure in figures.values() if figure.kg is not None]
    missing = tuple(subject for subject, figure in figures.items() if figure.kg is None)
    partial_kg = math.fsum(known) if known else None
    complete = bool(known) and not missing
    typed = any(figure.provenance is Provenance.TYPED for figure in figures.values())
    if not complete:
        provenance = Provenance.ABSENT
    else:
        provenance = Provenance.TYPED if typed else Provenance.AUTOMATIC
    return Total(
        kg=partial_kg if complete else None,
        provenance=provenance,
        sd_kg=_root_sum([figure.sd_kg for figure in figures.values()]) if complete else None,
        partial_kg=partial_kg,
        missing=missing,
        lower_bound=name is FigureName.MINIMUM and len(tanks) > 1,
    )


def _root_sum(deviations: Sequence[float | None]) -> float | None:
    """Return the standard deviation of a sum of independent parts; None when one is not known."""
    known = [deviation for deviation in deviations if deviation is not None]
    return math.hypot(*known) if len(known) == len(deviations) else None


def _coverage(tanks: Sequence[TankReport]) -> float | None:
    expected = [tank.expected_samples for tank in tanks if tank.expected_samples is not None]
    good = [tank.good_samples for tank in tanks if tank.good_samples is not None]
    if len(expected) < len(tanks) or len(good) < len(tanks) or not sum(expected):
        return None
    return sum(good) / sum(expected)


def _litres(kg: float | None) -> float | None:
    return None if kg is None else litres_of_boiling_liquid(kg)


def _nm3(kg: float | None) -> float | None:
    return None if kg is None else normal_cubic_metres(kg)
