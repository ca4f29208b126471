"""Oxygen for the simulated plant: saturated densities and temperature by pressure, and warm gas.

The product has a table of its own; this is deliberately another road to the same nature, so that an error in
either shows as a difference.

Source: polynomials in ln(p / 5 bar), fitted on Chebyshev nodes of 0.4 to 31 bar to CoolProp 8.0.0 (Schmidt
and Wagner 1985); within 0.02 % of it from 0.5 to 30 bar, 0.001 % for the temperature. The gas follows the
virial equation cut after the second coefficient, within 0.1 % up to 20 bar and from 0 to 60 °C.
"""

from __future__ import annotations

from math import exp, log
from typing import NamedTuple

LOWEST_PA = 0.5e5
HIGHEST_PA = 30e5

_GAS_CONSTANT_J_PER_KG_K = 259.836
_MOLAR_MASS_KG = 31.9988e-3


class Saturated(NamedTuple):
    """Oxygen at its boiling point."""

    temperature_k: float
    liquid_kg_m3: float
    vapour_kg_m3: float


def saturated(pressure_pa: float) -> Saturated:
    """Return the state of boiling oxygen; a pressure outside 0.5 to 30 bar is taken as that limit."""
    pressure_pa = min(max(pressure_pa, LOWEST_PA), HIGHEST_PA)
    u = log(pressure_pa * 2e-6)
    temperature = 108.805597 + u * (
        14.1820975
        + u
        * (1.88759739 + u * (0.224309243 + u * (0.0176490143 + u * (-0.00177895153 + u * -0.00062492174))))
    )
    return Saturated(temperature, _liquid(u), pressure_pa * exp(_vapour(u)))


def liquid_kg_m3(pressure_pa: float) -> float:
    """Return the density of liquid that boils at this pressure; the limits are those of `saturated`."""
    return _liquid(log(min(max(pressure_pa, LOWEST_PA), HIGHEST_PA) * 2e-6))


def vapour_kg_m3(pressure_pa: float) -> float:
    """Return the density of vapour at its boiling point; the limits are those of `saturated`."""
    pressure_pa = min(max(pressure_pa, LOWEST_PA), HIGHEST_PA)
    return pressure_pa * exp(_vapour(log(pressure_pa * 2e-6)))


def gas_kg_m3(pressure_pa: float, temperature_k: float) -> float:
    """Return the density of oxygen gas near the air's temperature, as it stands in a reference leg."""
    ideal = pressure_pa / (_GAS_CONSTANT_J_PER_KG_K * temperature_k)
    warmer_k = temperature_k - 303.15
    virial_m3_per_mol = -14.82e-6 + warmer_k * (0.2066e-6 - 0.84e-9 * warmer_k)
    return ideal / (1.0 + virial_m3_per_mol / _MOLAR_MASS_KG * ideal)


def _liquid(u: float) -> float:
    return 1042.42258 + u * (
        -81.6336928
        + u
        * (
            -17.0964825
            + u
            * (-3.49643002 + u * (-0.487140028 + u * (-0.420682636 + u * (-0.298191056 + u * -0.058596061))))
        )
    )


def _vapour(u: float) -> float:
    """Return ln(vapour density / pressure), which is nearly a straight line."""
    return -10.1436938 + u * (
        -0.052035981
        + u
        * (
            0.0217520201
            + u
            * (
                0.00880238604
                + u
                * (
                    0.00171213714
                    + u * (4.23147572e-05 + u * (0.000399777462 + u * (0.000305536992 + u * 5.69585649e-05)))
                )
            )
        )
    )
