"""Valid values of every kind, for tests to vary."""

from __future__ import annotations

from oxygen.reading import Quality, Reason
from oxygen.wire.payloads import Status
from policy.conversion import Step
from records.alarms import Alarm, open_alarm
from records.database import Transaction
from records.messages import OutboxItem
from records.registry import (
    Bank,
    ConversionStep,
    Facility,
    Gateway,
    Member,
    Registry,
    SupplySystem,
    Tank,
)

FACILITY = Facility("bv-cho-lon", "Bệnh viện Chợ Lớn (mô phỏng)", "Cho Lon Hospital", "hcm", place="Quận 5")
GATEWAY = Gateway("gw-cho-lon", "bv-cho-lon")
TANK = Tank(
    code="cho-lon-1",
    facility="bv-cho-lon",
    name_vi="Bồn số 1",
    name_en="Tank 1",
    geometry={
        "orientation": "vertical",
        "inner_diameter_m": 2.2,
        "cylinder_length_m": 5.1,
        "head": "ellipsoidal",
    },
    working_pressure_pa=1_601_325.0,
    system="cho-lon-main",
    gateway="gw-cho-lon",
)
SYSTEM = SupplySystem(
    "cho-lon-main", "bv-cho-lon", "Hệ chính", "Main", (Member("tank:cho-lon-1", "primary"),)
)
BANK = Bank("cho-lon-bank", "bv-cho-lon", 20, 40.0, 15_101_325.0, system="cho-lon-main")
CONVERSION_STEP = ConversionStep(
    "tank:cho-lon-1", Step.CLEANED, "2021-07-20", "CN-118/2021", "Xưởng Bảo Minh"
)
REGISTRY = Registry(0, (FACILITY,), (GATEWAY,), (TANK,), (BANK,), (SYSTEM,))


def status(subject: str = "tank:cho-lon-1", *, mass_kg: float | None = 8000.0, as_of_us: int = 5) -> Status:
    """Return a live status."""
    return Status(
        v=1,
        subject=subject,
        facility="bv-cho-lon",
        as_of_us=as_of_us,
        evaluated_us=as_of_us + 1,
        source="live",
        quality=Quality.GOOD,
        reason=Reason.OK,
        state="ok",
        band="normal",
        mass_kg=mass_kg,
    )


async def raise_alarm(tx: Transaction, *, subject: str = "tank:cho-lon-1", at_us: int = 100) -> Alarm:
    """Open a low-stock alarm."""
    return await open_alarm(
        tx,
        subject=subject,
        facility="bv-cho-lon",
        rule="low_stock",
        rule_version=3,
        severity="reorder",
        at_us=at_us,
        params={"fill_percent": 29.5},
    )


def message(key: str, *, priority: int = 0, due_us: int = 10) -> OutboxItem:
    """Return a mail to be sent."""
    return OutboxItem(
        key=key,
        channel="email",
        address="truc@bv.example",
        locale="vi",
        template="alarm_raised",
        params={"fill_percent": 29.5},
        created_us=due_us,
        priority=priority,
    )
