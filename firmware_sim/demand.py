"""What the wards draw: a daily curve, a small weekly one, and noise that remembers an hour or so."""

from __future__ import annotations

from math import cos, exp, pi, sqrt

from firmware_sim.noise import gauss, key

_LOCAL_OFFSET_S = 7 * 3600
_PEAK_HOUR = 10.5
_SECOND_PEAK_HOUR = 19.5
_SECOND_PEAK_SHARE = 0.35
_DAY_S = 86_400
# The epoch began on a Thursday.
_WEEKDAY_SHAPE = (0.3, 0.3, -0.7, -1.0, 0.5, 0.4, 0.2)


class Demand:
    """One supply system's draw as a function of the clock, with a noise state that the caller keeps.

    Attributes:
        base_kg_per_h: Mean over the week.
    """

    def __init__(
        self,
        seed: int,
        system: str,
        *,
        base_kg_per_h: float,
        diurnal_amplitude: float,
        weekday_amplitude: float,
        noise_sd: float,
        noise_correlation_h: float,
    ) -> None:
        """Keep the curve's parameters; amplitudes and the noise are shares of the mean."""
        self.base_kg_per_h = base_kg_per_h
        self._diurnal = diurnal_amplitude
        self._weekday = weekday_amplitude
        self._sd = noise_sd
        self._correlation_s = noise_correlation_h * 3600
        self._stream = key(seed, system, "demand")

    def next_noise(self, noise: float, step: int, step_s: float) -> float:
        """Return the noise state one step later; a first-order autoregression that fits any step length."""
        if self._sd == 0.0:
            return 0.0
        kept = exp(-step_s / self._correlation_s)
        return kept * noise + self._sd * sqrt(1 - kept * kept) * gauss(self._stream, step)

    def draw_kg_per_h(self, t_s: float, noise: float) -> float:
        """Return the wards' draw at a time (s since 1970 UTC); never below a twentieth of the mean."""
        local_s = t_s + _LOCAL_OFFSET_S
        hour = (local_s % _DAY_S) / 3600
        weekday = _WEEKDAY_SHAPE[int(local_s // _DAY_S) % 7]
        first = cos(2 * pi * (hour - _PEAK_HOUR) / 24)
        second = cos(4 * pi * (hour - _SECOND_PEAK_HOUR) / 24)
        diurnal = self._diurnal * (first + _SECOND_PEAK_SHARE * second) / (1 + _SECOND_PEAK_SHARE)
        factor = (1 + diurnal) * (1 + self._weekday * weekday) * (1 + noise)
        return self.base_kg_per_h * max(0.05, factor)
