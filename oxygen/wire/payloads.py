"""Payloads of every topic. Unknown fields are ignored, so that newer programs may add some.

JSON Schemas in docs/wire.md are generated from these classes.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from oxygen.ranges import Range
from oxygen.reading import Quality, Reason
from oxygen.subjects import CODE_PATTERN

VERSION = 1

Seq = Annotated[int, Meta(ge=1, le=2**53)]
Code = Annotated[str, Meta(pattern=f"^{CODE_PATTERN}$")]
Epoch = Annotated[str, Meta(pattern="^[a-z0-9-]{1,64}$")]
Boot = Annotated[str, Meta(pattern="^[a-z0-9-]{1,64}$")]
Micros = Annotated[int, Meta(ge=-(2**53), le=2**53)]
SubjectName = Annotated[str, Meta(pattern=f"^[a-z]{{1,16}}:{CODE_PATTERN}$")]
SignalName = Annotated[str, Meta(pattern="^[a-z][a-z0-9_]{0,47}$")]


class Lane(StrEnum):
    """Live data first; history follows with what is left of the line."""

    LIVE = "live"
    HISTORY = "history"


class SignalColumn(msgspec.Struct, frozen=True):
    """One signal's values over the rows that have it.

    Attributes:
        row: Index into the batch's rows, ascending.
        value: SI value or null, one per entry of `row`.
        quality, reason: One per entry of `row`.
        raw: As delivered by the instrument, or null.
    """

    row: list[int]
    value: list[float | None]
    quality: list[Quality]
    reason: list[str]
    raw: list[float | None]


class SampleColumns(msgspec.Struct, frozen=True):
    """The rows of a batch by column; row i has seq `first + i`.

    Attributes:
        subject: Subject of each row.
        boot: Identity of the boot in which each row was read.
        t_us: Time of each read, or null when the gateway's clock was not synchronised.
        mono_us: Monotonic clock at each read, µs since its boot.
        signals: By signal name.
    """

    subject: list[SubjectName]
    boot: list[Boot]
    t_us: list[Micros | None]
    mono_us: list[Micros]
    signals: dict[SignalName, SignalColumn]


class Samples(msgspec.Struct, frozen=True, omit_defaults=True):
    """A contiguous run of samples, or a run that the gateway declares missing.

    Attributes:
        epoch: Identity of the spool that counts the samples.
        first: Sequence number of the first row (of the gap's first, when `gap` is given).
        lane: live or history.
        sent_mono_us: The gateway's monotonic clock when sent; dates rows that have no `t_us`.
        boot: Boot in which the message was sent; only rows of the same boot can be dated by it.
        samples: The rows; absent when `gap` is given.
        gap: Inclusive run that was thinned or quarantined; acknowledged like data.
        reason, count: Why, and how many samples were in it.
    """

    v: int
    epoch: Epoch
    first: Seq
    lane: Lane
    sent_mono_us: Micros
    boot: Boot
    samples: SampleColumns | None = None
    gap: tuple[Seq, Seq] | None = None
    reason: str = ""
    count: int = 0


class Ack(msgspec.Struct, frozen=True):
    """What the centre holds of one epoch.

    Attributes:
        seen: Ranges validated and fed to the engine; opens the send window, frees nothing.
        stored: Ranges that the store confirmed or that stand in the dead letters; may be freed.
        lease_token: Of the sender's lease on the shard. A gateway ignores answers with a lower one than it
            has seen: their sender was replaced.
        as_of_us: Server time at which this was so; 0 when not told.
    """

    v: int
    epoch: Epoch
    seen: list[Range]
    stored: list[Range]
    lease_token: int = 0
    as_of_us: int = 0


class RangeRequest(msgspec.Struct, frozen=True):
    """Ranges of an epoch that the centre wants again; `lease_token` as in an acknowledgement."""

    v: int
    epoch: Epoch
    ranges: list[Range]
    lease_token: int = 0


class GatewayConfig(msgspec.Struct, frozen=True):
    """What a gateway is to do; retained.

    Attributes:
        version: Counts a gateway's versions at the centre.
        sha256: Of the body's UTF-8 bytes, hexadecimal.
        body: TOML: the agent's tables `bus`, `tank`, `poll`, `publish` and `spool`. What says who the gateway
            is and how it reaches the broker is not settable from afar: it stays reachable for a correction.
    """

    v: int
    version: Annotated[int, Meta(ge=1, le=2**53)]
    sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    body: Annotated[str, Meta(max_length=65_536)]


class GatewayConfigState(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a gateway made of the configuration it was last given; retained.

    Attributes:
        version, sha256: Of that configuration.
        ok: It works by it.
        error: Why it was refused, in English, with lines of the body; the gateway goes on as before.
    """

    v: int
    version: int
    sha256: str
    ok: bool
    error: str = ""


class BusState(msgspec.Struct, frozen=True):
    """One field bus of a gateway, counted since the agent's start.

    Attributes:
        answering: Whether every instrument answered at the last poll.
        polls, failures: Bus cycles, and those in which some instrument did not answer properly.
        overruns: Polls left out because the one before took too long.
        last_error: What the last failure was, in English; empty while answering.
    """

    answering: bool
    polls: int = 0
    failures: int = 0
    last_error: str = ""
    overruns: int = 0


class GatewayState(msgspec.Struct, frozen=True, omit_defaults=True):
    """A gateway's own account of its health; retained, and its last will with `online` false.

    Attributes:
        online: False in the last will and after an orderly stop.
        t_us: The gateway's clock when it wrote this; null when not synchronised or in the last will.
        last_seq: Last committed sample of the epoch.
        spool_rows: Committed rows that the centre has not confirmed as stored.
        spool_bytes: Size of the spool on disk.
        spool_hours_left: Hours until the spool's cap at the current rate; null when not known yet.
        oldest_unstored_us: Time of the oldest such row, or null.
        buses: By the name in the configuration.
        samples_lost: Samples since the agent's start that the spool could not take; they have no number.
        spool_error: Why the spool takes nothing, in English; empty when it does.
    """

    v: int
    online: bool
    boot: str
    epoch: str
    software: str
    t_us: int | None = None
    clock_synchronised: bool = False
    last_seq: int = 0
    spool_rows: int = 0
    spool_bytes: int = 0
    spool_hours_left: float | None = None
    oldest_unstored_us: int | None = None
    buses: dict[str, BusState] = {}
    samples_lost: int = 0
    spool_error: str = ""


class Figure(msgspec.Struct, frozen=True):
    """A derived value with the quality and reason that it inherits; value null when there is none."""

    value: float | None
    quality: Quality
    reason: Reason


class Status(msgspec.Struct, frozen=True, omit_defaults=True):
    """A subject's derived state; the payload of its wake-up and the row in `status`.

    Attributes:
        subject, facility: Registry names.
        as_of_us: Time of the reading that the contents come from; null when there never was one.
            It is never re-stamped while the subject is silent.
        evaluated_us: Server time at which this was worked out.
        source: `live`, `backfill`, or `aged` (no new reading; the forecast went on by itself).
        quality, reason: Of the contents.
        state: `ok`, `filling`, `fault`, `stale` or `never_read`.
        band: The worst stock limit crossed: `normal`, `reorder`, `urgent`, `critical`, `unknown`.
        mass_kg: Last good contents; null when there never were any.
        aged_mass_kg: Contents expected at `evaluated_us` from the draw; equals mass_kg when fresh.
        fill_percent: 0 is the heel, may pass 100.
        draw_kg_per_h: Mean consumption over the ledger's window, or null.
        pressure_pa: Absolute tank pressure of the same reading, or null.
        empty_at_p10_us, empty_at_p50_us, empty_at_p90_us: Instants, or null when not forecastable.
    """

    v: int
    subject: str
    facility: str
    as_of_us: int | None
    evaluated_us: int
    source: str
    quality: Quality
    reason: Reason
    state: str
    band: str
    mass_kg: float | None = None
    aged_mass_kg: float | None = None
    fill_percent: float | None = None
    draw_kg_per_h: float | None = None
    pressure_pa: float | None = None
    empty_at_p10_us: int | None = None
    empty_at_p50_us: int | None = None
    empty_at_p90_us: int | None = None


class Watch(msgspec.Struct, frozen=True):
    """Says that alarms are being evaluated for a facility; standing still means nobody watches."""

    v: int
    evaluated_as_of_us: int
    valid_until_us: int


class Heartbeat(msgspec.Struct, frozen=True):
    """One program is alive, and what it is doing in a word or two."""

    v: int
    service: str
    instance: str
    t_us: int
    note: str = ""
