"""The simulated hospitals' past: the same world in virtual time, read by the gateways' own decoder.

Nothing takes a short cut: registers of the simulated modules become samples as they would at a gateway, and
the files that come out are what ingest's backfill reads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, NamedTuple

import msgspec

from edge_agent.measure import sample_signals
from edge_agent.settings import AgentConfig
from firmware_sim.world import World
from oxygen.reading import Sample
from oxygen.units import US_PER_S
from oxygen.wire.batch import to_columns
from oxygen.wire.payloads import VERSION, Lane, Samples

STEP_US = 60 * US_PER_S
ROWS_IN_ONE_MESSAGE = 240
BOOT = "history"


class Part(NamedTuple):
    """One file of history: [since, until), and the epochs' common beginning."""

    path: Path
    since_us: int
    until_us: int
    label: str


class _Writer:
    """Collects one gateway's samples into messages."""

    def __init__(self, file: IO[bytes], config: AgentConfig, epoch: str) -> None:
        self._file = file
        self._config = config
        self._epoch = epoch
        self._samples: list[Sample] = []
        self._seq = 0

    def read(self, world: World, t_us: int) -> None:
        words = world.registers(self._config.address.gateway)
        for tank in self._config.tanks:
            self._seq += 1
            signals = sample_signals(tank.profile, tank, words)
            self._samples.append(Sample(tank.subject, self._seq, t_us, BOOT, t_us, signals))
        if len(self._samples) >= ROWS_IN_ONE_MESSAGE:
            self.flush()

    def flush(self) -> None:
        if not self._samples:
            return
        message = Samples(
            v=VERSION,
            epoch=self._epoch,
            first=self._samples[0].seq,
            lane=Lane.HISTORY,
            sent_mono_us=self._samples[-1].mono_us,
            boot=BOOT,
            samples=to_columns(self._samples),
        )
        address = self._config.address
        line = {
            "shard": address.shard,
            "facility": address.facility,
            "gateway": address.gateway,
            "message": message,
        }
        self._file.write(msgspec.json.encode(line) + b"\n")
        self._samples = []


def write_history(
    world: World, configs: Sequence[AgentConfig], parts: Sequence[Part], progress: Callable[[float], None]
) -> None:
    """Move the world on through the parts, in their order, and write what the gateways would have read.

    Args:
        world: Stands at or before the first part's beginning; stands at the last one's end afterwards.
        configs: One per gateway of the world.
        parts: Ascending; between two of them the world moves unread.
        progress: Called with 0…1.
    """
    total = sum(part.until_us - part.since_us for part in parts) or 1
    done = 0
    for part in parts:
        world.advance(max(world.now_us, part.since_us))
        with part.path.open("wb") as file:
            writers = [
                _Writer(file, config, f"{part.label}-{config.address.gateway}"[:64]) for config in configs
            ]
            for t_us in range(_next_step(world.now_us), part.until_us, STEP_US):
                world.advance(t_us)
                for writer in writers:
                    writer.read(world, t_us)
                if t_us % (3600 * US_PER_S) < STEP_US:
                    progress((done + t_us - part.since_us) / total)
            for writer in writers:
                writer.flush()
        done += part.until_us - part.since_us
        world.advance(max(world.now_us, part.until_us))
    progress(1.0)


def _next_step(now_us: int) -> int:
    return -(-now_us // STEP_US) * STEP_US
