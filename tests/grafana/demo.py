"""Three hours of the demo hospitals, in both stores, written by the code that writes them in production.

Chợ Lớn is quiet and had a delivery two hours ago; Bình Thạnh runs low; Thủ Đức's gateway went offline 40
minutes ago; Cần Giờ's level transmitter lost its wire five minutes ago, its gateway the network just now.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from ingest.arrival import Arrival
from ingest.health import Health, _gateway_fields
from ingest.points import derived_point, raw_point
from oxygen.engine import Derived
from oxygen.reading import DIFFERENTIAL_PRESSURE, TANK_PRESSURE, Quality, Reason, Sample, Signal
from oxygen.units import US_PER_HOUR, US_PER_S
from oxygen.wire.payloads import VERSION, BusState, GatewayState
from telemetry.contract import GATEWAY, Point

MINUTE_US = 60 * US_PER_S
AHEAD_US = 5 * MINUTE_US
SPAN_US = 3 * US_PER_HOUR
WIRE_BROKE_US = 5 * MINUTE_US
WENT_OFFLINE_US = 40 * MINUTE_US
JUST_WENT_OFFLINE_US = 30 * US_PER_S
DELIVERY_FROM_US, DELIVERY_TO_US = 120 * MINUTE_US, 110 * MINUTE_US
DELIVERED_KG = 2400.0


@dataclass(frozen=True)
class DemoTank:
    """A tank three hours ago, and how fast it empties; capacity and heel in kg of oxygen."""

    code: str
    facility: str
    gateway: str
    mass_kg: float
    capacity_kg: float
    heel_kg: float
    draw_kg_per_h: float
    pressure_pa: float

    @property
    def subject(self) -> str:
        return f"tank:{self.code}"

    def fill_percent(self, mass_kg: float) -> float:
        return 100 * (mass_kg - self.heel_kg) / (self.capacity_kg - self.heel_kg)


TANKS = (
    DemoTank("cho-lon-1", "bv-cho-lon", "gw-cho-lon", 13_000, 18_900, 900, 48, 1_000_000),
    DemoTank("cho-lon-2", "bv-cho-lon", "gw-cho-lon", 12_100, 18_900, 900, 48, 1_000_000),
    DemoTank("cho-lon-3", "bv-cho-lon", "gw-cho-lon", 22_500, 27_900, 1_400, 92, 1_200_000),
    DemoTank("binh-thanh-1", "bv-binh-thanh", "gw-binh-thanh", 2_350, 9_300, 480, 46, 1_100_000),
    DemoTank("thu-duc-1", "bv-thu-duc", "gw-thu-duc", 9_200, 18_700, 920, 62, 1_000_000),
    DemoTank("can-gio-1", "bv-can-gio", "gw-can-gio", 2_900, 4_600, 230, 11, 1_100_000),
)
SILENT, BROKEN, REFILLED = "tank:thu-duc-1", "tank:can-gio-1", "tank:cho-lon-1"
OFFLINE, JUST_OFFLINE = "gw-thu-duc", "gw-can-gio"
OFFLINE_FOR_US = {OFFLINE: WENT_OFFLINE_US, JUST_OFFLINE: JUST_WENT_OFFLINE_US}


def moments(now_us: int, until_us: int = 0) -> list[int]:
    """Return reading times: every minute, and every 10 s in the last ten minutes.

    A negative `until_us` goes on into the future, so that what must be seconds old stays so while tests run.
    """
    old = range(now_us - SPAN_US, now_us - 10 * MINUTE_US, MINUTE_US)
    new = range(now_us - 10 * MINUTE_US, now_us + AHEAD_US, 10 * US_PER_S)
    return [t_us for t_us in (*old, *new) if t_us < now_us - until_us]


def tank_points(now_us: int) -> Iterator[Point]:
    """Yield raw and derived points of every tank."""
    for tank in TANKS:
        for seq, t_us in enumerate(moments(now_us, WENT_OFFLINE_US if tank.subject == SILENT else 0), 1):
            broken = tank.subject == BROKEN and t_us >= now_us - WIRE_BROKE_US
            mass_kg, filling = _contents(tank, t_us, now_us)
            yield raw_point(_arrival(tank, seq, t_us, None if broken else mass_kg), tank.facility)
            yield derived_point(tank.subject, tank.facility, _derived(tank, t_us, mass_kg, filling, broken))


def _contents(tank: DemoTank, t_us: int, now_us: int) -> tuple[float, bool]:
    since_start_h = (t_us - (now_us - SPAN_US)) / US_PER_HOUR
    mass_kg = tank.mass_kg - tank.draw_kg_per_h * since_start_h
    begin_us, end_us = now_us - DELIVERY_FROM_US, now_us - DELIVERY_TO_US
    if tank.subject != REFILLED:
        return mass_kg, False
    delivered = min(max((t_us - begin_us) / (end_us - begin_us), 0.0), 1.0)
    return mass_kg + DELIVERED_KG * delivered, begin_us <= t_us <= end_us


def _arrival(tank: DemoTank, seq: int, t_us: int, mass_kg: float | None) -> Arrival:
    if mass_kg is None:
        level = Signal(None, Quality.BAD, Reason.WIRE_BREAK, 0.0)
    else:
        level = Signal(2.2 * mass_kg, raw=4 + 16 * mass_kg / tank.capacity_kg)
    pressure = Signal(tank.pressure_pa, raw=12.5)
    signals = {DIFFERENTIAL_PRESSURE: level, TANK_PRESSURE: pressure}
    return Arrival(Sample(tank.subject, seq, t_us, "boot-1", t_us, signals), tank.gateway, "epoch-1", False)


def _derived(tank: DemoTank, t_us: int, mass_kg: float, filling: bool, broken: bool) -> Derived:
    known = None if broken else mass_kg
    hours = (mass_kg - tank.heel_kg) / tank.draw_kg_per_h
    return Derived(
        t_us=t_us,
        mass_kg=known,
        quality=Quality.BAD if broken else Quality.GOOD,
        reason=Reason.WIRE_BREAK if broken else Reason.OK,
        fill_percent=None if broken else tank.fill_percent(mass_kg),
        level_fraction=None if broken else mass_kg / tank.capacity_kg * 0.95,
        pressure_pa=tank.pressure_pa,
        smoothed_kg=mass_kg,
        filling=filling,
        draw_kg_per_h=tank.draw_kg_per_h,
        hours_to_empty_p10=hours * 0.8,
        hours_to_empty_p50=hours,
        hours_to_empty_p90=hours * 1.3,
    )


def gateway_points(now_us: int) -> Iterator[Point]:
    """Yield what ingest writes about the gateways; of an offline one it goes on writing its last will."""
    for gateway, facility in sorted({(tank.gateway, tank.facility) for tank in TANKS}):
        for i, t_us in enumerate(moments(now_us, -AHEAD_US)):
            offline_us = t_us - (now_us - OFFLINE_FOR_US.get(gateway, 0))
            online = offline_us < 0
            age_us = 4 * US_PER_S if online else offline_us
            tags = (("facility", facility), ("gateway", gateway))
            yield Point(GATEWAY, tags, t_us, _gateway_fields(_state(t_us, i, online), age_us))


def _state(t_us: int, i: int, online: bool) -> GatewayState:
    if not online:
        return GatewayState(VERSION, False, "boot-1", "epoch-1", "0.1.0")
    return GatewayState(
        v=VERSION,
        online=True,
        boot="boot-1",
        epoch="epoch-1",
        software="0.1.0",
        t_us=t_us,
        clock_synchronised=True,
        last_seq=1000 + i,
        spool_rows=3 + i % 4,
        spool_bytes=1_200_000,
        spool_hours_left=900.0,
        oldest_unstored_us=t_us - 12 * US_PER_S,
        buses={"e1240": BusState(answering=True)},
    )


def ingest_points(now_us: int) -> Iterator[Point]:
    """Yield what ingest writes about itself, by its own code."""
    for i, t_us in enumerate(moments(now_us, -AHEAD_US)):
        yield _ingest_point(t_us, i)


def _ingest_point(t_us: int, i: int) -> Point:
    counters: Any = SimpleNamespace(
        messages=4 * i, samples=24 * i, repeated=i // 7, letters=i // 50, let_go=i // 90, unknown_gateways=0
    )
    writer: Any = SimpleNamespace(problem="", waiting_points=i % 30)
    shard: Any = SimpleNamespace(
        book=SimpleNamespace(totals=lambda: (24 * i, 24 * i - 6, 6)),
        engines={"tank:cho-lon-1": SimpleNamespace(is_dirty=False, live=SimpleNamespace(count=24 * i))},
    )
    session: Any = SimpleNamespace(dropped=0)
    health = Health(session, writer, counters, lambda: shard, instance="ingest-1", every_s=10)
    return health._ingest_point(t_us)


def all_points(now_us: int) -> Iterable[Point]:
    """Return everything of the time series."""
    return [*tank_points(now_us), *gateway_points(now_us), *ingest_points(now_us)]
