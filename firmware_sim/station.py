"""A tank with its instruments, its supplier and what befalls it: all between the wards and the loop."""

from __future__ import annotations

from math import exp, floor, sqrt

import msgspec

from firmware_sim import scenario as plan
from firmware_sim.instruments import ActiveFault, Transmitter, loop_current_ma
from firmware_sim.noise import gauss, key, uniform
from firmware_sim.plant import Tank, TankDesign, TankState
from firmware_sim.story import Story
from oxygen.units import PA_PER_BAR, PRESSURE_UNITS_PA, atmosphere_at_altitude_pa

SLOW_NOISE_S = 7200.0
_KELVIN = 273.15
_LOCAL_OFFSET_S = 7 * 3600
_FIRST_DELIVERY_S = 6 * 3600
_LAST_DELIVERY_S = 19 * 3600
_DAY_S = 86_400


class PlannedDelivery(msgspec.Struct, frozen=True):
    """A tanker's visit in the history: `start_s` relative to the live start, negative."""

    start_s: float
    mass_kg: float


class RunDown(msgspec.Struct, frozen=True):
    """A draw that brings the tank to a mass by a moment."""

    target_kg: float
    end_s: float


class StationState(msgspec.Struct):
    """What changes about a station.

    Attributes:
        tank: The plant's state.
        dp_slow, pressure_slow: Slow noise of the transmitters, in standard deviations.
        planned: Visits of the history still to come, in order.
        run_down: A story's draw at work.
        order_due_s: When the ordered tanker comes; None when nothing is ordered.
        faults: By signal.
    """

    tank: TankState
    dp_slow: float = 0.0
    pressure_slow: float = 0.0
    planned: list[PlannedDelivery] = []
    run_down: RunDown | None = None
    order_due_s: float | None = None
    faults: dict[str, ActiveFault] = {}


def by_day(t_s: float) -> float:
    """Return the same moment, or the next morning when no tanker drives (19:00 to 06:00 in Vietnam)."""
    local = (t_s + _LOCAL_OFFSET_S) % _DAY_S
    if local < _FIRST_DELIVERY_S:
        return t_s + _FIRST_DELIVERY_S - local
    if local >= _LAST_DELIVERY_S:
        return t_s + _DAY_S - local + _FIRST_DELIVERY_S
    return t_s


def delivers_at(t_s: float) -> bool:
    """Return whether tankers drive at this time (s since 1970 UTC)."""
    return by_day(t_s) == t_s


def tank_design(tank: plan.Tank, usual_draw_kg_per_h: float) -> TankDesign:
    """Return the plant's description of a scenario's tank."""
    return TankDesign(
        shape=tank.shape,
        working_pressure_pa=tank.working_pressure_bar * PA_PER_BAR,
        fill_limit_fraction=tank.fill_limit_fraction,
        heel_fraction=tank.heel_fraction,
        evaporation_percent_per_day=tank.evaporation_percent_per_day,
        usual_draw_kg_per_h=max(usual_draw_kg_per_h, 0.1),
        cold_share=tank.cold_share,
        cold_hours=tank.cold_hours,
        tanker_pressure_pa=tank.tanker_bar * PA_PER_BAR,
        reference_leg_k=tank.reference_leg_c + _KELVIN,
    )


