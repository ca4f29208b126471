"""Noise by key and counter."""

from __future__ import annotations

from itertools import pairwise
from statistics import fmean, pstdev

import pytest

from firmware_sim.noise import gauss, key, uniform


def test_one_step_has_one_number_whoever_asks_and_in_whatever_order() -> None:
    stream = key(7, "tank-1", "dp")
    forward = [gauss(stream, step) for step in range(-50, 50)]
    backward = [gauss(stream, step) for step in reversed(range(-50, 50))]

    assert forward == backward[::-1]


def test_noise_is_centred_with_unit_spread_and_neighbours_know_nothing_of_each_other() -> None:
    stream = key(7, "tank-1", "dp")
    values = [gauss(stream, step) for step in range(20_000)]
    neighbours = fmean(a * b for a, b in pairwise(values))

    assert fmean(values) == pytest.approx(0.0, abs=0.03)
    assert pstdev(values) == pytest.approx(1.0, abs=0.03)
    assert neighbours == pytest.approx(0.0, abs=0.03)


def test_seed_tank_and_quantity_each_make_another_stream() -> None:
    streams = {key(7, "a", "dp"), key(8, "a", "dp"), key(7, "b", "dp"), key(7, "a", "pressure")}

    assert len(streams) == 4


def test_uniform_numbers_fill_their_interval_evenly() -> None:
    stream = key(7, "tank-1", "phase")
    values = [uniform(stream, step) for step in range(10_000)]

    assert min(values) >= 0.0
    assert max(values) < 1.0
    assert fmean(values) == pytest.approx(0.5, abs=0.02)
