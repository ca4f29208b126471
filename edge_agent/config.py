"""Reads an agent's configuration file; whatever is wrong in it is refused, all at once."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from broker_link import BrokerSettings
from edge_agent.settings import AgentConfig, BusConfig, PublishSettings, Seconds, SignalConfig, TankConfig
from oxygen import devices
from oxygen.devices import DeviceProfile, Point
from oxygen.errors import BadConfiguration
from oxygen.reading import DIFFERENTIAL_PRESSURE, TANK_PRESSURE
from oxygen.subjects import CODE_PATTERN, subject
from oxygen.toml_file import TomlFile, convert, read_toml, refuse
from oxygen.units import PRESSURE_UNITS_PA, atmosphere_at_altitude_pa, pressure_to_pa
from oxygen.wire.topics import GatewayAddress

Code = Annotated[str, Meta(pattern=f"^{CODE_PATTERN}$")]
_QUANTITY = re.compile(r"\s*([+-]?\d+(?:\.\d+)?)\s*(\S+)\s*")
_QUANTITY_EXPECTED = 'a number with a unit, as "850 mbar"; units are ' + ", ".join(PRESSURE_UNITS_PA)
_MIB = 1024 * 1024
DESIRED_NAME = "configuration"
"""What errors call the body that comes from the centre."""


class GatewayTable(msgspec.Struct, frozen=True):
    """`[gateway]`."""

    code: Code
    facility: Code
    shard: Code
    altitude_m: Annotated[float, Meta(ge=-500, le=6000)]
    data_dir: str = "."
    trust_clock: bool = False


class SpoolTable(msgspec.Struct, frozen=True):
    """`[spool]`."""

    path: str = ""
    max_bytes: Annotated[int, Meta(ge=_MIB)] = 256 * _MIB


class PollTable(msgspec.Struct, frozen=True):
    """`[poll]`."""

    every_s: Annotated[float, Meta(ge=1, le=60)] = 10.0
    batch_s: Annotated[float, Meta(ge=0, le=3600)] = 10.0


class BusTable(msgspec.Struct, frozen=True):
    """`[[bus]]`."""

    name: Code
    kind: Literal["modbus-tcp"]
    host: Annotated[str, Meta(min_length=1)]
    port: Annotated[int, Meta(ge=1, le=65535)] = 502
    timeout_s: Seconds = 2.0


class SignalTable(msgspec.Struct, frozen=True):
    """`dp` of a tank. The two ends are typed as people write them, with a unit."""

    point: str
    at_4_ma: str | float | None = None
    at_20_ma: str | float | None = None


class PressureTable(SignalTable, frozen=True, kw_only=True):
    """`pressure` of a tank; whether it is gauge has to be said, there is no harmless guess."""

    gauge: bool


class TankTable(msgspec.Struct, frozen=True):
    """`[[tank]]`."""

    code: Code
    bus: str
    device: str
    unit: Annotated[int, Meta(ge=0, le=255)]
    dp: SignalTable
    pressure: PressureTable | None = None


class AgentTable(msgspec.Struct, frozen=True):
    """The whole file."""

    gateway: GatewayTable
    broker: BrokerSettings
    bus: list[BusTable]
    tank: list[TankTable]
    spool: SpoolTable = SpoolTable()
    poll: PollTable = PollTable()
    publish: PublishSettings = PublishSettings()


def load_config(path: str | Path) -> AgentConfig:
    """Return the configuration of one gateway.

    Relative paths start at `data_dir`, and `data_dir` at the folder of the file.

    Raises:
        BadConfiguration: With file, line, key, what was found and what was expected; the caller stops.
    """
    return _resolved(read_toml(path), path)


def _resolved(file: TomlFile, path: str | Path) -> AgentConfig:
    table = convert(file, AgentTable)
    reader = _Reader(file, table)
    tanks = reader.tanks()
    refuse(reader.problems)
    folder = Path(path).resolve().parent / table.gateway.data_dir
    gateway = table.gateway
    return AgentConfig(
        address=GatewayAddress(gateway.shard, gateway.facility, gateway.code),
        broker=_broker_from(folder, table.broker),
        spool_path=folder / (table.spool.path or f"{gateway.code}.spool.sqlite"),
        spool_max_bytes=table.spool.max_bytes,
        every_s=table.poll.every_s,
        batch_s=table.poll.batch_s,
        trust_clock=gateway.trust_clock,
        publish=table.publish,
        buses=tuple(_bus(entry, tanks) for entry in table.bus),
        file=Path(path),
    )


def _broker_from(folder: Path, broker: BrokerSettings) -> BrokerSettings:
    names = ("password_file", "ca_file", "cert_file", "key_file")
    found = {name: str(folder / value) for name in names if (value := getattr(broker, name))}
    return msgspec.structs.replace(broker, **found)


def _bus(entry: BusTable, tanks: list[tuple[str, TankConfig]]) -> BusConfig:
    mine = tuple(tank for bus, tank in tanks if bus == entry.name)
    return BusConfig(name=entry.name, host=entry.host, port=entry.port, timeout_s=entry.timeout_s, tanks=mine)


class DesiredSpoolTable(msgspec.Struct, frozen=True):
    """`[spool]` of a desired configuration; where the file lies is the gateway's own matter."""

    max_bytes: Annotated[int, Meta(ge=_MIB)] = 256 * _MIB


class DesiredTable(msgspec.Struct, frozen=True):
    """What the centre may set. Not who the gateway is nor how it reaches the broker: it stays reachable."""

    bus: list[BusTable]
    tank: list[TankTable]
    spool: DesiredSpoolTable = DesiredSpoolTable()
    poll: PollTable = PollTable()
    publish: PublishSettings = PublishSettings()


