"""One liquid-oxygen tank: its mass, pressure and layers from step to step, and the pressures at its taps.

The tank is a vessel under a pressure-build coil. What leaves is drawn by the wards or, below the tank's own
evaporation, blown off. Cold liquid from a tanker partly settles as a layer at the bottom and warms over
hours.
"""

from __future__ import annotations

from math import exp
from typing import NamedTuple

import msgspec

from firmware_sim.oxygen_properties import gas_kg_m3, liquid_kg_m3, saturated, vapour_kg_m3
from firmware_sim.vessel import Shape, vessel
from oxygen.units import PA_PER_BAR, STANDARD_GRAVITY_M_S2

_HALF_BAND_PA = 0.6 * PA_PER_BAR
_RELIEF_PA = 1.0 * PA_PER_BAR
_BUILD_PA_PER_H = 1.1 * PA_PER_BAR
_FALL_PA_PER_H = 0.5 * PA_PER_BAR
_HEAT_LEAK_PA_PER_H = 0.05 * PA_PER_BAR
_STRONGEST_FALL = 3.0
_FILL_FALL_PA_PER_MIN = 0.08 * PA_PER_BAR
_FILL_LOWEST_PA = 1.8 * PA_PER_BAR
_LOWEST_BELOW_SETPOINT_PA = 3.0 * PA_PER_BAR
_EMPTY_PA = 1.1 * PA_PER_BAR
_SLOSH_PA = 300.0
_SLOSH_DECAY_S = 720.0
_MERGED_PA = 0.05 * PA_PER_BAR
_FULLEST_FRACTION = 0.98


class TankDesign(msgspec.Struct, frozen=True):
    """What does not change about a tank.

    Attributes:
        shape: Inner vessel.
        working_pressure_pa: Absolute; the coil's setpoint.
        fill_limit_fraction: Liquid volume over inner volume at 100 % of fill.
        heel_fraction: The same at 0 % of fill.
        evaporation_percent_per_day: Boil-off at rest, of the capacity; lost only while the draw is below it.
        usual_draw_kg_per_h: The draw under which the pressure falls at its usual pace.
        cold_share: Share of a delivery that settles as a cold layer.
        cold_hours: Time constant of that layer's warming.
        tanker_pressure_pa: Absolute pressure at which the tanker's liquid boils.
        reference_leg_k: Temperature of the gas in the instrument's lines.
    """

    shape: Shape
    working_pressure_pa: float
    fill_limit_fraction: float
    heel_fraction: float
    evaporation_percent_per_day: float
    usual_draw_kg_per_h: float
    cold_share: float
    cold_hours: float
    tanker_pressure_pa: float
    reference_leg_k: float


class TankState(msgspec.Struct):
    """What changes; plain numbers, so that a snapshot is this and nothing else.

    Attributes:
        mass_kg: All oxygen in the vessel.
        pressure_pa: Absolute, above the liquid.
        building: The pressure-build coil is open.
        cold_kg: Mass of the cold layer at the bottom.
        cold_pa: Pressure at which that layer would boil.
        filling_kg: What the tanker has still to deliver; 0 when none is there.
        filling_kg_per_s: The tanker's pump.
        slosh_pa: Size of the swell at the taps.
        draw_kg_per_h: What the wards got in the last step.
        used_kg: Since the beginning, drawn by the wards.
        vented_kg: Since the beginning, blown off.
        delivered_kg: Since the beginning, brought by tankers.
    """

    mass_kg: float
    pressure_pa: float
    building: bool = False
    cold_kg: float = 0.0
    cold_pa: float = 0.0
    filling_kg: float = 0.0
    filling_kg_per_s: float = 0.0
    slosh_pa: float = 0.0
    draw_kg_per_h: float = 0.0
    used_kg: float = 0.0
    vented_kg: float = 0.0
    delivered_kg: float = 0.0


class Taps(NamedTuple):
    """What a perfect instrument would see.

    Attributes:
        differential_pa: Bottom tap minus top tap, with warm gas in the line to the top tap.
        pressure_pa: Absolute, at the top tap.
        level_m: Height of the liquid above the bottom.
        liquid_m3: Volume of the liquid.
    """

    differential_pa: float
    pressure_pa: float
    level_m: float
    liquid_m3: float


