"""A supply system: tanks on one manifold share the draw, and cylinders take over when all are low."""

from __future__ import annotations

from math import exp

import msgspec

from oxygen.units import PA_PER_BAR

_BANK_TEMPERATURE_K = 303.15
_BANK_COMPRESSIBILITY = 0.949
_GAS_CONSTANT_J_PER_KG_K = 259.836
_PRESSURE_WEIGHT_PA = 0.5 * PA_PER_BAR
_RETURN_PERCENT = 5.0


def shares(pressures_pa: list[float], available_kg: list[float]) -> list[float]:
    """Return how tanks on one manifold split the draw: the higher pressure gives more, a dry tank nothing.

    The shares add up to 1, or are all 0 when every tank is dry.
    """
    if len(pressures_pa) == 1:
        return [1.0 if available_kg[0] > 0.0 else 0.0]
    highest = max(pressures_pa)
    weights = [
        exp((pressure - highest) / _PRESSURE_WEIGHT_PA) if available > 0.0 else 0.0
        for pressure, available in zip(pressures_pa, available_kg, strict=True)
    ]
    total = sum(weights)
    return [weight / total for weight in weights] if total > 0.0 else weights


class BankDesign(msgspec.Struct, frozen=True):
    """A bank of gas cylinders.

    Attributes:
        cylinders: How many hang on the manifold.
        shell_l: Water volume of one.
        full_pa: Absolute pressure of a full one.
        change_over_under_percent: The bank comes on when every tank's fill is below this.
    """

    cylinders: int
    shell_l: float
    full_pa: float
    change_over_under_percent: float

    @property
    def full_kg(self) -> float:
        """Gas in the full bank; real gas at 30 °C and 150 bar (Z = 0.949)."""
        density = self.full_pa / (_BANK_COMPRESSIBILITY * _GAS_CONSTANT_J_PER_KG_K * _BANK_TEMPERATURE_K)
        return self.cylinders * self.shell_l / 1000 * density


class BankState(msgspec.Struct):
    """What changes about a bank.

    Attributes:
        mass_kg: Gas left.
        in_use: The bank feeds the wards.
    """

    mass_kg: float
    in_use: bool = False


def change_over(design: BankDesign, state: BankState, fills_percent: list[float]) -> None:
    """Switch the bank on when all tanks are low, off when one has clearly recovered or the bank is empty."""
    fullest = max(fills_percent)
    if state.mass_kg <= 0.0:
        state.in_use = False
    elif fullest < design.change_over_under_percent:
        state.in_use = True
    elif fullest > design.change_over_under_percent + _RETURN_PERCENT:
        state.in_use = False


def draw_from_bank(state: BankState, asked_kg: float) -> float:
    """Take gas from the bank; return what the tanks have still to give."""
    given = min(asked_kg, state.mass_kg)
    state.mass_kg -= given
    return asked_kg - given


def bank_pressure_pa(design: BankDesign, state: BankState) -> float:
    """Return the bank's absolute pressure, taken as proportional to its content."""
    return design.full_pa * state.mass_kg / design.full_kg
