"""Densities of oxygen: saturated liquid and vapour by pressure, and warm gas.

Source: CoolProp 8 (Schmidt and Wagner, 1985) through the generated `oxygen.saturation_table`.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from oxygen import saturation_table as table
from oxygen.units import PA_PER_BAR

LOWEST_PRESSURE_PA = table.LOWEST_PA
HIGHEST_PRESSURE_PA = table.HIGHEST_PA

_LOG_LOWEST = math.log(table.LOWEST_PA)
_LAST_STENCIL = len(table.ROWS) - 4


class Saturation(NamedTuple):
    """Liquid and vapour in equilibrium at one pressure."""

    temperature_k: float
    liquid_kg_m3: float
    vapour_kg_m3: float


def is_tabulated(pressure_pa: float) -> bool:
    """Tell whether `saturated` answers for this absolute pressure; False for NaN."""
    return table.LOWEST_PA <= pressure_pa <= table.HIGHEST_PA


def saturated(pressure_pa: float) -> Saturation:
    """Return temperature and both densities at saturation.

    Cubic interpolation in ln p, within 0.005 % of CoolProp everywhere (the largest error is at 40 bar).

    Args:
        pressure_pa: Absolute, 0.5 to 40 bar.

    Raises:
        ValueError: Outside that range or not a number; the caller takes the tank's working pressure or
            refuses the reading.
    """
    if not is_tabulated(pressure_pa):
        raise ValueError(
            f"saturation pressure {pressure_pa / PA_PER_BAR:.4g} bar absolute is outside "
            f"{table.LOWEST_PA / PA_PER_BAR:g} to {table.HIGHEST_PA / PA_PER_BAR:g} bar absolute"
        )
    position = (math.log(pressure_pa) - _LOG_LOWEST) / table.LOG_STEP
    first = min(max(int(position) - 1, 0), _LAST_STENCIL)
    w0, w1, w2, w3 = _lagrange_weights(position - first)
    a, b, c, d = table.ROWS[first : first + 4]
    return Saturation(
        w0 * a[0] + w1 * b[0] + w2 * c[0] + w3 * d[0],
        w0 * a[1] + w1 * b[1] + w2 * c[1] + w3 * d[1],
        pressure_pa * (w0 * a[2] + w1 * b[2] + w2 * c[2] + w3 * d[2]),
    )


def _lagrange_weights(t: float) -> tuple[float, float, float, float]:
    """Return the weights of nodes 0, 1, 2, 3 for a point at t."""
    return (
        -(t - 1) * (t - 2) * (t - 3) / 6,
        t * (t - 2) * (t - 3) / 2,
        -t * (t - 1) * (t - 3) / 2,
        t * (t - 1) * (t - 2) / 6,
    )


def gas_density_kg_m3(pressure_pa: float, temperature_k: float) -> float:
    """Return the density of oxygen gas well above boiling: reference legs and cylinders.

    A real gas: p = Z ρ R T with Z a polynomial fitted to CoolProp, within 0.06 % of it over the range.

    Args:
        pressure_pa: Absolute, above 0 up to 250 bar.
        temperature_k: 240 to 340 K.

    Raises:
        ValueError: Outside those ranges or not a number.
    """
    if not 0 < pressure_pa <= table.GAS_HIGHEST_PA:
        raise ValueError(
            f"gas pressure {pressure_pa / PA_PER_BAR:.4g} bar absolute is outside "
            f"0 to {table.GAS_HIGHEST_PA / PA_PER_BAR:g} bar absolute"
        )
    if not table.GAS_LOWEST_K <= temperature_k <= table.GAS_HIGHEST_K:
        raise ValueError(
            f"gas temperature {temperature_k:.5g} K is outside "
            f"{table.GAS_LOWEST_K:g} to {table.GAS_HIGHEST_K:g} K"
        )
    return pressure_pa / (
        _compressibility(pressure_pa, temperature_k) * table.GAS_CONSTANT_J_KG_K * temperature_k
    )


def _compressibility(pressure_pa: float, temperature_k: float) -> float:
    p = pressure_pa / table.GAS_REFERENCE_PA
    t = table.GAS_REFERENCE_K / temperature_k - 1.0
    excess = 0.0
    for row in reversed(table.GAS_COEFFICIENTS):
        at_temperature = 0.0
        for coefficient in reversed(row):
            at_temperature = at_temperature * t + coefficient
        excess = (excess + at_temperature) * p
    return 1.0 + excess