class Tank:
    """Moves one tank's state; holds only what does not change.

    Attributes:
        heel_kg: All oxygen at 0 % of fill, saturated at working pressure.
        capacity_kg: The same at 100 % of fill.
        evaporation_kg_per_h: Boil-off at rest.
    """

    def __init__(self, design: TankDesign) -> None:
        """Work out what every step needs."""
        self.design = design
        self._vessel = vessel(design.shape)
        self._volume_m3 = self._vessel.volume_m3
        self.heel_kg = self._mass_at_volume_fraction_kg(design.heel_fraction)
        self.capacity_kg = self._mass_at_volume_fraction_kg(design.fill_limit_fraction)
        self.evaporation_kg_per_h = design.evaporation_percent_per_day / 100 * self.capacity_kg / 24
        self._gas_only_kg = self._volume_m3 * vapour_kg_m3(_EMPTY_PA)
        hottest = design.working_pressure_pa + 2 * PA_PER_BAR
        self._nearly_dry_kg = 1.2 * self._volume_m3 * vapour_kg_m3(hottest)
        # Gas in the line is taken as proportional to the pressure; some bar off the setpoint that costs 1 Pa.
        leg_kg_m3 = gas_kg_m3(design.working_pressure_pa, design.reference_leg_k)
        self._leg_per_pa = leg_kg_m3 / design.working_pressure_pa

    def _mass_at_volume_fraction_kg(self, fraction: float) -> float:
        boiling = saturated(self.design.working_pressure_pa)
        return self._volume_m3 * (fraction * boiling.liquid_kg_m3 + (1 - fraction) * boiling.vapour_kg_m3)

    def mass_at_fill_kg(self, fill_percent: float) -> float:
        """Return the mass at a percentage of fill: 0 at the heel, 100 at the fill limit."""
        return self.heel_kg + fill_percent / 100 * (self.capacity_kg - self.heel_kg)

    def fill_percent(self, mass_kg: float) -> float:
        """Return the percentage of fill of a mass; may be negative or above 100."""
        return 100 * (mass_kg - self.heel_kg) / (self.capacity_kg - self.heel_kg)

    def new_state(self, mass_kg: float, phase: float) -> TankState:
        """Return a tank at rest; `phase` from 0 to 1 says where in the coil's swing it stands."""
        swing = (2 * phase - 1) * _HALF_BAND_PA
        return TankState(
            mass_kg=mass_kg, pressure_pa=self.design.working_pressure_pa + swing, building=phase < 0.4
        )

    def available_kg(self, state: TankState) -> float:
        """Return what could still be drawn, down to gas at the air's pressure."""
        return max(0.0, state.mass_kg - self._gas_only_kg)

    def begin_filling(self, state: TankState, mass_kg: float, kg_per_min: float) -> None:
        """A tanker couples; a second one adds to the first."""
        state.filling_kg += max(0.0, mass_kg)
        state.filling_kg_per_s = kg_per_min / 60

    def step(self, state: TankState, draw_kg_per_h: float, rate: float, step_s: float) -> None:
        """Move the state on by one step.

        Args:
            state: Changed in place.
            draw_kg_per_h: What the wards ask for, `rate` already in it.
            rate: Multiplies evaporation and the tanker's pump.
            step_s: Length of the step.
        """
        if state.filling_kg > 0.0:
            self._fill(state, rate, step_s)
        elif state.slosh_pa:
            state.slosh_pa *= exp(-step_s / _SLOSH_DECAY_S)
            if state.slosh_pa < 1.0:
                state.slosh_pa = 0.0
        self._draw(state, draw_kg_per_h, self.evaporation_kg_per_h * rate, step_s)
        self._move_pressure(state, rate, step_s)
        if state.cold_kg > 0.0:
            self._warm_cold_layer(state, step_s)

    def _fill(self, state: TankState, rate: float, step_s: float) -> None:
        limit = self._volume_m3 * _FULLEST_FRACTION * liquid_kg_m3(state.pressure_pa)
        room = max(0.0, limit - state.mass_kg)
        delivered = min(state.filling_kg, state.filling_kg_per_s * rate * step_s, room)
        state.mass_kg += delivered
        state.delivered_kg += delivered
        state.filling_kg = 0.0 if delivered >= room else state.filling_kg - delivered
        state.slosh_pa = _SLOSH_PA
        settling = delivered * self.design.cold_share
        if settling > 0.0:
            before = state.cold_kg * state.cold_pa
            state.cold_kg += settling
            state.cold_pa = (before + settling * self.design.tanker_pressure_pa) / state.cold_kg

    def _draw(
        self, state: TankState, draw_kg_per_h: float, evaporation_kg_per_h: float, step_s: float
    ) -> None:
        hours = step_s / 3600
        used = min(draw_kg_per_h * hours, self.available_kg(state))
        vented = 0.0
        if draw_kg_per_h < evaporation_kg_per_h:
            vented = min((evaporation_kg_per_h - draw_kg_per_h) * hours, self.available_kg(state) - used)
        state.mass_kg -= used + vented
        state.used_kg += used
        state.vented_kg += vented
        state.draw_kg_per_h = used / hours
        if state.cold_kg > 0.0:
            state.cold_kg = max(0.0, state.cold_kg - used)

    def _move_pressure(self, state: TankState, rate: float, step_s: float) -> None:
        setpoint = self.design.working_pressure_pa
        hours = step_s / 3600
        pressure = state.pressure_pa
        if state.filling_kg > 0.0:
            if pressure > setpoint - _FILL_LOWEST_PA:
                pressure -= _FILL_FALL_PA_PER_MIN * step_s / 60
        else:
            if pressure <= setpoint - _HALF_BAND_PA:
                state.building = True
            elif pressure >= setpoint + _HALF_BAND_PA:
                state.building = False
            strength = state.draw_kg_per_h / (rate * self.design.usual_draw_kg_per_h)
            pressure -= _FALL_PA_PER_H * hours * min(strength, _STRONGEST_FALL)
            pressure += (_BUILD_PA_PER_H if state.building else _HEAT_LEAK_PA_PER_H) * hours
        pressure = min(max(pressure, setpoint - _LOWEST_BELOW_SETPOINT_PA), setpoint + _RELIEF_PA)
        if state.mass_kg < self._nearly_dry_kg:
            pressure = min(pressure, self._pressure_of_gas_alone_pa(state.mass_kg))
        state.pressure_pa = pressure

    def _pressure_of_gas_alone_pa(self, mass_kg: float) -> float:
        """Return the pressure at which that mass would fill the vessel as vapour, by halving the interval."""
        low, high = _EMPTY_PA, self.design.working_pressure_pa + 2 * PA_PER_BAR
        for _ in range(30):
            middle = (low + high) / 2
            if vapour_kg_m3(middle) * self._volume_m3 < mass_kg:
                low = middle
            else:
                high = middle
        return high

    def _warm_cold_layer(self, state: TankState, step_s: float) -> None:
        away = state.pressure_pa - state.cold_pa
        state.cold_pa += away * (1 - exp(-step_s / (self.design.cold_hours * 3600)))
        if state.pressure_pa - state.cold_pa < _MERGED_PA:
            state.cold_kg = 0.0

    def taps(self, state: TankState) -> Taps:
        """Return the pressures at the taps: liquid, cold layer, vapour and the gas in the reference line."""
        boiling = saturated(state.pressure_pa)
        liquid, vapour = boiling.liquid_kg_m3, boiling.vapour_kg_m3
        cold_m3 = cold_m = cold = 0.0
        if state.cold_kg > 0.0:
            cold = liquid_kg_m3(state.cold_pa)
            cold_m3 = min(state.cold_kg, max(0.0, state.mass_kg - vapour * self._volume_m3)) / cold
            cold_m = self._vessel.level_m(cold_m3)
        above = self._volume_m3 - cold_m3
        warm_kg = state.mass_kg - cold_m3 * cold
        warm_m3 = min(max(0.0, (warm_kg - vapour * above) / (liquid - vapour)), above)
        level = self._vessel.level_m(cold_m3 + warm_m3)
        height = self._vessel.height_m
        column = cold * cold_m + liquid * (level - cold_m) + vapour * (height - level)
        column -= self._leg_per_pa * state.pressure_pa * height
        return Taps(column * STANDARD_GRAVITY_M_S2, state.pressure_pa, level, cold_m3 + warm_m3)
