"""What the agent knows of time: the wall clock and whether to trust it, and the clock that never jumps."""

from __future__ import annotations

import ctypes
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import msgspec

_TIME_ERROR = 5  # adjtimex: the clock is not synchronised
_TIMEX_BYTES = 256  # struct timex is 208 bytes on 64-bit Linux; all zero asks without changing anything
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Clock(msgspec.Struct, frozen=True):
    """The agent's clocks.

    Attributes:
        now_us: Wall clock, µs since 1970 UTC.
        mono_us: Monotonic clock, µs since the boot, counting on while the machine sleeps.
        synchronised: Whether the wall clock may be trusted now.
        boot: Identity of the boot that `mono_us` counts from.
    """

    now_us: Callable[[], int]
    mono_us: Callable[[], int]
    synchronised: Callable[[], bool]
    boot: str


def system_clock(*, trust: bool) -> Clock:
    """Return this machine's clocks; with `trust` the wall clock is taken as synchronised."""
    clock_id = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return Clock(
        now_us=lambda: time.time_ns() // 1000,
        mono_us=lambda: time.clock_gettime_ns(clock_id) // 1000,
        synchronised=(lambda: True) if trust else kernel_says_synchronised,
        boot=boot_id(),
    )


def boot_id() -> str:
    """Return the kernel's identity of this boot, or a random one where there is none."""
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip().lower()
    except OSError:
        return uuid.uuid4().hex


def kernel_says_synchronised() -> bool:
    """Ask the kernel whether something disciplines the clock; False where it cannot be asked."""
    try:
        adjtimex = ctypes.CDLL(None, use_errno=True).adjtimex
    except (OSError, AttributeError):
        return False
    state = int(adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES)))
    return 0 <= state != _TIME_ERROR
