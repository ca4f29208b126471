"""A daily report in words: figures in three units, where each comes from, and what each version changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from api import formats
from api.language import Language
from api.report_desk import Folder
from api.views.overview import tank_name
from policy.daily_report import Figure, FigureName, Provenance, TankReport, Total, figure_key
from records.reports import Correction, ReportVersion


class FigureLine(msgspec.Struct, frozen=True):
    """One figure: its three units, and where it comes from."""

    key: str
    label: str
    kg: str
    litres: str
    normal_m3: str
    deviation: str
    provenance: str
    origin: str
    typed: bool


class RefillText(msgspec.Struct, frozen=True):
    """One delivery."""

    start: str
    end: str
    kg: str
    litres: str
    normal_m3: str


class TankSection(msgspec.Struct, frozen=True):
    """One tank's part of the page; `refills` None when it is not known whether there were any."""

    code: str
    name: str
    lines: tuple[FigureLine, ...]
    refills: tuple[RefillText, ...] | None
    coverage: str
    revised: bool


class VersionText(msgspec.Struct, frozen=True):
    """One version: who, when, why, and what it changed."""

    version: int
    state: str
    author: str
    written: str
    note: str
    changes: tuple[str, ...]


def figure_label(name: FigureName, language: Language) -> str:
    """Return a figure's name."""
    return {
        FigureName.OPENING: language.gettext("Opening stock"),
        FigureName.REFILLED: language.gettext("Refilled"),
        FigureName.CONSUMED: language.gettext("Consumed"),
        FigureName.CLOSING: language.gettext("Closing stock"),
        FigureName.MINIMUM: language.gettext("Least stock"),
    }[name]


def key_label(key: str, folder: Folder, language: Language) -> str:
    """Return a figure's name with its tank's; the key itself when the facility has no such figure."""
    for tank in folder.tanks:
        for name in FigureName:
            if figure_key(tank.subject, name) == key:
                return f"{tank_name(tank, language)}: {figure_label(name, language)}"
    return key


def sections(folder: Folder, language: Language) -> list[TankSection]:
    """Return every tank's part, in the order of the report."""
    names = {tank.subject: (tank.code, tank_name(tank, language)) for tank in folder.tanks}
    return [_section(tank, names[tank.subject], folder, language) for tank in folder.report.tanks]


def totals(folder: Folder, language: Language) -> list[FigureLine]:
    """Return the facility's totals; a total with a part missing is a dash, and says what is missing."""
    names = {tank.subject: tank_name(tank, language) for tank in folder.tanks}
    return [_total_line(name, folder.report.total(name), names, language) for name in FigureName]


def version_texts(folder: Folder, language: Language) -> list[VersionText]:
    """Return every version, newest first, with what it changed in the one before."""
    lines: list[VersionText] = []
    for index, version in enumerate(folder.versions):
        older = folder.versions[index + 1].corrections if index + 1 < len(folder.versions) else {}
        lines.append(
            VersionText(
                version=version.version,
                state=state_text(version.state, language),
                author=version.author,
                written=formats.instant(version.written_us),
                note=version.note,
                changes=_changes(older, version.corrections, folder, language),
            )
        )
    return lines


def state_text(state: str, language: Language) -> str:
    """Return a report's state."""
    return {
        "automatic": language.gettext("automatic"),
        "draft": language.gettext("draft, corrected"),
        "final": language.gettext("final"),
    }.get(state, state)


def coverage_text(coverage: float | None, language: Language) -> str:
    """Return the share of good readings; an en dash when not known."""
    return formats.percent(None if coverage is None else 100 * coverage, language, 1)


def _section(tank: TankReport, names: tuple[str, str], folder: Folder, language: Language) -> TankSection:
    code, name = names
    refills = None
    if tank.refills is not None:
        refills = tuple(
            RefillText(
                start=formats.clock_time(refill.start_us),
                end=formats.clock_time(refill.end_us),
                kg=formats.kilograms(refill.kg, language),
                litres=formats.litres(refill.kg, language),
                normal_m3=formats.normal_m3(refill.kg, language),
            )
            for refill in tank.refills
        )
    return TankSection(
        code=code,
        name=name,
        lines=tuple(_line(tank, figure_name, folder, language) for figure_name in FigureName),
        refills=refills,
        coverage=coverage_text(tank.coverage, language),
        revised=tank.revised,
    )


