"""Topic names; nobody else builds or parses one.

`oxy/1/{shard}/{facility}/gw/{gateway}/{leaf}` between a gateway and the centre,
`oxy/1/{shard}/{facility}/subject/{kind}/{id}/status` and `oxy/1/{shard}/{facility}/watch` from the centre,
`oxy/1/system/{service}/{instance}` for heartbeats.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from oxygen.errors import Rejected
from oxygen.subjects import is_code, split

ROOT = "oxy/1"


class Leaf(StrEnum):
    """The last level of a gateway's topics."""

    SAMPLES = "samples"
    ACK = "ack"
    REQUEST = "request"
    STATE = "state"
    CONFIG = "config"
    CONFIG_STATE = "config-state"
    ALARM = "alarm"


class GatewayAddress(NamedTuple):
    """Where a gateway stands in the topic tree; all three are registry codes."""

    shard: str
    facility: str
    gateway: str


def gateway_topic(address: GatewayAddress, leaf: Leaf) -> str:
    """Return the topic of one gateway's leaf."""
    return f"{ROOT}/{address.shard}/{address.facility}/gw/{address.gateway}/{leaf.value}"


def all_gateways(shard: str, leaf: Leaf) -> str:
    """Return the filter for one leaf of every gateway of a shard."""
    return f"{ROOT}/{shard}/+/gw/+/{leaf.value}"


def parse_gateway_topic(topic: str) -> tuple[GatewayAddress, Leaf]:
    """Return the gateway and leaf that a topic names; raises Rejected when it is not a gateway's topic."""
    levels = topic.split("/")
    well_formed = len(levels) == 7 and levels[0:2] == ["oxy", "1"] and levels[4] == "gw"
    if not well_formed or not all(map(is_code, (levels[2], levels[3], levels[5]))):
        raise Rejected(f"topic {topic!r} is not a gateway's", code="bad_topic", topic=topic)
    try:
        leaf = Leaf(levels[6])
    except ValueError as error:
        raise Rejected(f"topic {topic!r} has no known leaf", code="bad_topic", topic=topic) from error
    return GatewayAddress(levels[2], levels[3], levels[5]), leaf


def status_topic(shard: str, facility: str, subject: str) -> str:
    """Return the retained wake-up topic of a subject's status."""
    kind, code = split(subject)
    return f"{ROOT}/{shard}/{facility}/subject/{kind}/{code}/status"


def all_statuses(shard: str = "+") -> str:
    """Return the filter for the status of every subject of a shard, or of all shards."""
    return f"{ROOT}/{shard}/+/subject/+/+/status"


def watch_topic(shard: str, facility: str) -> str:
    """Return the topic on which alerts tells a facility's gateways that somebody evaluates."""
    return f"{ROOT}/{shard}/{facility}/watch"


def heartbeat_topic(service: str, instance: str) -> str:
    """Return the topic of one program's heartbeat."""
    return f"{ROOT}/system/{service}/{instance}"


def all_heartbeats() -> str:
    """Return the filter for every program's heartbeat."""
    return f"{ROOT}/system/+/+"
