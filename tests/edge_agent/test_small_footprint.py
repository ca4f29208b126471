"""The gateway runs on small machines: it may load only what it was allowed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ALLOWED = {
    "broker_link",
    "edge_agent",
    "oxygen",
    "msgspec",
    "aiomqtt",
    "paho",
    "pymodbus",
    "serial",
    # asked for by the above when present
    "typing_extensions",
}
LIST_MODULES = """
import pkgutil, sys
before = set(sys.modules)
import edge_agent
for module in pkgutil.walk_packages(edge_agent.__path__, "edge_agent."):
    __import__(module.name)
print(*sorted({name.partition(".")[0] for name in set(sys.modules) - before}))
"""


def test_importing_the_agent_loads_only_the_allowed_packages(repository: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIST_MODULES], cwd=repository, capture_output=True, text=True, check=True
    )
    loaded = {name.lstrip("_") for name in done.stdout.split()}
    known = {name.lstrip("_") for name in sys.stdlib_module_names} | {"cython_runtime", "distutils_hack"}
    foreign = {name for name in loaded - known if not name.startswith("sysconfigdata")}
    assert foreign - ALLOWED == set()
    assert {"edge_agent", "msgspec", "aiomqtt", "paho", "pymodbus"} <= foreign
