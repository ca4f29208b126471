"""What happens in the simulated world: hospitals, tanks, instruments, a story; a file that people write."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from firmware_sim.vessel import Head, Orientation, Shape

Code = Annotated[str, msgspec.Meta(pattern="^[a-z0-9-]{1,32}$")]
Positive = Annotated[float, msgspec.Meta(gt=0)]
NotNegative = Annotated[float, msgspec.Meta(ge=0)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Port = Annotated[int, msgspec.Meta(ge=0, le=65535)]

TankEvent = Literal["run_down", "refill", "surge"]
SignalFault = Literal[
    "wire_break", "fail_low", "fail_high", "stuck", "offset", "drift", "follows_pressure", "plugged"
]
LineFault = Literal["network_cut", "network_half_open", "module_silent"]
EventKind = Literal[TankEvent, SignalFault, LineFault]
SignalName = Literal["dp", "pressure"]

TANK_EVENTS = ("run_down", "refill", "surge")
SIGNAL_FAULTS = (
    "wire_break",
    "fail_low",
    "fail_high",
    "stuck",
    "offset",
    "drift",
    "follows_pressure",
    "plugged",
)
LINE_FAULTS = ("network_cut", "network_half_open", "module_silent")


class Noise(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Noise of the transmitters, per cent of span: each second's own, and the slow one of two hours."""

    dp_white_percent: NotNegative = 0.08
    dp_slow_percent: NotNegative = 0.08
    pressure_white_percent: NotNegative = 0.05
    pressure_slow_percent: NotNegative = 0.05


