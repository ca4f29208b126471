"""What a daily report is made from: a tank's figures of a local day, and what people typed over them."""

from __future__ import annotations

import msgspec


class Refill(msgspec.Struct, frozen=True):
    """One delivery as the balance saw it; `sd_kg` is the standard deviation of `mass_kg`, if known."""

    start_us: int
    end_us: int
    mass_kg: float
    sd_kg: float | None = None


class TankDay(msgspec.Struct, frozen=True):
    """A tank's figures of one local day; a figure that is not known is None, never 0.

    Attributes:
        subject, local_date: `tank:ID` and the local day as YYYY-MM-DD.
        opening_kg, closing_kg: Contents at the day's first and last instant, as far as readings tell.
        minimum_kg: Least contents of the day.
        refilled_kg, refills: Sum and list of the deliveries; an empty list says that there were none.
        consumed_kg, consumed_sd_kg: Drawn by the wards, with its standard deviation.
        coverage: Share of expected samples that came with good quality, 0…1.
        from_us, to_us: First and last reading used.
        revision, updated_us: Count of changes to the row, and when the last one was.
    """

    subject: str
    local_date: str
    facility: str
    opening_kg: float | None = None
    closing_kg: float | None = None
    minimum_kg: float | None = None
    refilled_kg: float | None = None
    consumed_kg: float | None = None
    consumed_sd_kg: float | None = None
    refills: tuple[Refill, ...] | None = None
    coverage: float | None = None
    expected_samples: int | None = None
    good_samples: int | None = None
    from_us: int | None = None
    to_us: int | None = None
    revision: int = 0
    updated_us: int = 0


class Correction(msgspec.Struct, frozen=True):
    """A figure that a person typed, in kg, and why; `value_kg` None says that the figure is not known."""

    value_kg: float | None
    note: str


class ReportVersion(msgspec.Struct, frozen=True):
    """One version of a report; a change makes the next one and leaves this one as it is.

    Attributes:
        version: From 1.
        state: draft or final.
        corrections: Typed figures by `policy.daily_report.figure_key`.
        tank_days: The rows a final version was made from; None for a draft, a view of the present ones.
        note: Why this version was written.
    """

    id: int
    facility: str
    local_date: str
    version: int
    state: str
    corrections: dict[str, Correction]
    tank_days: tuple[TankDay, ...] | None
    note: str
    author: str
    written_us: int
