"""Chance that depends on nothing but a key and a counter.

A sequential generator would give another world after a restart or with another rhythm of calls. Here the
noise of step 4711 of one tank is the same number whoever asks for it, and whenever.

Source: the mixing function is SplitMix64 (Steele, Lea and Flood 2014).
"""

from __future__ import annotations

from hashlib import blake2b

_MASK = 0xFFFF_FFFF_FFFF_FFFF
_MEAN_OF_SUM = 2 * 0xFFFF
_SD_OF_SUM = 65536 / 3**0.5


def key(seed: int, *parts: str) -> int:
    """Return the 64-bit key of one stream of noise, such as `key(7, "cho-lon-1", "dp")`."""
    text = "\x1f".join((str(seed), *parts))
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")


def _mixed(stream: int, counter: int) -> int:
    z = (stream + counter * 0x9E37_79B9_7F4A_7C15) & _MASK
    z = ((z ^ (z >> 30)) * 0xBF58_476D_1CE4_E5B9) & _MASK
    z = ((z ^ (z >> 27)) * 0x94D0_49BB_1331_11EB) & _MASK
    return z ^ (z >> 31)


def gauss(stream: int, counter: int) -> float:
    """Return a nearly normal number, mean 0 and standard deviation 1, never beyond ±3.47.

    It is the sum of the four 16-bit quarters of one mixed word, so one call costs one mixing.
    """
    z = _mixed(stream, counter)
    total = (z & 0xFFFF) + ((z >> 16) & 0xFFFF) + ((z >> 32) & 0xFFFF) + (z >> 48)
    return (total - _MEAN_OF_SUM) / _SD_OF_SUM


def uniform(stream: int, counter: int) -> float:
    """Return a number from 0 up to, but never reaching, 1."""
    return (_mixed(stream, counter) >> 11) * 2.0**-53
