"""A registry of two tanks behind one gateway, and messages as that gateway sends them."""

from __future__ import annotations

from collections.abc import Sequence

from oxygen.reading import Sample
from oxygen.tank import unparse_geometry
from oxygen.wire.batch import to_columns
from oxygen.wire.payloads import VERSION, Lane, Samples
from oxygen.wire.topics import GatewayAddress
from records.registry import Facility, Gateway, Registry, Tank
from tests.oxygen import readings

SHARD = "hcm"
ADDRESS = GatewayAddress(SHARD, "bv-a", "gw-a")
EPOCH = "epoch-1"


def tank(code: str = "a-1", gateway: str | None = "gw-a") -> Tank:
    """Return the registry's entry of a tank like `readings.TANK`."""
    return Tank(
        code=code,
        facility="bv-a",
        name_vi=f"Bồn {code}",
        name_en=f"Tank {code}",
        geometry=unparse_geometry(readings.TANK.geometry),
        working_pressure_pa=readings.WORKING_PA,
        gateway=gateway,
    )


REGISTRY = Registry(
    version=0,
    facilities=(Facility("bv-a", "Bệnh viện A", "Hospital A", SHARD),),
    gateways=(Gateway("gw-a", "bv-a"),),
    tanks=(tank("a-1"), tank("a-2")),
)


def batch(samples: Sequence[Sample], *, epoch: str = EPOCH, sent_mono_us: int = 0) -> Samples:
    """Return a message with a run of samples."""
    return Samples(
        v=VERSION,
        epoch=epoch,
        first=samples[0].seq,
        lane=Lane.LIVE,
        sent_mono_us=sent_mono_us,
        boot="boot-1",
        samples=to_columns(samples),
    )


def gap(first: int, last: int, *, reason: str = "thinned", epoch: str = EPOCH) -> Samples:
    """Return a message that declares a run missing."""
    return Samples(
        v=VERSION,
        epoch=epoch,
        first=first,
        lane=Lane.HISTORY,
        sent_mono_us=0,
        boot="boot-1",
        gap=(first, last),
        reason=reason,
        count=last - first + 1,
    )
