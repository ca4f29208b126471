"""The simulator shares no physics with the product that it tests."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import pkgutil, sys, importlib, firmware_sim
for module in pkgutil.iter_modules(firmware_sim.__path__):
    importlib.import_module(f"firmware_sim.{module.name}")
ours = {"oxygen", "policy", "telemetry", "records", "channels", "broker_link", "edge_agent", "ingest",
        "alerts", "jobs", "api", "grafana", "oxywatch", "bench"}
print(*sorted(name for name in sys.modules if name.split(".")[0] in ours))
"""


def test_of_oxygen_the_simulator_takes_units_errors_devices_and_the_file_reader_alone() -> None:
    answer = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)

    assert set(answer.stdout.split()) <= {
        "oxygen",
        "oxygen.devices",
        "oxygen.errors",
        "oxygen.toml_file",
        "oxygen.toml_lines",
        "oxygen.units",
    }
