"""What a gateway may do at the broker: its own topics, each spelled out.

No patterns: a pattern with the client's name in it would let a gateway choose the shard and the facility that
it speaks for.
"""

from __future__ import annotations

from typing import NamedTuple

from oxygen.wire.topics import GatewayAddress, Leaf, gateway_topic, watch_topic

SENT = (Leaf.SAMPLES, Leaf.STATE, Leaf.CONFIG_STATE, Leaf.ALARM)
HEARD = (Leaf.ACK, Leaf.REQUEST, Leaf.CONFIG)


class Access(NamedTuple):
    """Topics without wildcards.

    Attributes:
        send: May be published on.
        receive: May be subscribed to, and are delivered.
    """

    send: tuple[str, ...]
    receive: tuple[str, ...]


def gateway_access(address: GatewayAddress) -> Access:
    """Return what the gateway at an address may do."""
    return Access(
        send=tuple(gateway_topic(address, leaf) for leaf in SENT),
        receive=(
            *(gateway_topic(address, leaf) for leaf in HEARD),
            watch_topic(address.shard, address.facility),
        ),
    )
