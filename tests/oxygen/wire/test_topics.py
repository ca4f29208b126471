"""Topics are built and read in one place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oxygen.errors import Rejected
from oxygen.subjects import CODE_PATTERN
from oxygen.wire.topics import (
    GatewayAddress,
    Leaf,
    all_gateways,
    all_heartbeats,
    all_statuses,
    gateway_topic,
    heartbeat_topic,
    parse_gateway_topic,
    status_topic,
    watch_topic,
)

CODE = st.from_regex(CODE_PATTERN, fullmatch=True)


@given(CODE, CODE, CODE, st.sampled_from(Leaf))
def test_a_gateways_topic_is_read_back(shard: str, facility: str, gateway: str, leaf: Leaf) -> None:
    address = GatewayAddress(shard, facility, gateway)

    assert parse_gateway_topic(gateway_topic(address, leaf)) == (address, leaf)


def test_topics_are_spelt_as_agreed() -> None:
    assert (
        gateway_topic(GatewayAddress("hcm", "bv-a", "gw-1"), Leaf.SAMPLES) == "oxy/1/hcm/bv-a/gw/gw-1/samples"
    )
    assert status_topic("hcm", "bv-a", "tank:t-1") == "oxy/1/hcm/bv-a/subject/tank/t-1/status"
    assert watch_topic("hcm", "bv-a") == "oxy/1/hcm/bv-a/watch"
    assert heartbeat_topic("ingest", "ingest-1") == "oxy/1/system/ingest/ingest-1"
    assert all_gateways("hcm", Leaf.STATE) == "oxy/1/hcm/+/gw/+/state"
    assert all_statuses() == "oxy/1/+/+/subject/+/+/status"
    assert all_statuses("hcm") == "oxy/1/hcm/+/subject/+/+/status"
    assert all_heartbeats() == "oxy/1/system/+/+"


@pytest.mark.parametrize(
    "topic",
    [
        "",
        "oxy/1/hcm/bv-a/gw/gw-1",
        "oxy/1/hcm/bv-a/gw/gw-1/samples/x",
        "oxy/2/hcm/bv-a/gw/gw-1/samples",
        "oxy/1/hcm/bv-a/gate/gw-1/samples",
        "oxy/1/hcm/bv a/gw/gw-1/samples",
        "oxy/1/hcm/bv-a/gw/GW/samples",
        "oxy/1/hcm/bv-a/gw/gw-1/sample",
        "oxy/1/hcm/bv-a/gw/+/samples",
    ],
)
def test_what_is_no_gateways_topic_is_refused(topic: str) -> None:
    with pytest.raises(Rejected) as refusal:
        parse_gateway_topic(topic)
    assert refusal.value.code == "bad_topic"
