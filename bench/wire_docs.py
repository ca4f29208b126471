"""Writes docs/wire.md, the description of everything that travels over MQTT, from the code itself.

python -m bench.wire_docs            write docs/wire.md
python -m bench.wire_docs --check    say whether it is current; exit code 1 when it is not
"""

from __future__ import annotations

import inspect
import json
import sys
from pathlib import Path
from typing import NamedTuple

import msgspec

from oxygen.wire import packing, payloads
from oxygen.wire.topics import (
    GatewayAddress,
    Leaf,
    gateway_topic,
    heartbeat_topic,
    status_topic,
    watch_topic,
)

PATH = Path(__file__).resolve().parent.parent / "docs" / "wire.md"

_INTRODUCTION = """\
# The wire

What gateways and the centre say to each other over MQTT. This page is written from the code by
`python -m bench.wire_docs`; a test fails when it is out of date.

- MQTT 5, QoS 1. Version {version}; the topic tree begins with it.
- A payload is a compact JSON object. Above {deflate} bytes it is a zlib stream instead: whatever does not
  open with `{{` is deflated. At most {packed} bytes packed and {unpacked} unpacked; more is refused.
- Unknown fields are ignored, so that newer programs may add some. Absent is not zero: a value that was not
  read is `null` with a quality and a reason.
- Times are µs since 1970 UTC; pressures are Pa, tank pressure absolute.
- A broker's acknowledgement proves nothing. A gateway frees a sample only when `ack` names it under `stored`,
  and repeats what is not named under `seen`.
- Nothing depends on a retained message being there; retained ones are a quicker start.
"""


class Topic(NamedTuple):
    """One row of the table of topics."""

    topic: str
    direction: str
    retained: bool
    payload: type[msgspec.Struct] | None
    purpose: str


_ADDRESS = GatewayAddress("{shard}", "{facility}", "{gateway}")

TOPICS = (
    Topic(
        gateway_topic(_ADDRESS, Leaf.SAMPLES),
        "gateway to centre",
        False,
        payloads.Samples,
        "readings, or a gap",
    ),
    Topic(
        gateway_topic(_ADDRESS, Leaf.ACK),
        "centre to gateway",
        False,
        payloads.Ack,
        "what was seen and stored",
    ),
    Topic(
        gateway_topic(_ADDRESS, Leaf.REQUEST),
        "centre to gateway",
        False,
        payloads.RangeRequest,
        "what is wanted again",
    ),
    Topic(
        gateway_topic(_ADDRESS, Leaf.STATE),
        "gateway to centre",
        True,
        payloads.GatewayState,
        "the gateway's health; its last will says offline",
    ),
    Topic(
        gateway_topic(_ADDRESS, Leaf.CONFIG),
        "centre to gateway",
        True,
        payloads.GatewayConfig,
        "desired configuration",
    ),
    Topic(
        gateway_topic(_ADDRESS, Leaf.CONFIG_STATE),
        "gateway to centre",
        True,
        payloads.GatewayConfigState,
        "reported configuration",
    ),
    Topic(gateway_topic(_ADDRESS, Leaf.ALARM), "gateway to centre", False, None, "local alarms (reserved)"),
    Topic(
        status_topic("{shard}", "{facility}", "tank:0").replace("tank/0", "{kind}/{id}"),
        "centre to everyone",
        True,
        payloads.Status,
        "a subject's derived state, as a wake-up",
    ),
    Topic(
        watch_topic("{shard}", "{facility}"),
        "centre to gateway",
        False,
        payloads.Watch,
        "somebody is evaluating alarms",
    ),
    Topic(
        heartbeat_topic("{service}", "{instance}"),
        "among the centre",
        False,
        payloads.Heartbeat,
        "a program lives",
    ),
)


def page() -> str:
    """Return the page as it should stand in docs/wire.md."""
    introduction = _INTRODUCTION.format(
        version=payloads.VERSION,
        deflate=packing.DEFLATE_ABOVE_BYTES,
        packed=packing.MAX_PACKED_BYTES,
        unpacked=packing.MAX_UNPACKED_BYTES,
    )
    return "\n".join([introduction, _table(), *_schemas()])


def _table() -> str:
    lines = ["## Topics", "", "| topic | direction | retained | payload | purpose |", "|---|---|---|---|---|"]
    for row in TOPICS:
        kind = f"[{row.payload.__name__}](#{row.payload.__name__.lower()})" if row.payload else "none yet"
        retained = "yes" if row.retained else "no"
        lines.append(f"| `{row.topic}` | {row.direction} | {retained} | {kind} | {row.purpose} |")
    return "\n".join([*lines, ""])


def _schemas() -> list[str]:
    kinds = [row.payload for row in TOPICS if row.payload is not None]
    _, components = msgspec.json.schema_components(kinds, ref_template="#/$defs/{name}")
    parts = ["## Schemas", "", "JSON Schema 2020-12; `$defs` are the sections below.", ""]
    for name, schema in components.items():
        description = inspect.cleandoc(schema.pop("description", ""))
        text = json.dumps(schema, indent=2, ensure_ascii=False, sort_keys=True)
        parts += [f"### {name}", "", *_prose(description), "```json", text, "```", ""]
    return parts


def _prose(description: str) -> list[str]:
    """Return a docstring as Markdown: its attributes become a list."""
    lines: list[str] = []
    for line in description.splitlines():
        if line == "Attributes:":
            continue
        if line.startswith(" " * 8):
            lines[-1] += " " + line.strip()
        elif line.startswith(" " * 4):
            names, _, meaning = line.strip().partition(": ")
            named = ", ".join(f"`{name}`" for name in names.split(", "))
            lines.append(f"- {named}: {meaning}")
        else:
            lines.append(line)
    return [*lines, ""] if lines else []


def main(arguments: list[str]) -> int:
    """Write the page, or with `--check` compare it; return the exit code."""
    if arguments not in ([], ["--check"]):
        print(__doc__, file=sys.stderr)
        return 2
    wanted = page()
    if not arguments:
        PATH.parent.mkdir(parents=True, exist_ok=True)
        PATH.write_text(wanted, encoding="utf-8")
        return 0
    if PATH.is_file() and PATH.read_text(encoding="utf-8") == wanted:
        return 0
    print("docs/wire.md is out of date; run: python -m bench.wire_docs", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
