"""What an agent works by, after its configuration was read and every name in it resolved."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from broker_link import BrokerSettings
from oxygen.devices import DeviceProfile, Point
from oxygen.wire.topics import GatewayAddress

Seconds = Annotated[float, Meta(gt=0, le=86_400)]


class PublishSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Patience and portions of the publisher.

    Attributes:
        retransmit_s: An unseen batch is sent again after this; the wait doubles up to `retransmit_cap_s`.
        retransmit_cap_s: Longest such wait.
        resend_unstored_s: What was seen but not stored is sent again after this; doubles up to 20 times it.
        state_every_s: How often the gateway's state is published when nothing changes.
        history_share: Largest share of the line that history may take while there is a backlog.
        max_unseen: Batches that may be under way without the centre having seen them.
        max_rows: Rows of one batch.
        max_payload_bytes: Packed size of one message; must stay below the broker's own limit.
    """

    retransmit_s: Seconds = 3.0
    retransmit_cap_s: Seconds = 15.0
    resend_unstored_s: Seconds = 30.0
    state_every_s: Seconds = 10.0
    history_share: Annotated[float, Meta(gt=0, le=1)] = 0.5
    max_unseen: Annotated[int, Meta(ge=1, le=64)] = 4
    max_rows: Annotated[int, Meta(ge=1, le=5000)] = 500
    max_payload_bytes: Annotated[int, Meta(ge=1024, le=262_144)] = 16_384


class SignalConfig(msgspec.Struct, frozen=True, kw_only=True):
    """How one signal comes out of the instrument's points.

    Attributes:
        name: Signal name, which carries the SI unit.
        point: The value.
        status: The module's own verdict on it; None when it gives none.
        at_4_ma_pa, at_20_ma_pa: Ends of the current loop's span, Pa; None when the point is no current.
        pa_per_unit: For a point that is a pressure already; None when it is a current.
        atmosphere_pa: Added to make a gauge pressure absolute; 0 for a difference or an absolute one.
    """

    name: str
    point: Point
    status: Point | None = None
    at_4_ma_pa: float | None = None
    at_20_ma_pa: float | None = None
    pa_per_unit: float | None = None
    atmosphere_pa: float = 0.0


class TankConfig(msgspec.Struct, frozen=True, kw_only=True):
    """One tank behind one Modbus unit.

    Attributes:
        subject: `tank:CODE`.
        unit: Modbus unit identifier.
        profile: Register map of the instrument.
        signals: What is read of it, in one bus cycle.
    """

    subject: str
    unit: int
    profile: DeviceProfile
    signals: tuple[SignalConfig, ...]

    def points(self) -> list[Point]:
        """Return the points that have to be read for this tank."""
        found = [signal.point for signal in self.signals]
        return found + [signal.status for signal in self.signals if signal.status is not None]


class BusConfig(msgspec.Struct, frozen=True, kw_only=True):
    """One field bus and the tanks on it."""

    name: str
    host: str
    port: int
    timeout_s: float
    tanks: tuple[TankConfig, ...]


class AgentConfig(msgspec.Struct, frozen=True, kw_only=True):
    """One gateway.

    Attributes:
        address: Where it stands in the topic tree.
        broker: How to reach the broker.
        spool_path, spool_max_bytes: The spool's file and its cap.
        every_s: Poll interval.
        batch_s: Interval of live batches; 0 publishes as soon as something is read.
        trust_clock: Take the machine's clock as right without asking the kernel.
        publish: The publisher's patience.
        buses: Field buses.
        file: What the configuration was read from.
    """

    address: GatewayAddress
    broker: BrokerSettings
    spool_path: Path
    spool_max_bytes: int
    every_s: float
    batch_s: float
    trust_clock: bool
    publish: PublishSettings
    buses: tuple[BusConfig, ...]
    file: Path = Path()

    @property
    def tanks(self) -> tuple[TankConfig, ...]:
        """Every tank of the gateway."""
        return tuple(tank for bus in self.buses for tank in bus.tanks)
