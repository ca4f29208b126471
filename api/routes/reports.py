"""Daily reports: figures, versions, corrections."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from api.access import needs
from api.errors import JSON_ERRORS
from api.report_desk import Change, Folder, open_folder, save_change
from policy.daily_report import Figure, FigureName, TankReport, Total, figure_key
from records.reports import ReportVersion

router = APIRouter(
    prefix="/reports", tags=["reports"], dependencies=[Depends(needs("reports:read"))], responses=JSON_ERRORS
)


class SourceOut(BaseModel):
    """Readings behind a figure: those of a tank in a span, at a revision of its daily row."""

    subject: str
    revision: int
    from_us: int | None
    to_us: int | None


class FigureOut(BaseModel):
    """One figure of one tank.

    Attributes:
        key: Names the figure in a correction.
        kg, litres, nm3: Null when absent. Litres of liquid at 1.01325 bar; Nm³ at 0 °C, 1013.25 mbar.
        provenance: automatic, typed or absent.
        automatic_kg: What the instruments said, kept beside a typed figure.
    """

    key: str
    kg: float | None
    litres: float | None
    nm3: float | None
    sd_kg: float | None
    provenance: str
    automatic_kg: float | None
    source: SourceOut | None
    note: str


class TotalOut(BaseModel):
    """A figure over all tanks; null as soon as one tank lacks it, with the sum of the others beside it."""

    kg: float | None
    litres: float | None
    nm3: float | None
    sd_kg: float | None
    provenance: str
    partial_kg: float | None
    missing: list[str]
    lower_bound: bool


class DeliveryOut(BaseModel):
    """One delivery."""

    start_us: int
    end_us: int
    kg: float
    litres: float
    nm3: float
    sd_kg: float | None


class TankReportOut(BaseModel):
    """One tank's figures; `refills` is null when it is not known whether there were any."""

    subject: str
    figures: dict[str, FigureOut]
    refills: list[DeliveryOut] | None
    coverage: float | None


class ReportOut(BaseModel):
    """A facility's report of one local day.

    Attributes:
        version: Of the typed version shown; 0 when nobody has written one. A correction sends it back.
        state: automatic, draft or final.
        day_over: False while the figures still move.
        coverage: Share of expected readings with good quality, 0 to 1.
    """

    facility: str
    local_date: str
    version: int
    state: str
    day_over: bool
    totals: dict[str, TotalOut]
    tanks: list[TankReportOut]
    coverage: float | None
    note: str
    author: str | None
    written_us: int | None


class CorrectionOut(BaseModel):
    """A typed figure and why."""

    value_kg: float | None
    note: str


class VersionOut(BaseModel):
    """One version of a report."""

    version: int
    state: str
    corrections: dict[str, CorrectionOut]
    note: str
    author: str
    written_us: int


class CorrectionIn(BaseModel):
    """A correction: a figure's key, its value in kg, why, and the version it builds on.

    Attributes:
        value_kg: Null says that the figure is not known.
        restore: Take a typed figure back instead; value_kg is ignored.
    """

    model_config = ConfigDict(extra="forbid")

    figure: str
    value_kg: float | None = Field(default=None, ge=0, le=1e9, allow_inf_nan=False)
    restore: bool = False
    note: str = Field(min_length=1, max_length=1000)
    version: int = Field(ge=0)


@router.get("/{facility}/{day}", summary="The report of a day")
async def report(
    request: Request,
    facility: str,
    day: str,
    version: int | None = Query(
        default=None, ge=0, description="0 for the automatic figures; newest if absent"
    ),
) -> ReportOut:
    """Return a report with every figure and where it comes from."""
    return _report_out(await open_folder(request, facility, day, version))


@router.get("/{facility}/{day}/versions", summary="Every version of a report")
async def versions(request: Request, facility: str, day: str) -> list[VersionOut]:
    """Return the typed versions, newest first; empty while nobody has written one."""
    folder = await open_folder(request, facility, day)
    return [_version_out(version) for version in folder.versions]


@router.post(
    "/{facility}/{day}/corrections",
    status_code=201,
    summary="Correct a figure",
    dependencies=[Depends(needs("reports:correct"))],
)
async def correct(request: Request, facility: str, day: str, body: CorrectionIn) -> VersionOut:
    """Add a version with one figure typed; earlier versions stay. 409 when `version` is not the newest."""
    change = Change(
        figure=body.figure,
        value_kg=body.value_kg,
        restore=body.restore,
        note=body.note,
        version=body.version,
    )
    return _version_out(await save_change(request, facility, day, change))


def _report_out(folder: Folder) -> ReportOut:
    shown = folder.report
    return ReportOut(
        facility=shown.facility,
        local_date=shown.local_date,
        version=shown.version,
        state=shown.state,
        day_over=shown.day_over,
        totals={name.value: _total_out(shown.total(name)) for name in FigureName},
        tanks=[_tank_out(tank) for tank in shown.tanks],
        coverage=shown.coverage,
        note=shown.note,
        author=shown.author,
        written_us=shown.written_us,
    )


def _tank_out(tank: TankReport) -> TankReportOut:
    deliveries = None
    if tank.refills is not None:
        deliveries = [
            DeliveryOut(**{name: getattr(refill, name) for name in DeliveryOut.model_fields})
            for refill in tank.refills
        ]
    return TankReportOut(
        subject=tank.subject,
        figures={name.value: _figure_out(tank.subject, name, tank.figure(name)) for name in FigureName},
        refills=deliveries,
        coverage=tank.coverage,
    )


def _figure_out(subject: str, name: FigureName, figure: Figure) -> FigureOut:
    source = figure.source
    return FigureOut(
        key=figure_key(subject, name),
        kg=figure.kg,
        litres=figure.litres,
        nm3=figure.nm3,
        sd_kg=figure.sd_kg,
        provenance=figure.provenance,
        automatic_kg=figure.automatic_kg,
        source=SourceOut(**{key: getattr(source, key) for key in SourceOut.model_fields}) if source else None,
        note=figure.note,
    )


def _total_out(total: Total) -> TotalOut:
    values = {name: getattr(total, name) for name in TotalOut.model_fields if name != "missing"}
    return TotalOut(**values, missing=list(total.missing))


def _version_out(version: ReportVersion) -> VersionOut:
    return VersionOut(
        version=version.version,
        state=version.state,
        corrections={
            key: CorrectionOut(value_kg=one.value_kg, note=one.note)
            for key, one in version.corrections.items()
        },
        note=version.note,
        author=version.author,
        written_us=version.written_us,
    )