class Station:
    """Moves a station's state; holds only what does not change.

    Attributes:
        config: The scenario's tank.
        tank: Its plant.
    """

    def __init__(self, scenario: plan.Scenario, config: plan.Tank, story: Story) -> None:
        """Build plant and transmitters."""
        members = [tank for tank in scenario.tanks if tank.system == config.system]
        demand = next(system.demand_kg_per_h for system in scenario.systems if system.code == config.system)
        altitude = next(gw.altitude_m for gw in scenario.gateways if gw.code == config.gateway)
        self.config = config
        self.tank = Tank(tank_design(config, demand / len(members)))
        self._story = story
        self._air_pa = atmosphere_at_altitude_pa(altitude)
        noise, mbar = scenario.noise, PRESSURE_UNITS_PA["mbar"]
        self._dp = Transmitter(
            config.dp_at_4_ma_mbar * mbar,
            config.dp_at_20_ma_mbar * mbar,
            noise.dp_white_percent / 100,
            noise.dp_slow_percent / 100,
        )
        self._pressure = Transmitter(
            config.pressure_at_4_ma_bar * PA_PER_BAR,
            config.pressure_at_20_ma_bar * PA_PER_BAR,
            noise.pressure_white_percent / 100,
            noise.pressure_slow_percent / 100,
        )
        self._keys = {
            name: key(scenario.seed, config.code, name)
            for name in ("phase", "dp_white", "dp_slow", "pressure_white", "pressure_slow", "slosh")
        }
        self._silent = not any(getattr(noise, field) for field in noise.__struct_fields__)

    def new_state(self, mass_kg: float, planned: list[PlannedDelivery]) -> StationState:
        """Return the station at the beginning of its history."""
        phase = uniform(self._keys["phase"], 0)
        return StationState(tank=self.tank.new_state(mass_kg, phase), planned=planned)

    def arrivals(self, state: StationState, from_s: float, to_s: float, epoch_s: float) -> None:
        """Let happen what begins within [from_s, to_s): story, planned visits, the supplier's habit.

        Args:
            state: Changed in place.
            from_s, to_s: After the live start.
            epoch_s: The live start, s since 1970 UTC.
        """
        for event in self._story.visits(self.config.code, from_s, to_s):
            self._begin(state, event, from_s)
        while state.planned and state.planned[0].start_s < to_s:
            kg_per_min = self.config.deliveries.kg_per_min if self.config.deliveries else 200.0
            self.tank.begin_filling(state.tank, state.planned.pop(0).mass_kg, kg_per_min)
        if from_s >= 0.0 and self.config.deliveries is not None and state.tank.filling_kg == 0.0:
            self._keep_supplied(state, self.config.deliveries, from_s, epoch_s)

    def _begin(self, state: StationState, event: plan.Event, now_s: float) -> None:
        if event.kind == "run_down":
            assert event.to_fill_percent is not None
            assert event.over_s is not None
            state.run_down = RunDown(self.tank.mass_at_fill_kg(event.to_fill_percent), now_s + event.over_s)
            return
        mass = event.kg
        if mass is None:
            assert event.to_fill_percent is not None
            mass = self.tank.mass_at_fill_kg(event.to_fill_percent) - state.tank.mass_kg
        self.tank.begin_filling(state.tank, mass, event.kg_per_min)

    def _keep_supplied(
        self, state: StationState, habit: plan.Deliveries, now_s: float, epoch_s: float
    ) -> None:
        low = self.tank.fill_percent(state.tank.mass_kg) < habit.under_percent
        if state.order_due_s is None:
            if low:
                state.order_due_s = by_day(epoch_s + now_s + habit.lead_h * 3600) - epoch_s
        elif now_s >= state.order_due_s:
            state.order_due_s = None
            if low:
                missing = self.tank.mass_at_fill_kg(habit.to_percent) - state.tank.mass_kg
                self.tank.begin_filling(state.tank, missing, habit.kg_per_min)

    def move(
        self, state: StationState, draw_kg_per_h: float, rate: float, from_s: float, step_s: float
    ) -> None:
        """Move plant, noise and faults on by one step, `draw_kg_per_h` being the wards' share."""
        if state.run_down is not None:
            draw_kg_per_h = self._hurried(state, draw_kg_per_h, from_s)
        self.tank.step(state.tank, draw_kg_per_h, rate, step_s)
        if not self._silent:
            kept = exp(-step_s / SLOW_NOISE_S)
            new = sqrt(1 - kept * kept)
            step = floor(from_s)
            state.dp_slow = kept * state.dp_slow + new * gauss(self._keys["dp_slow"], step)
            state.pressure_slow = kept * state.pressure_slow + new * gauss(self._keys["pressure_slow"], step)
        self._update_fault(state, "dp", from_s + step_s)
        self._update_fault(state, "pressure", from_s + step_s)

    def _hurried(self, state: StationState, draw_kg_per_h: float, now_s: float) -> float:
        run = state.run_down
        if run is None or now_s >= run.end_s or state.tank.mass_kg <= run.target_kg:
            state.run_down = None
            return draw_kg_per_h
        return max(draw_kg_per_h, (state.tank.mass_kg - run.target_kg) / (run.end_s - now_s) * 3600)

    def _update_fault(self, state: StationState, signal: str, now_s: float) -> None:
        active = self._story.fault(self.config.code, signal, now_s)
        known = state.faults.get(signal)
        if active is None:
            if known is not None:
                del state.faults[signal]
            return
        if known is not None and known.since_s == active.began_s and known.kind == active.event.kind:
            return
        dp_pa, gauge_pa = self.inputs_pa(state, floor(now_s))
        state.faults[signal] = ActiveFault(
            kind=active.event.kind,  # type: ignore[arg-type]  # the story keeps the kinds apart
            since_s=active.began_s,
            value=active.event.value,
            held_pa=dp_pa if signal == "dp" else gauge_pa,
            pressure_pa=state.tank.pressure_pa,
        )

    def inputs_pa(self, state: StationState, second: int) -> tuple[float, float]:
        """Return what the transmitters feel, noise and swell included: differential and gauge pressure."""
        taps = self.tank.taps(state.tank)
        dp, gauge = taps.differential_pa, taps.pressure_pa - self._air_pa
        if not self._silent:
            dp += self._dp.span_pa * (
                self._dp.white_noise * gauss(self._keys["dp_white"], second)
                + self._dp.slow_noise * state.dp_slow
            )
            gauge += self._pressure.span_pa * (
                self._pressure.white_noise * gauss(self._keys["pressure_white"], second)
                + self._pressure.slow_noise * state.pressure_slow
            )
        if state.tank.slosh_pa:
            dp += state.tank.slosh_pa * (0.5 + gauss(self._keys["slosh"], second))
        return dp, gauge

    def currents_ma(self, state: StationState, now_s: float) -> tuple[float, float]:
        """Return the currents of the level and the pressure loop."""
        dp, gauge = self.inputs_pa(state, floor(now_s))
        pressure = state.tank.pressure_pa
        return (
            loop_current_ma(self._dp, dp, pressure, now_s, state.faults.get("dp")),
            loop_current_ma(self._pressure, gauge, pressure, now_s, state.faults.get("pressure")),
        )
