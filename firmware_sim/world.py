"""The simulated world: moved on by virtual or real time, read through registers, saved and restored.

The plant moves by whole steps, 60 s long before the live start and 10 s after it, counted from the live
start; noise is keyed by the step. The state at a moment therefore depends on scenario, seed and start alone,
not on how often somebody asked. Registers take the plant at its last whole step and the instruments' noise of
the second.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any, NamedTuple

import msgspec

from firmware_sim.demand import Demand
from firmware_sim.history import HISTORY_STEP_S, Past, drawn_kg, plan_past
from firmware_sim.instruments import CHANNELS, AnalogModule
from firmware_sim.scenario import Scenario, System
from firmware_sim.station import Station, StationState
from firmware_sim.story import Story
from firmware_sim.supply import (
    BankDesign,
    BankState,
    bank_pressure_pa,
    change_over,
    draw_from_bank,
    shares,
)
from oxygen import devices
from oxygen.errors import Rejected
from oxygen.units import PA_PER_BAR, STANDARD_ATMOSPHERE_PA, US_PER_DAY, US_PER_S

LIVE_STEP_S = 10


class TankTruth(NamedTuple):
    """What a tank really holds, for comparison with what the product makes of its registers."""

    t_us: int
    mass_kg: float
    fill_percent: float
    pressure_pa: float
    level_m: float
    liquid_m3: float
    differential_pa: float
    draw_kg_per_h: float
    filling: bool
    used_kg: float
    vented_kg: float
    delivered_kg: float


class BankTruth(NamedTuple):
    """What a bank of cylinders really holds."""

    mass_kg: float
    pressure_pa: float
    in_use: bool


class SystemState(msgspec.Struct):
    """What changes about a supply system: the noise of its draw, and its bank."""

    noise: float = 0.0
    bank: BankState | None = None


class WorldState(msgspec.Struct):
    """Everything that changes; see `World.snapshot`.

    Attributes:
        scenario: Digest of the scenario it belongs to.
        live_start_us: When the story's clock is 0.
        stepped_s: End of the last whole step, after the live start.
        now_us: How far the world was moved.
        systems, stations: By code.
    """

    scenario: str
    live_start_us: int
    stepped_s: int
    now_us: int
    systems: dict[str, SystemState]
    stations: dict[str, StationState]


class World:
    """All tanks of a scenario.

    Attributes:
        scenario: As given.
        live_start_us: When the story's clock is 0.
    """

    def __init__(
        self,
        scenario: Scenario,
        start_us: int,
        state: dict[str, Any] | None = None,
        *,
        live_start_us: int | None = None,
    ) -> None:
        """Begin at `start_us`, or go on from a snapshot.

        Args:
            scenario: The world to build.
            start_us: Where a new world begins; ignored with a snapshot.
            state: What `snapshot` returned.
            live_start_us: Not before `start_us`; defaults to it. The time between becomes history.

        Raises:
            Rejected: The snapshot belongs to another scenario, or is no snapshot.
        """
        self.scenario = scenario
        story = Story(scenario)
        self._story = story
        self._stations = {tank.code: Station(scenario, tank, story) for tank in scenario.tanks}
        self._demands = {system.code: _demand(scenario, system) for system in scenario.systems}
        self._banks = {system.code: _bank(system) for system in scenario.systems if system.bank is not None}
        self._members = {
            system.code: [tank.code for tank in scenario.tanks if tank.system == system.code]
            for system in scenario.systems
        }
        self._modules = {
            gateway.code: AnalogModule(devices.load(gateway.module)) for gateway in scenario.gateways
        }
        self._digest = sha256(msgspec.json.encode(scenario)).hexdigest()
        self._images: dict[str, dict[tuple[int, int], int]] = {}
        if state is not None:
            self._state = self._restored(state)
        else:
            self._state = self._begun(start_us, start_us if live_start_us is None else live_start_us)
        self.live_start_us = self._state.live_start_us

    @classmethod
    def at_history_start(cls, scenario: Scenario, live_start_us: int, days: int | None = None) -> World:
        """Return a world some days (default: the scenario's) before its live start.

        Moved on to `live_start_us`, every tank stands at its `start_fill_percent` (tanks on one manifold
        within a few per cent), and the story goes on from there.
        """
        days = scenario.history_days if days is None else days
        return cls(scenario, live_start_us - days * US_PER_DAY, live_start_us=live_start_us)

    @property
    def now_us(self) -> int:
        """How far the world was moved."""
        return self._state.now_us

    def advance(self, to_us: int) -> None:
        """Move on to a time; going back is refused with ValueError."""
        state = self._state
        if to_us < state.now_us:
            raise ValueError(f"the world stands at {state.now_us} µs and cannot go back to {to_us} µs")
        if to_us == state.now_us:
            return
        self._images.clear()
        reach_us = to_us - state.live_start_us
        while True:
            step_s = HISTORY_STEP_S if state.stepped_s < 0 else LIVE_STEP_S
            if (state.stepped_s + step_s) * US_PER_S > reach_us:
                break
            self._step(state.stepped_s, step_s)
            state.stepped_s += step_s
        state.now_us = to_us

    def registers(self, gateway: str) -> dict[tuple[int, int], int]:
        """Return (function, address on the wire) -> word of a gateway's module; KeyError for an unknown code.

        The mapping is valid until the next `advance`; it is not to be changed.
        """
        image = self._images.get(gateway)
        if image is None:
            image = self._images[gateway] = self._modules[gateway].image(self.currents_ma(gateway))
        return image

    def currents_ma(self, gateway: str) -> list[float]:
        """Return the current in each of the module's channels; 0 where nothing is connected."""
        now_s = (self._state.now_us - self.live_start_us) / US_PER_S
        currents = [0.0] * CHANNELS
        for code, station in self._stations.items():
            if station.config.gateway == gateway:
                dp, pressure = station.currents_ma(self._state.stations[code], now_s)
                currents[station.config.dp_channel] = dp
                currents[station.config.pressure_channel] = pressure
        return currents

    def line_fault(self, gateway: str, kind: str) -> bool:
        """Return whether a gateway suffers `network_cut`, `network_half_open` or `module_silent` now."""
        now_s = (self._state.now_us - self.live_start_us) / US_PER_S
        return self._story.line_fault(gateway, kind, now_s)

    def truth(self, tank: str) -> TankTruth:
        """Return what a tank really holds; KeyError for an unknown code."""
        station, state = self._stations[tank], self._state.stations[tank].tank
        taps = station.tank.taps(state)
        return TankTruth(
            t_us=self._state.now_us,
            mass_kg=state.mass_kg,
            fill_percent=station.tank.fill_percent(state.mass_kg),
            pressure_pa=state.pressure_pa,
            level_m=taps.level_m,
            liquid_m3=taps.liquid_m3,
            differential_pa=taps.differential_pa,
            draw_kg_per_h=state.draw_kg_per_h,
            filling=state.filling_kg > 0.0,
            used_kg=state.used_kg,
            vented_kg=state.vented_kg,
            delivered_kg=state.delivered_kg,
        )

    def bank_truth(self, system: str) -> BankTruth:
        """Return what a system's bank really holds; KeyError when it has none."""
        design, state = self._banks[system], self._state.systems[system].bank
        assert state is not None
        return BankTruth(state.mass_kg, bank_pressure_pa(design, state), state.in_use)

    def snapshot(self) -> dict[str, Any]:
        """Return everything that changes as plain JSON types, for the constructor's `state`."""
        built = msgspec.to_builtins(self._state)
        assert isinstance(built, dict)
        return built

    def _restored(self, state: dict[str, Any]) -> WorldState:
        try:
            restored = msgspec.convert(state, WorldState)
        except msgspec.ValidationError as error:
            raise Rejected(f"this is no snapshot of a world: {error}", code="bad_snapshot") from error
        if restored.scenario != self._digest:
            raise Rejected("the snapshot belongs to another scenario", code="other_scenario")
        return restored

    def _begun(self, start_us: int, live_start_us: int) -> WorldState:
        history_s = (live_start_us - start_us) // US_PER_S // HISTORY_STEP_S * HISTORY_STEP_S
        if live_start_us < start_us:
            raise ValueError("the live start lies before the start")
        stations = {}
        for system, codes in self._members.items():
            sums = self._drawn_kg(system, -history_s, live_start_us / US_PER_S)
            shared = [total / len(codes) for total in sums]
            for code in codes:
                past = self._past(code, shared, live_start_us / US_PER_S)
                stations[code] = self._stations[code].new_state(past.start_kg, past.deliveries)
        systems = {
            code: SystemState(bank=BankState(self._banks[code].full_kg) if code in self._banks else None)
            for code in self._demands
        }
        return WorldState(self._digest, live_start_us, -history_s, start_us, systems, stations)

    def _drawn_kg(self, system: str, start_s: int, epoch_s: float) -> list[float]:
        def surge(now_s: float) -> float:
            return self._story.surge_factor(system, now_s)

        return drawn_kg(self._demands[system], surge, start_s, epoch_s)

    def _past(self, code: str, sums: list[float], epoch_s: float) -> Past:
        station = self._stations[code]
        return plan_past(
            sums,
            seed=self.scenario.seed,
            tank=code,
            end_kg=station.tank.mass_at_fill_kg(station.config.start_fill_percent),
            habit=station.config.deliveries,
            mass_at_fill_kg=station.tank.mass_at_fill_kg,
            epoch_s=epoch_s,
        )

    def _step(self, from_s: int, step_s: int) -> None:
        epoch_s = self._state.live_start_us / US_PER_S
        rate = self.scenario.rate if from_s >= 0 else 1.0
        for system, codes in self._members.items():
            state, demand = self._state.systems[system], self._demands[system]
            state.noise = demand.next_noise(state.noise, from_s, step_s)
            draw = demand.draw_kg_per_h(epoch_s + from_s, state.noise) * rate
            draw *= self._story.surge_factor(system, from_s)
            members = [(self._stations[code], self._state.stations[code]) for code in codes]
            if state.bank is not None:
                draw = self._after_bank(system, state.bank, members, draw, step_s)
            split = shares(
                [member.tank.pressure_pa for _, member in members],
                [station.tank.available_kg(member.tank) for station, member in members],
            )
            for (station, member), share in zip(members, split, strict=True):
                station.arrivals(member, from_s, from_s + step_s, epoch_s)
                station.move(member, draw * share, rate, from_s, step_s)

    def _after_bank(
        self,
        system: str,
        bank: BankState,
        members: list[tuple[Station, StationState]],
        draw_kg_per_h: float,
        step_s: int,
    ) -> float:
        fills = [station.tank.fill_percent(member.tank.mass_kg) for station, member in members]
        change_over(self._banks[system], bank, fills)
        if not bank.in_use:
            return draw_kg_per_h
        hours = step_s / 3600
        return draw_from_bank(bank, draw_kg_per_h * hours) / hours


def _demand(scenario: Scenario, system: System) -> Demand:
    return Demand(
        scenario.seed,
        system.code,
        base_kg_per_h=system.demand_kg_per_h,
        diurnal_amplitude=system.diurnal_amplitude,
        weekday_amplitude=system.weekday_amplitude,
        noise_sd=system.noise,
        noise_correlation_h=system.noise_correlation_h,
    )


def _bank(system: System) -> BankDesign:
    assert system.bank is not None
    return BankDesign(
        cylinders=system.bank.cylinders,
        shell_l=system.bank.shell_l,
        full_pa=system.bank.full_bar * PA_PER_BAR + STANDARD_ATMOSPHERE_PA,
        change_over_under_percent=system.bank.change_over_under_percent,
    )
