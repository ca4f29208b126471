"""Four hospitals with six tanks in every state that a page has to show, and thirty days behind them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from oxygen import tank as physical
from oxygen.local_time import day_bounds_us, local_day
from oxygen.reading import Quality, Reason
from oxygen.units import US_PER_DAY, US_PER_HOUR, US_PER_S
from oxygen.wire.payloads import Status
from records import alarms, identity, messages, registry, reports, status
from records.database import Database
from records.messages import Contact, OutboxItem, ReceivedMail
from records.registry import Facility, Gateway, Registry, SupplySystem, Tank
from records.reports import Correction
from records.status import Refill, TankDay
from telemetry.contract import DERIVED, Point, TelemetryStore

ADMIN, ADMIN_PASSWORD = "admin", "mat-khau-quan-tri"
VIEWER, VIEWER_PASSWORD = "lan", "mat-khau-nguoi-xem"
SHARD = "hcm"
HISTORY_DAYS = 30
STEP_US = 600 * US_PER_S
MINUTE_US = 60 * US_PER_S

VERTICAL_20 = {
    "orientation": "vertical",
    "inner_diameter_m": 2.2,
    "cylinder_length_m": 4.6,
    "head": "ellipsoidal",
}
HORIZONTAL_30 = {
    "orientation": "horizontal",
    "inner_diameter_m": 2.4,
    "cylinder_length_m": 6.0,
    "head": "ellipsoidal",
}
VERTICAL_10 = {
    "orientation": "vertical",
    "inner_diameter_m": 1.8,
    "cylinder_length_m": 3.4,
    "head": "ellipsoidal",
}
VERTICAL_5 = {
    "orientation": "vertical",
    "inner_diameter_m": 1.5,
    "cylinder_length_m": 2.4,
    "head": "ellipsoidal",
}

FACILITIES = (
    Facility("bv-binh-thanh", "Bệnh viện Bình Thạnh", "Binh Thanh Hospital", SHARD, "79", simulated=True),
    Facility("bv-can-gio", "Bệnh viện Cần Giờ", "Can Gio Hospital", SHARD, "79", simulated=True),
    Facility(
        "bv-cho-lon",
        "Bệnh viện Chợ Lớn",
        "Cho Lon Hospital",
        SHARD,
        "79",
        officer_name="Nguyễn Thị Canary",
        officer_phone="0909000111",
        simulated=True,
    ),
    Facility("bv-thu-duc", "Bệnh viện Thủ Đức", "Thu Duc Hospital", SHARD, "79", simulated=True),
)


def _tank(code: str, facility: str, vi: str, en: str, geometry: dict[str, Any], system: str | None) -> Tank:
    gateway = facility.replace("bv-", "gw-")
    return Tank(
        code=code,
        facility=facility,
        name_vi=vi,
        name_en=en,
        geometry=geometry,
        working_pressure_pa=1_000_000.0,
        system=system,
        gateway=gateway,
        supplier="Khí công nghiệp Sài Gòn",
    )


TANKS = (
    _tank("binh-thanh-1", "bv-binh-thanh", "Bồn chính", "Main tank", VERTICAL_10, None),
    _tank("can-gio-1", "bv-can-gio", "Bồn chính", "Main tank", VERTICAL_5, None),
    _tank("cho-lon-1", "bv-cho-lon", "Bồn 1", "Tank 1", VERTICAL_20, "cho-lon-main"),
    _tank("cho-lon-2", "bv-cho-lon", "Bồn 2", "Tank 2", VERTICAL_20, "cho-lon-main"),
    _tank("cho-lon-3", "bv-cho-lon", "Bồn khu B", "Annexe tank", HORIZONTAL_30, "cho-lon-annex"),
    _tank("thu-duc-1", "bv-thu-duc", "Bồn nằm ngang", "Horizontal tank", HORIZONTAL_30, None),
)
REGISTRY = Registry(
    version=0,
    facilities=FACILITIES,
    gateways=tuple(Gateway(one.code.replace("bv-", "gw-"), one.code) for one in FACILITIES),
    tanks=TANKS,
    systems=(
        SupplySystem("cho-lon-annex", "bv-cho-lon", "Khu B", "Annexe"),
        SupplySystem("cho-lon-main", "bv-cho-lon", "Khu chính", "Main building"),
    ),
)


@dataclass(frozen=True)
class Present:
    """How a tank stands now; ages are of the reading."""

    fill_percent: float
    draw_kg_per_h: float
    band: str
    state: str = "ok"
    quality: Quality = Quality.GOOD
    reason: Reason = Reason.OK
    age_s: float = 7.0
    source: str = "live"


PRESENT = {
    "binh-thanh-1": Present(8.4, 85.0, "critical"),
    "can-gio-1": Present(
        61.0, 6.5, "unknown", "fault", Quality.BAD, Reason.WIRE_BREAK, age_s=3 * 3600, source="aged"
    ),
    "cho-lon-1": Present(72.3, 110.0, "normal"),
    "cho-lon-2": Present(
        58.0, 95.0, "unknown", "stale", Quality.BAD, Reason.STALE, age_s=2400, source="aged"
    ),
    "cho-lon-3": Present(27.5, 140.0, "reorder", quality=Quality.UNCERTAIN, reason=Reason.PRESSURE_ASSUMED),
    "thu-duc-1": Present(44.0, 70.0, "normal", "filling"),
}


def physics(tank: Tank) -> physical.Tank:
    return physical.Tank(
        tank.code, tank.facility, physical.parse_geometry(tank.geometry), tank.working_pressure_pa
    )


def mass_of(tank: Tank, fill_percent: float) -> float:
    known = physics(tank)
    return known.heel_kg + fill_percent / 100 * (known.capacity_kg - known.heel_kg)


def present_status(tank: Tank, now_us: int) -> Status:
    """The newest status of a demo tank, worked out half a minute ago at most."""
    at = PRESENT[tank.code]
    known = physics(tank)
    as_of_us = now_us - round(at.age_s * US_PER_S)
    mass = mass_of(tank, at.fill_percent)
    hours = (mass - known.heel_kg) / at.draw_kg_per_h
    return Status(
        v=1,
        subject=tank.subject,
        facility=tank.facility,
        as_of_us=as_of_us,
        evaluated_us=now_us - 3 * US_PER_S,
        source=at.source,
        quality=at.quality,
        reason=at.reason,
        state=at.state,
        band=at.band,
        mass_kg=mass,
        aged_mass_kg=mass - at.draw_kg_per_h * at.age_s / 3600,
        fill_percent=at.fill_percent,
        draw_kg_per_h=at.draw_kg_per_h,
        pressure_pa=1_013_000.0,
        empty_at_p10_us=as_of_us + round(0.87 * hours * US_PER_HOUR),
        empty_at_p50_us=as_of_us + round(hours * US_PER_HOUR),
        empty_at_p90_us=as_of_us + round(1.18 * hours * US_PER_HOUR),
    )


def fill_at(tank: Tank, t_us: int, now_us: int) -> float:
    """Fill percent in the past: a sawtooth of refills that ends at the present fill, with a daily swing."""
    at = PRESENT[tank.code]
    per_day = 24 * at.draw_kg_per_h / (physics(tank).capacity_kg - physics(tank).heel_kg) * 100
    span = 88.0 - 20.0
    back = at.fill_percent + per_day * (now_us - t_us) / US_PER_DAY
    folded = 20.0 + (back - 20.0) % span if back > 88.0 else back
    swing = 0.6 * math.sin(2 * math.pi * (t_us % US_PER_DAY) / US_PER_DAY)
    return folded + swing * min(1.0, (now_us - t_us) / US_PER_DAY)


def history(tank: Tank, now_us: int) -> Iterator[Point]:
    """Derived points every ten minutes, with a hole of six hours twelve days ago."""
    last_us = now_us - round(PRESENT[tank.code].age_s * US_PER_S)
    tags = (("facility", tank.facility), ("subject", tank.subject))
    for t_us in range(now_us - HISTORY_DAYS * US_PER_DAY, last_us, STEP_US):
        days_ago = (now_us - t_us) / US_PER_DAY
        if 12.0 < days_ago < 12.25:
            continue
        fill = fill_at(tank, t_us, now_us)
        yield Point(
            DERIVED,
            tags,
            t_us,
            {
                "fill_percent": fill,
                "mass_kg": mass_of(tank, fill),
                "pressure_pa": 1_000_000.0 + 8_000 * math.sin(t_us / US_PER_HOUR),
                "draw_kg_per_h": PRESENT[tank.code].draw_kg_per_h,
                "quality": "good",
                "reason": "ok",
                "filling": False,
            },
        )


def tank_days(tank: Tank, now_us: int) -> list[TankDay]:
    """Daily rows from the same curve; refills are where it jumps up."""
    days: list[TankDay] = []
    for back in range(HISTORY_DAYS + 1):
        day = local_day(now_us) - timedelta(days=back)
        start_us, end_us = day_bounds_us(day)
        times = range(start_us, min(end_us, now_us), STEP_US)
        masses = [mass_of(tank, fill_at(tank, t_us, now_us)) for t_us in times]
        if len(masses) < 2:
            continue
        steps = zip(times[1:], masses, masses[1:], strict=False)
        refills = tuple(
            Refill(t_us - 40 * MINUTE_US, t_us, after - before, 25.0)
            for t_us, before, after in steps
            if after - before > 500
        )
        refilled = math.fsum(refill.mass_kg for refill in refills)
        days.append(
            TankDay(
                subject=tank.subject,
                local_date=day.isoformat(),
                facility=tank.facility,
                opening_kg=masses[0],
                closing_kg=masses[-1],
                minimum_kg=min(masses),
                refilled_kg=refilled,
                consumed_kg=masses[0] + refilled - masses[-1],
                consumed_sd_kg=18.0,
                refills=refills,
                coverage=0.996,
                expected_samples=8640,
                good_samples=8605,
                from_us=times[0],
                to_us=times[-1],
            )
        )
    return days


async def seed(database: Database, store: TelemetryStore, now_us: int) -> None:
    """Fill empty stores."""
    await database.migrate()
    async with database.write() as tx:
        await registry.import_registry(tx, REGISTRY, actor="demo", now_us=now_us)
        await status.append_statuses(
            tx, SHARD, [present_status(tank, now_us) for tank in TANKS], late=False, written_us=now_us
        )
        days = [day for tank in TANKS for day in tank_days(tank, now_us)]
        await status.put_tank_days(tx, days, now_us)
        for name, password, role in (
            (ADMIN, ADMIN_PASSWORD, "administrator"),
            (VIEWER, VIEWER_PASSWORD, "viewer"),
        ):
            await identity.create_user(
                tx,
                username=name,
                password=password,
                role=role,
                must_change=False,
                actor="demo",
                now_us=now_us,
            )
        await _seed_alarms(tx, now_us)
        await _seed_report(tx, now_us)
    for tank in TANKS:
        await store.write(list(history(tank, now_us)))


async def _seed_alarms(tx: Any, now_us: int) -> None:
    low = {
        "reason": "fill_low",
        "fill_percent": 8.4,
        "mass_kg": 1431.0,
        "aged_mass_kg": 1431.0,
        "draw_kg_per_h": 85.0,
        "as_of_us": now_us - 20 * MINUTE_US,
        "hours_to_empty_p10": 7.2,
        "hours_to_empty_p50": 8.3,
        "limit_percent": 10.0,
        "limit_h": 8.0,
    }
    contact = await messages.put_contact(
        tx,
        Contact("Trực oxy Bình Thạnh", "email", "truc.oxy@binh-thanh.example", "bv-binh-thanh"),
        actor="demo",
        now_us=now_us,
    )
    await messages.put_contact(
        tx,
        Contact(
            "Tổng đài Sở", "webhook", "https://so-y-te.example/hook?key=canary-key", None, "k" * 32, "en"
        ),
        actor="demo",
        now_us=now_us,
    )
    opened = await alarms.open_alarm(
        tx,
        subject="tank:binh-thanh-1",
        facility="bv-binh-thanh",
        rule="low_stock",
        rule_version=0,
        severity="urgent",
        at_us=now_us - 190 * MINUTE_US,
        params={**low, "fill_percent": 19.6},
    )
    await alarms.update_alarm(
        tx, opened.id, at_us=now_us - 20 * MINUTE_US, severity="critical", params=low, kind="worsened"
    )
    await _seed_messages(tx, now_us, opened.id, contact.id)
    await _seed_acknowledged_and_past(tx, now_us)


async def _seed_acknowledged_and_past(tx: Any, now_us: int) -> None:
    fault = await alarms.open_alarm(
        tx,
        subject="tank:can-gio-1",
        facility="bv-can-gio",
        rule="sensor_fault",
        rule_version=0,
        severity="warning",
        at_us=now_us - 179 * MINUTE_US,
        params={
            "reason": "wire_break",
            "fault": "wire_break",
            "as_of_us": now_us - 180 * MINUTE_US,
        },
    )
    await alarms.acknowledge(
        tx, fault.id, actor=ADMIN, now_us=now_us - 120 * MINUTE_US, note="Đã gọi kỹ thuật viên, 14 giờ đến."
    )
    past = await alarms.open_alarm(
        tx,
        subject="tank:thu-duc-1",
        facility="bv-thu-duc",
        rule="stale_data",
        rule_version=0,
        severity="warning",
        at_us=now_us - 3 * US_PER_DAY,
        params={"reason": "stale", "as_of_us": now_us - 3 * US_PER_DAY - 900 * US_PER_S, "silent_s": 900},
    )
    await alarms.clear_alarm(
        tx, past.id, at_us=now_us - 3 * US_PER_DAY + US_PER_HOUR, params={"reason": "heard"}
    )


async def _seed_messages(tx: Any, now_us: int, alarm_id: int, contact_id: int) -> None:
    common: dict[str, Any] = {
        "channel": "email",
        "address": "truc.oxy@binh-thanh.example",
        "locale": "vi",
        "params": {"rule": "low_stock", "contact": "Trực oxy Bình Thạnh"},
        "contact_id": contact_id,
        "alarm_id": alarm_id,
    }
    await messages.enqueue(
        tx,
        [
            OutboxItem(
                key="one", template="alarm_raised", created_us=now_us - 190 * MINUTE_US, priority=2, **common
            ),
            OutboxItem(
                key="two", template="alarm_worsened", created_us=now_us - 20 * MINUTE_US, priority=1, **common
            ),
        ],
    )
    claimed = await messages.claim_due(tx, "demo", now_us - 19 * MINUTE_US, 10, 0)
    await messages.mark_sent(tx, claimed[0].id, "250 2.0.0 queued", now_us=now_us - 19 * MINUTE_US)
    await messages.mark_failed(tx, claimed[1].id, "mail_unreachable", now_us + 5 * MINUTE_US)
    await alarms.add_event(
        tx,
        alarm_id,
        "delivered",
        at_us=now_us - 19 * MINUTE_US,
        params={"contact": "Trực oxy Bình Thạnh", "channel": "email"},
    )
    await messages.add_received_mail(
        tx,
        ReceivedMail(
            received_us=now_us - 19 * MINUTE_US,
            sender="oxywatch@localhost",
            recipients=["truc.oxy@binh-thanh.example"],
            subject="gấp: Bồn chính, Bệnh viện Bình Thạnh: còn 19,6 %",
            body_text="Bồn chính còn 19,6 % lượng oxy dùng được; mức giới hạn là 20 %.\n",
            body_html=(
                "<h1>Bồn chính còn 19,6 %</h1><p style='color:#933f00'>Mức giới hạn là 20 %.</p>"
                "<script>document.title='mail-script-ran'</script>"
                "<img src='https://outside.example/pixel.png' alt=''>"
            ),
        ),
    )


async def _seed_report(tx: Any, now_us: int) -> None:
    yesterday = (local_day(now_us) - timedelta(days=1)).isoformat()
    await reports.save_report(
        tx,
        "bv-cho-lon",
        yesterday,
        0,
        {"tank:cho-lon-2.consumed": Correction(1500.0, "Đồng hồ khoa Hồi sức ghi 1.500 kg")},
        "draft",
        ADMIN,
        now_us - US_PER_HOUR,
        note="Đồng hồ khoa Hồi sức ghi 1.500 kg",
    )
