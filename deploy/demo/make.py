"""Writes the scenario and the gateways' configurations of the profile `demo`, from the shipped scenario.

    python -m deploy.demo.make

They differ from those of `oxywatch run` in that every port is fixed, and in that the gateways speak TLS, each
with a certificate of its own. The tests hold the files here to what this writes.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from firmware_sim import scenario_file
from firmware_sim.scenario import Gateway
from oxywatch.demo.gateways import Cadence, Connection, write_gateway
from oxywatch.demo.registry import hospitals

HERE = Path(__file__).resolve().parent
FIRST_MODULE_PORT = 5020
LINE_PORT = 8884
SIMULATOR = "simulator"
BROKER = ("mosquitto", 8883)

_WRITTEN = "# Written by deploy/demo/make.py.\n"
_LINE = (
    f'line = {{ host = "0.0.0.0", port = {LINE_PORT}, '
    f'target_host = "{BROKER[0]}", target_port = {BROKER[1]} }}'
)
_OPENED = 'code = "{code}"\nfacility = "{facility}"\n'
_TLS = """ca_file = "/run/gateways/ca.pem"
cert_file = "/run/gateways/{code}.pem"
key_file = "/run/gateways/{code}.key"

[poll]"""


def scenario_text() -> str:
    """Return the shipped scenario with its modules, and the line that the story cuts, at fixed ports."""
    text = resources.files("firmware_sim").joinpath("scenarios", "demo.toml").read_text(encoding="utf-8")
    for index, gateway in enumerate(scenario_file.shipped("demo").gateways):
        entry = _OPENED.format(code=gateway.code, facility=gateway.facility)
        address = f'host = "0.0.0.0"\nport = {FIRST_MODULE_PORT + index}\n'
        text = _replaced(text, entry, entry + address)
    return _WRITTEN + _replaced(text, "line = {}", _LINE)


def write_gateways(folder: Path) -> list[Path]:
    """Write one configuration for each gateway; return their paths."""
    scenario = scenario_file.shipped("demo")
    paths = []
    for index, gateway in enumerate(scenario.gateways):
        path = write_gateway(
            folder, scenario, gateway, hospitals().shard, _connection(gateway, index), Cadence()
        )
        text = path.read_text(encoding="utf-8").partition("\n")[2]
        text = _replaced(text, "\n[poll]", _TLS.format(code=gateway.code))
        text = _replaced(text, "trust_clock", 'data_dir = "/var/lib/oxywatch"\ntrust_clock')
        path.write_text(_WRITTEN + text, encoding="utf-8")
        paths.append(path)
    return paths


def _connection(gateway: Gateway, index: int) -> Connection:
    broker = BROKER if gateway.line is None else (SIMULATOR, LINE_PORT)
    return Connection(SIMULATOR, FIRST_MODULE_PORT + index, gateway.unit, *broker)


def _replaced(text: str, old: str, new: str) -> str:
    """Return the text with `old`, which has to stand in it once, replaced; raises ValueError."""
    if text.count(old) != 1:
        raise ValueError(f"{old!r} stands {text.count(old)} times in the text, expected once")
    return text.replace(old, new)


if __name__ == "__main__":
    HERE.joinpath("scenario.toml").write_text(scenario_text(), encoding="utf-8")
    write_gateways(HERE / "gateways")
