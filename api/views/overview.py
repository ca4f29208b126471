"""Rows of the overview, and the same rows as the live stream sends them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from api import formats
from api.language import Language
from api.views.standing import sort_key, standing
from api.views.tank_texts import tank_texts
from oxygen.wire.payloads import Status
from records.registry import Facility, Registry, Tank


class TankRow(msgspec.Struct, frozen=True):
    """One tank as the overview shows it.

    Attributes:
        subject, code: `tank:CODE` and CODE.
        name, facility: In the reader's language.
        band, state: Signs of the row.
        current: Whether the figures are of now.
        needs_attention: Whether a person should look.
        order: Sorts as text by urgency.
        as_of_us, evaluated_us: Of the reading, and of the status.
        fill_percent: For the bar; None draws none.
        age: Of the reading, in words.
        texts: Figures by field name, see `tank_texts`.
    """

    subject: str
    code: str
    name: str
    facility: str
    band: str
    state: str
    current: bool
    needs_attention: bool
    order: str
    as_of_us: int | None
    evaluated_us: int
    fill_percent: float | None
    age: str
    texts: dict[str, str]

    def live(self) -> dict[str, Any]:
        """Return what a page that shows this row needs to bring it up to date."""
        return {
            "subject": self.subject,
            "band": self.band,
            "state": self.state,
            "current": self.current,
            "order": self.order,
            "as_of_us": self.as_of_us,
            "evaluated_us": self.evaluated_us,
            "fill_percent": self.fill_percent,
            "texts": self.texts,
        }


def tank_row(
    tank: Tank, facility: Facility, status: Status | None, now_us: int, overdue_s: float, language: Language
) -> TankRow:
    """Work out one tank's row at one instant."""
    verdict = standing(status, now_us, overdue_s)
    rank, ends_us, code = sort_key(verdict, status, tank.code)
    as_of_us = status.as_of_us if status else None
    return TankRow(
        subject=f"tank:{tank.code}",
        code=tank.code,
        name=tank_name(tank, language),
        facility=facility_name(facility, language),
        band=verdict.band,
        state=verdict.state,
        current=verdict.current,
        needs_attention=verdict.needs_attention,
        order=f"{rank}|{ends_us:020d}|{code}",
        as_of_us=as_of_us,
        evaluated_us=status.evaluated_us if status else now_us,
        fill_percent=status.fill_percent if status else None,
        age=formats.age(as_of_us, now_us, language),
        texts=tank_texts(status, verdict, now_us, language),
    )


def tank_rows(
    registry: Registry,
    statuses: Mapping[str, Status],
    now_us: int,
    overdue_s: float,
    language: Language,
) -> list[TankRow]:
    """Return every registered tank, the most urgent first; one without a status is there as never read."""
    facilities = {facility.code: facility for facility in registry.facilities}
    rows = [
        tank_row(
            tank, facilities[tank.facility], statuses.get(f"tank:{tank.code}"), now_us, overdue_s, language
        )
        for tank in registry.tanks
    ]
    return sorted(rows, key=lambda row: row.order)


def summary(rows: Iterable[TankRow], language: Language) -> dict[str, str]:
    """Return how many tanks there are and how many need a person, in words."""
    listed = list(rows)
    waiting = sum(row.needs_attention for row in listed)
    if waiting:
        attention = language.ngettext("%(n)s tank needs attention", "%(n)s tanks need attention", waiting)
    else:
        attention = language.gettext("No tank needs attention")
    total = language.ngettext("of %(n)s tank", "of %(n)s tanks", len(listed))
    return {"attention": attention % {"n": waiting}, "total": total % {"n": len(listed)}}


def tank_name(tank: Tank, language: Language) -> str:
    """Return a tank's name in the reader's language; its code when it has none."""
    return (tank.name_vi if language.locale == "vi" else tank.name_en) or tank.code


def facility_name(facility: Facility, language: Language) -> str:
    """Return a facility's name in the reader's language, saying when it is simulated."""
    name = (facility.name_vi if language.locale == "vi" else facility.name_en) or facility.code
    if facility.simulated:
        return language.gettext("%(name)s (simulated)") % {"name": name}
    return name