def with_desired(path: str | Path, body: str) -> AgentConfig:
    """Return the configuration of a gateway whose file is at `path`, with what the centre sets in `body`.

    A table of the body takes the place of the file's whole table.

    Raises:
        BadConfiguration: As `load_config`, with lines of the body for what stands there.
    """
    local = read_toml(path)
    convert(local, AgentTable)
    desired = TomlFile(DESIRED_NAME, body)
    convert(desired, DesiredTable)
    spool = {**local.data.get("spool", {}), **desired.data.get("spool", {})}
    desired.data = {**local.data, **desired.data, "spool": spool}
    return _resolved(desired, path)


def check_desired(body: str) -> tuple[str, ...]:
    """Return the tank codes of a desired configuration that some gateway can work by.

    Raises:
        BadConfiguration: Every gateway would refuse it.
    """
    desired = TomlFile(DESIRED_NAME, body)
    convert(desired, DesiredTable)
    somewhere = {"code": "any", "facility": "any", "shard": "any", "altitude_m": 0}
    desired.data = {**desired.data, "gateway": somewhere, "broker": {}}
    config = _resolved(desired, "any")
    return tuple(entry.subject.partition(":")[2] for entry in config.tanks)


class _Reader:
    """Resolves the names in the file and collects what cannot be resolved."""

    def __init__(self, file: TomlFile, table: AgentTable) -> None:
        self.problems: list[BadConfiguration] = []
        self._file = file
        self._table = table
        self._profiles: dict[str, DeviceProfile] = {}
        self._atmosphere_pa = atmosphere_at_altitude_pa(table.gateway.altitude_m)

    def tanks(self) -> list[tuple[str, TankConfig]]:
        """Return (bus name, tank) of every tank that could be resolved."""
        self._unique("bus", "name", [bus.name for bus in self._table.bus])
        self._unique("tank", "code", [tank.code for tank in self._table.tank])
        if not self._table.tank:
            self._refuse("tank", "no tank", "at least one [[tank]]")
        buses = [bus.name for bus in self._table.bus]
        resolved = []
        for index, entry in enumerate(self._table.tank):
            key = f"tank[{index}]"
            if entry.bus not in buses:
                self._refuse(f"{key}.bus", repr(entry.bus), "one of " + ", ".join(buses))
            profile = self._profile(f"{key}.device", entry.device)
            if profile is not None:
                resolved.append((entry.bus, self._tank(key, entry, profile)))
        return resolved

    def _tank(self, key: str, entry: TankTable, profile: DeviceProfile) -> TankConfig:
        signals = [self._signal(f"{key}.dp", entry.dp, profile, DIFFERENTIAL_PRESSURE, gauge=False)]
        if entry.pressure is not None:
            gauge = entry.pressure.gauge
            signals.append(
                self._signal(f"{key}.pressure", entry.pressure, profile, TANK_PRESSURE, gauge=gauge)
            )
        return TankConfig(
            subject=subject("tank", entry.code),
            unit=entry.unit,
            profile=profile,
            signals=tuple(signal for signal in signals if signal is not None),
        )

    def _signal(
        self, key: str, entry: SignalTable, profile: DeviceProfile, name: str, *, gauge: bool
    ) -> SignalConfig | None:
        point = profile.point(entry.point)
        if point is None:
            usable = ", ".join(point.name for point in profile.points if _is_measurement(point))
            self._refuse(f"{key}.point", repr(entry.point), f"a point of {profile.name}: {usable}")
            return None
        if not _is_measurement(point):
            self._refuse(f"{key}.point", repr(entry.point), "a point that is a current or a pressure")
            return None
        low = self._end(f"{key}.at_4_ma", entry.at_4_ma, point)
        high = self._end(f"{key}.at_20_ma", entry.at_20_ma, point)
        if low is not None and low == high:
            self._refuse(f"{key}.at_20_ma", repr(entry.at_20_ma), "another pressure than at_4_ma")
        return SignalConfig(
            name=name,
            point=point,
            status=profile.point(point.status) if point.status else None,
            at_4_ma_pa=low,
            at_20_ma_pa=high,
            pa_per_unit=PRESSURE_UNITS_PA.get(point.unit),
            atmosphere_pa=self._atmosphere_pa if gauge else 0.0,
        )

    def _end(self, key: str, value: str | float | None, point: Point) -> float | None:
        """Return one end of a span, Pa; None when the point has no span or the end is refused."""
        if point.unit != "mA":
            if value is not None:
                self._refuse(key, repr(value), f"nothing: {point.name} is measured in {point.unit} already")
            return None
        match = _QUANTITY.fullmatch(value) if isinstance(value, str) else None
        if match is None or match[2] not in PRESSURE_UNITS_PA or not math.isfinite(float(match[1])):
            self._refuse(key, "nothing" if value is None else repr(value), _QUANTITY_EXPECTED)
            return None
        return pressure_to_pa(float(match[1]), match[2])

    def _profile(self, key: str, name: str) -> DeviceProfile | None:
        if name not in devices.names():
            self._refuse(key, repr(name), "one of " + ", ".join(devices.names()))
            return None
        if name not in self._profiles:
            self._profiles[name] = devices.load(name)
        return self._profiles[name]

    def _unique(self, table: str, field: str, values: list[str]) -> None:
        for index, value in enumerate(values):
            if value in values[:index]:
                self._refuse(f"{table}[{index}].{field}", f"{value!r} a second time", f"a {field} of its own")

    def _refuse(self, key: str, found: str, expected: str) -> None:
        self.problems.append(self._file.problem(key, found=found, expected=expected))


def _is_measurement(point: Point) -> bool:
    return point.unit == "mA" or point.unit in PRESSURE_UNITS_PA