class Line(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The gateway's line to the centre: where it listens and where it leads; port 0 is settled at start."""

    host: str = "127.0.0.1"
    port: Port = 0
    target_host: str = ""
    target_port: Port = 0


class Gateway(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A module at a hospital, and the line of the agent that reads it.

    Attributes:
        code: Of the gateway.
        facility: Of the hospital.
        module: Name of a profile in oxygen/devices.
        unit: Modbus unit id that answers.
        host: Where the module listens.
        port: 0 takes the kernel's choice.
        altitude_m: Of the site; gauge transmitters feel its air.
        line: Present when the story may cut the line.
    """

    code: Code
    facility: Code
    module: str = "moxa-iologik-e1240"
    unit: Annotated[int, msgspec.Meta(ge=0, le=247)] = 1
    host: str = "127.0.0.1"
    port: Port = 0
    altitude_m: Annotated[float, msgspec.Meta(ge=-500, le=5000)] = 5.0
    line: Line | None = None


class Bank(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Reserve cylinders of a supply system; `full_bar` is gauge."""

    code: Code
    cylinders: Annotated[int, msgspec.Meta(ge=1)] = 20
    shell_l: Positive = 40.0
    full_bar: Positive = 147.0
    change_over_under_percent: float = 3.0


class System(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Tanks on one manifold and the wards behind it.

    Attributes:
        code: Of the supply system.
        demand_kg_per_h: Mean draw of the wards.
        diurnal_amplitude: Share of the mean by which the day swings.
        weekday_amplitude: The same for the week.
        noise: Standard deviation of the draw's noise, share of the mean.
        noise_correlation_h: How long that noise remembers.
        bank: Reserve cylinders, if any.
    """

    code: Code
    demand_kg_per_h: NotNegative
    diurnal_amplitude: Share = 0.14
    weekday_amplitude: Share = 0.04
    noise: Share = 0.06
    noise_correlation_h: Positive = 1.0
    bank: Bank | None = None


class Deliveries(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The supplier's habit: order when under a limit, arrive by day after a lead time, fill to a mark."""

    under_percent: float = 35.0
    to_percent: float = 90.0
    kg_per_min: Positive = 200.0
    lead_h: NotNegative = 6.0


class Tank(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A tank with its two transmitters.

    Attributes:
        code: Of the tank.
        gateway: Whose module reads it.
        system: Which manifold it feeds.
        dp_channel: Channel of the level transmitter.
        pressure_channel: Channel of the pressure transmitter.
        orientation, inner_diameter_m, cylinder_length_m, head, head_depth_m: See `firmware_sim.vessel.Shape`.
        working_pressure_bar: Absolute.
        fill_limit_fraction: Liquid volume over inner volume at 100 % of fill.
        heel_fraction: The same at 0 % of fill.
        start_fill_percent: Fill at the live start, whatever history led to it.
        evaporation_percent_per_day: Of the full content, at rest.
        cold_share: Share of a delivery that settles cold at the bottom.
        cold_hours: Time constant of that layer.
        tanker_bar: Absolute pressure at which the tanker's liquid boils.
        dp_at_4_ma_mbar, dp_at_20_ma_mbar: Span of the level transmitter.
        pressure_at_4_ma_bar, pressure_at_20_ma_bar: Span of the pressure transmitter, gauge.
        reference_leg_c: Temperature of the gas in the instrument's lines.
        deliveries: The supplier's habit; without it nobody comes but by the story.
    """

    code: Code
    gateway: Code
    system: Code
    dp_channel: Annotated[int, msgspec.Meta(ge=0, le=7)]
    pressure_channel: Annotated[int, msgspec.Meta(ge=0, le=7)]
    orientation: Orientation
    inner_diameter_m: Positive
    cylinder_length_m: NotNegative
    head: Head = "ellipsoidal"
    head_depth_m: NotNegative | None = None
    working_pressure_bar: Annotated[float, msgspec.Meta(ge=2, le=25)]
    fill_limit_fraction: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.95
    heel_fraction: Annotated[float, msgspec.Meta(ge=0, lt=1)] = 0.05
    start_fill_percent: Annotated[float, msgspec.Meta(ge=-5, le=105)]
    evaporation_percent_per_day: NotNegative = 0.25
    cold_share: Share = 0.5
    cold_hours: Positive = 12.0
    tanker_bar: Annotated[float, msgspec.Meta(ge=1, le=10)] = 2.0
    dp_at_4_ma_mbar: float = 0.0
    dp_at_20_ma_mbar: float
    pressure_at_4_ma_bar: float = 0.0
    pressure_at_20_ma_bar: float = 16.0
    reference_leg_c: float = 30.0
    deliveries: Deliveries | None = None

    @property
    def shape(self) -> Shape:
        """The inner vessel."""
        return Shape(
            self.orientation, self.inner_diameter_m, self.cylinder_length_m, self.head, self.head_depth_m
        )


class Event(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something that happens; times are seconds after the live start, negative ones lie in the history.

    Attributes:
        kind: To a tank: `run_down` (drawn to a level by a time), `refill`, `surge` (the wards draw more). To
            a transmitter: `wire_break`, `fail_low`, `fail_high`, `stuck`, `offset`, `drift`, and to its lines
            `follows_pressure` (top blocked), `plugged` (bottom blocked). To a gateway: `network_cut`,
            `network_half_open`, `module_silent`.
        at_s: When it begins.
        until_s: When a fault, a surge or a cut ends.
        tank: Whom it befalls.
        gateway: Whose line or module.
        signal: Which transmitter of the tank.
        to_fill_percent: Where a run-down or a refill ends.
        over_s: How long a run-down takes.
        kg_per_min: The tanker's pump.
        kg: Mass of a refill, instead of `to_fill_percent`.
        factor: By which a surge multiplies the draw of the tank's system.
        value: Per cent of span of an offset, per cent of span per hour of a drift.
        repeat: Whether it comes again with the story.
    """

    kind: EventKind
    at_s: float
    until_s: float | None = None
    tank: str = ""
    gateway: str = ""
    signal: SignalName = "dp"
    to_fill_percent: float | None = None
    over_s: Positive | None = None
    kg_per_min: Positive = 200.0
    kg: Positive | None = None
    factor: Positive = 1.0
    value: float = 0.0
    repeat: bool = True


class Scenario(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole world.

    Attributes:
        seed: Of all chance.
        rate: Multiplies draw, evaporation and the tanker's pump after the live start; time itself never.
        history_days: How long the plant has run before the live start.
        repeat_every_s: After which the events begin again; 0 is never.
        noise: Of the transmitters.
        gateways, systems, tanks, events: See there.
    """

    seed: int = 1
    rate: Positive = 1.0
    history_days: Annotated[int, msgspec.Meta(ge=0, le=400)] = 0
    repeat_every_s: NotNegative = 0.0
    noise: Noise = Noise()
    gateways: tuple[Gateway, ...]
    systems: tuple[System, ...]
    tanks: tuple[Tank, ...]
    events: tuple[Event, ...] = ()

    def tanks_of(self, gateway: str) -> list[Tank]:
        """Return the tanks that a gateway's module reads."""
        return [tank for tank in self.tanks if tank.gateway == gateway]
