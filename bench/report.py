"""The one shape in which every benchmark answers, and the machine it ran on."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path
from typing import Any, Literal

import msgspec


class Figure(msgspec.Struct, frozen=True):
    """One measured figure against its goal; a goal that is missed is reported as missed, never moved."""

    name: str
    value: float
    unit: str
    goal: float
    better: Literal["lower", "higher"]
    met: bool


class Report(msgspec.Struct, frozen=True):
    """A benchmark's answer.

    Attributes:
        bench: Its name.
        commit: Of the code that ran, with `+` when the tree was changed; empty outside a checkout.
        machine: Where it ran.
        figures: See Figure.
        details: Whatever else explains them.
    """

    bench: str
    commit: str
    machine: dict[str, str]
    figures: list[Figure]
    details: dict[str, Any]


def figure(name: str, value: float, unit: str, goal: float, better: Literal["lower", "higher"]) -> Figure:
    """Return a figure, judged."""
    met = value <= goal if better == "lower" else value >= goal
    return Figure(name, value, unit, goal, better, met)


def commit() -> str:
    """Return the checkout's commit, or an empty text."""
    root = Path(__file__).parent
    try:
        head = subprocess.run(
            ("git", "rev-parse", "--short", "HEAD"), cwd=root, capture_output=True, text=True, check=True
        )
        changed = subprocess.run(
            ("git", "status", "--porcelain"), cwd=root, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return head.stdout.strip() + ("+" if changed.stdout.strip() else "")


def machine() -> dict[str, str]:
    """Name the machine: processor, cores, memory, system, Python."""
    return {
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "memory_gib": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f}",
        "system": platform.platform(),
        "python": platform.python_version(),
        "load_1min": f"{os.getloadavg()[0]:.2f}",
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def percentile(values: list[float], share: float) -> float:
    """Return the value below which a share (0…1) of them lies; raises ValueError for none."""
    if not values:
        raise ValueError("no values were measured")
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
