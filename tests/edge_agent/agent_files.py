"""Configurations and readings that several tests of the gateway use."""

from __future__ import annotations

from pathlib import Path

from edge_agent.config import load_config
from edge_agent.settings import AgentConfig
from oxygen.reading import Quality, Reason, Sample, Signal

CONFIGURATION = """\
[gateway]
code = "gw-a"
facility = "bv-a"
shard = "hcm"
altitude_m = 0
trust_clock = true

[broker]
host = "127.0.0.1"
port = 1883

[[bus]]
name = "io"
kind = "modbus-tcp"
host = "127.0.0.1"
port = 502
timeout_s = 0.3

[[tank]]
code = "a-1"
bus = "io"
device = "moxa-iologik-e1240"
unit = 1
dp = { point = "channel0_ma", at_4_ma = "0 mbar", at_20_ma = "800 mbar" }
pressure = { point = "channel1_ma", at_4_ma = "0 bar", at_20_ma = "16 bar", gauge = true }
"""


def written(folder: Path, *changes: tuple[str, str], text: str = CONFIGURATION) -> Path:
    """Write the configuration with some texts replaced; return its path."""
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    path = folder / "gateway.toml"
    path.write_text(text, encoding="utf-8")
    return path


def config(folder: Path, *changes: tuple[str, str]) -> AgentConfig:
    """Return the configuration with some texts replaced."""
    return load_config(written(folder, *changes))


def draft(number: int, subject: str = "tank:a-1", t_us: int | None = None) -> Sample:
    """Return a sample not yet numbered, whose content tells which one it is."""
    signals = {"dp_pa": Signal(float(number), Quality.GOOD, Reason.OK, 12.0)}
    return Sample(subject, 0, number * 1_000_000 if t_us is None else t_us, "boot", number, signals)
