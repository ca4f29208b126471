"""docs/wire.md says what the code does."""

from __future__ import annotations

import json
import re

import jsonschema
import msgspec
import pytest

from bench.wire_docs import PATH, TOPICS, main, page
from oxygen.reading import Quality, Reason
from oxygen.wire.payloads import (
    VERSION,
    Ack,
    BusState,
    GatewayConfig,
    GatewayConfigState,
    GatewayState,
    Heartbeat,
    Lane,
    RangeRequest,
    SampleColumns,
    Samples,
    SignalColumn,
    Status,
    Watch,
)
from oxygen.wire.topics import Leaf

COLUMNS = SampleColumns(
    ["tank:a-1"],
    ["boot"],
    [None],
    [5],
    {"dp_pa": SignalColumn([0], [None], [Quality.BAD], [Reason.WIRE_BREAK.value], [0.0])},
)
EXAMPLES: list[msgspec.Struct] = [
    Samples(VERSION, "epoch", 1, Lane.LIVE, 9, "boot", COLUMNS),
    Samples(VERSION, "epoch", 1, Lane.HISTORY, 9, "boot", gap=(1, 4), reason="thinned", count=4),
    Ack(VERSION, "epoch", [(1, 5)], []),
    RangeRequest(VERSION, "epoch", [(2, 3)]),
    GatewayState(VERSION, True, "boot", "epoch", "x", buses={"io": BusState(True)}),
    Status(
        VERSION, "tank:a-1", "bv-a", None, 1, "live", Quality.BAD, Reason.NEVER_READ, "never_read", "unknown"
    ),
    GatewayConfig(VERSION, 1, "0" * 64, "[poll]\nevery_s = 5\n"),
    GatewayConfigState(VERSION, 1, "0" * 64, False, "poll.every_s"),
    Watch(VERSION, 1, 2),
    Heartbeat(VERSION, "ingest", "1", 3),
]


def schemas() -> dict[str, object]:
    """Return the schemas as they stand on the page, by name."""
    text = PATH.read_text(encoding="utf-8")
    found = re.findall(r"^### (\w+)\n.*?^```json\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return {name: json.loads(body) for name, body in found}


def test_the_page_is_current() -> None:
    assert PATH.read_text(encoding="utf-8") == page(), "run: python -m bench.wire_docs"
    assert main(["--check"]) == 0


@pytest.mark.parametrize("payload", EXAMPLES, ids=lambda payload: type(payload).__name__)
def test_what_is_sent_fits_the_schema_on_the_page(payload: msgspec.Struct) -> None:
    definitions = schemas()
    schema = {"$ref": f"#/$defs/{type(payload).__name__}", "$defs": definitions}
    sent = json.loads(msgspec.json.encode(payload))
    jsonschema.Draft202012Validator(schema).validate(sent)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(schema).validate({"v": "one"})


def test_every_leaf_of_a_gateway_and_every_payload_is_on_the_page() -> None:
    assert {row.topic.rpartition("/")[2] for row in TOPICS if "/gw/" in row.topic} == {
        leaf.value for leaf in Leaf
    }
    assert {type(payload) for payload in EXAMPLES} == {row.payload for row in TOPICS if row.payload}