def _line(tank: TankReport, name: FigureName, folder: Folder, language: Language) -> FigureLine:
    figure = tank.figure(name)
    key = figure_key(tank.subject, name)
    return FigureLine(
        key=key,
        label=figure_label(name, language),
        kg=formats.kilograms(figure.kg, language),
        litres=formats.litres(figure.kg, language),
        normal_m3=formats.normal_m3(figure.kg, language),
        deviation=_deviation(figure.sd_kg, language),
        provenance=_provenance(figure.provenance, language),
        origin=_origin(figure, key, folder.versions, folder.report.version, language),
        typed=figure.provenance is Provenance.TYPED,
    )


def _total_line(name: FigureName, total: Total, names: Mapping[str, str], language: Language) -> FigureLine:
    origin = ""
    if total.missing:
        origin = language.gettext("without %(tanks)s") % {
            "tanks": ", ".join(names.get(subject, subject) for subject in total.missing)
        }
        if total.partial_kg is not None:
            origin += language.gettext("; the others: %(mass)s") % {
                "mass": formats.kilograms(total.partial_kg, language)
            }
    elif total.lower_bound:
        origin = language.gettext("sum of the tanks' own lows; the hospital had at least this")
    return FigureLine(
        key="",
        label=figure_label(name, language),
        kg=formats.kilograms(total.kg, language),
        litres=formats.litres(total.kg, language),
        normal_m3=formats.normal_m3(total.kg, language),
        deviation=_deviation(total.sd_kg, language),
        provenance=_provenance(total.provenance, language),
        origin=origin,
        typed=total.provenance is Provenance.TYPED,
    )


def _provenance(provenance: Provenance, language: Language) -> str:
    return {
        Provenance.AUTOMATIC: language.gettext("automatic"),
        Provenance.TYPED: language.gettext("typed"),
        Provenance.ABSENT: language.gettext("not known"),
    }[provenance]


def _deviation(sd_kg: float | None, language: Language) -> str:
    """Return ± one standard deviation; empty when not known or less than is shown."""
    return "" if sd_kg is None or sd_kg < 0.5 else f"± {language.number(sd_kg)} kg"


def _origin(
    figure: Figure, key: str, versions: Sequence[ReportVersion], shown: int, language: Language
) -> str:
    """Say which readings a figure is from, or who typed it and what the instruments said."""
    readings = _readings(figure, language)
    if figure.provenance is not Provenance.TYPED:
        return readings
    typed_by = _typist(key, [version for version in versions if version.version <= shown])
    parts = [f"“{figure.note}”"] if figure.note else []
    if typed_by is not None:
        parts.insert(
            0,
            language.gettext("by %(name)s, %(time)s")
            % {"name": typed_by.author, "time": formats.instant(typed_by.written_us)},
        )
    parts.append(
        language.gettext("automatic: %(mass)s") % {"mass": formats.kilograms(figure.automatic_kg, language)}
    )
    return " · ".join([*parts, readings] if readings else parts)


def _readings(figure: Figure, language: Language) -> str:
    source = figure.source
    if source is None:
        return language.gettext("no readings of this day")
    if source.from_us is None or source.to_us is None:
        return language.gettext("no good reading; calculation %(n)s") % {"n": source.revision}
    return language.gettext("readings %(first)s to %(last)s, calculation %(n)s") % {
        "first": formats.clock_time(source.from_us),
        "last": formats.clock_time(source.to_us),
        "n": source.revision,
    }


def _typist(key: str, versions: Sequence[ReportVersion]) -> ReportVersion | None:
    """Return the version that first had the correction which still stands; `versions` are newest first."""
    found: ReportVersion | None = None
    for version in versions:
        correction = version.corrections.get(key)
        if correction is None or (found is not None and correction != found.corrections[key]):
            return found
        found = version
    return found


def _changes(
    older: Mapping[str, Correction], newer: Mapping[str, Correction], folder: Folder, language: Language
) -> tuple[str, ...]:
    lines: list[str] = []
    for key in sorted(older.keys() | newer.keys()):
        before, after = older.get(key), newer.get(key)
        if before != after:
            was, now = _typed_text(before, language), _typed_text(after, language)
            lines.append(f"{key_label(key, folder, language)}: {was} → {now}")
    return tuple(lines)


def _typed_text(correction: Correction | None, language: Language) -> str:
    if correction is None:
        return language.gettext("automatic")
    if correction.value_kg is None:
        return language.gettext("not known")
    whole = correction.value_kg == round(correction.value_kg)
    return formats.kilograms(correction.value_kg, language, 0 if whole else 1)
