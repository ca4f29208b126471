"""Makes the history files of a start: thirty days at the first, the gap since the last run at any other."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from edge_agent.config import load_config
from firmware_sim import scenario_file, service
from firmware_sim.scenario import Scenario
from firmware_sim.world import World
from oxygen.errors import Rejected
from oxygen.units import US_PER_DAY, US_PER_HOUR
from oxywatch.demo.data_folder import HistoryRequest
from oxywatch.demo.history import STEP_US, Part, write_history

SHORTEST_GAP_US = 2 * STEP_US


def make_history(request: HistoryRequest, progress: Callable[[float], None]) -> list[Path]:
    """Write the parts and the world's state at their end; return the files, the one to read first first.

    A kill leaves either nothing (the next start does it again) or everything.

    Raises:
        BadConfiguration: The scenario or a gateway's configuration is wrong.
    """
    scenario = _scenario(request)
    state_file = Path(request.state_file)
    world = _saved_world(scenario, state_file, request.until_us)
    if world is None:
        world = World.at_history_start(scenario, request.until_us, request.days)
        parts = _first_parts(request, world.now_us)
    else:
        parts = _gap_parts(request, world.now_us)
    written = [part._replace(path=part.path.with_suffix(".part")) for part in parts]
    configs = [load_config(path) for path in request.gateways]
    write_history(world, configs, written, progress)
    for part, temporary in zip(parts, written, strict=True):
        os.replace(temporary.path, part.path)
    world.advance(max(world.now_us, request.until_us))
    service.save(state_file, service.Saved(world.snapshot()))
    return [part.path for part in reversed(parts)]


def _scenario(request: HistoryRequest) -> Scenario:
    if request.scenario is None:
        return scenario_file.shipped("demo")
    return scenario_file.load(request.scenario)


def _saved_world(scenario: Scenario, state_file: Path, now_us: int) -> World | None:
    saved = service.saved_in(state_file)
    if saved is None:
        return None
    try:
        return World(scenario, now_us, saved.world)
    except Rejected:
        return None  # the scenario was changed: its story begins anew


def _first_parts(request: HistoryRequest, since_us: int) -> list[Part]:
    cut_us = max(since_us, request.until_us - request.recent_h * US_PER_HOUR)
    return [
        _part(request, "older", since_us, cut_us),
        _part(request, "recent", cut_us, request.until_us),
    ]


def _gap_parts(request: HistoryRequest, since_us: int) -> list[Part]:
    since_us = max(since_us, request.until_us - request.gap_days * US_PER_DAY)
    if request.until_us - since_us < SHORTEST_GAP_US:
        return []
    return [_part(request, "gap", since_us, request.until_us)]


def _part(request: HistoryRequest, name: str, since_us: int, until_us: int) -> Part:
    label = f"{name}-{until_us // 1_000_000:x}"
    return Part(Path(request.folder) / f"{label}.jsonl", since_us, until_us, label)
