"""Payloads to bytes and back, and what is refused on the way in."""

from __future__ import annotations

import json
import random
import zlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oxygen.errors import Rejected
from oxygen.wire.packing import (
    DEFLATE_ABOVE_BYTES,
    MAX_PACKED_BYTES,
    MAX_UNPACKED_BYTES,
    pack,
    unpack,
)
from oxygen.wire.payloads import Ack, RangeRequest, Samples

SPANS = st.lists(st.tuples(st.integers(1, 2**50), st.integers(1, 2**50)), max_size=300)


@given(SPANS, SPANS)
def test_what_is_packed_comes_out_again(seen: list[tuple[int, int]], stored: list[tuple[int, int]]) -> None:
    ack = Ack(1, "epoch-1", seen, stored)

    assert unpack(pack(ack), Ack) == ack


def test_small_payloads_stay_readable_and_large_ones_are_deflated() -> None:
    small, large = Ack(1, "e", [(1, 2)], []), Ack(1, "e", [(n, n) for n in range(1, 2000, 2)], [])

    assert json.loads(pack(small)) == {"v": 1, "epoch": "e", "seen": [[1, 2]], "stored": []}
    assert len(msgspec.json.encode(large)) > DEFLATE_ABOVE_BYTES
    assert json.loads(zlib.decompress(pack(large)))["epoch"] == "e"


def test_unknown_fields_are_ignored_so_that_newer_programs_may_add_some() -> None:
    assert unpack(b'{"v":1,"epoch":"e","ranges":[[1,2]],"why":"later"}', RangeRequest).ranges == [(1, 2)]


def test_a_bomb_is_not_inflated() -> None:
    bomb = zlib.compress(b" " * (50 * MAX_UNPACKED_BYTES), 9)
    assert len(bomb) < MAX_PACKED_BYTES

    with pytest.raises(Rejected) as refusal:
        unpack(bomb, Ack)
    assert refusal.value.code == "payload_too_large"


def test_the_largest_payload_that_fits_is_read_and_a_byte_more_is_refused() -> None:
    text = b'{"v":1,"epoch":"e","seen":[],"stored":[]}'
    full = text + b" " * (MAX_UNPACKED_BYTES - len(text))

    assert unpack(zlib.compress(full), Ack).epoch == "e"
    with pytest.raises(Rejected):
        unpack(zlib.compress(full + b" "), Ack)


def test_an_oversized_message_is_refused_before_it_is_looked_at() -> None:
    noise = random.Random(1).randbytes(MAX_PACKED_BYTES + 1)

    with pytest.raises(Rejected) as refusal:
        unpack(noise, Ack)
    assert refusal.value.code == "payload_too_large"
    assert refusal.value.params["bytes"] == MAX_PACKED_BYTES + 1


@pytest.mark.parametrize("kept", [0, 1, 2, 10, -1])
def test_a_message_that_was_cut_off_is_refused(kept: int) -> None:
    whole = pack(Ack(1, "e", [(n, n) for n in range(1, 2000, 2)], []))

    with pytest.raises(Rejected) as refusal:
        unpack(whole[:kept], Ack)
    assert refusal.value.code == "bad_payload"


@pytest.mark.parametrize(
    "payload",
    [
        b"hello",
        b"{}",
        b"[]",
        b"null",
        b'{"v":1,"epoch":"e","seen":[[1]],"stored":[]}',
        b'{"v":1,"epoch":"E!","first":1,"lane":"live","sent_mono_us":0,"boot":"b"}',
        b'{"v":1,"epoch":"e","first":0,"lane":"live","sent_mono_us":0,"boot":"b"}',
        b'{"v":1,"epoch":"e","first":1,"lane":"fast","sent_mono_us":0,"boot":"b"}',
        b'{"v":1,"epoch":"e","first":1,"lane":"live","sent_mono_us":0,"boot":"b","count":-1}',
        b'{"v":1,"epoch":"e","first":1,"lane":"live","sent_mono_us":0,"boot":"b","reason":"\\u0000"}',
        b'{"v":1,"epoch":"\xff"}',
        b'{"v":1,"epoch":"\\ud800"}',
        b'{"v":1,"x":' + b"[" * 20_000 + b"]" * 20_000 + b"}",
        zlib.compress(b"\xff\xfe"),
    ],
)
def test_garbage_is_refused_with_a_reason_and_never_ends_the_program(payload: bytes) -> None:
    with pytest.raises(Rejected) as refusal:
        unpack(payload, Samples)
    assert refusal.value.code == "bad_payload"
    assert refusal.value.params["detail"]


@given(st.binary(max_size=400))
def test_no_bytes_at_all_raise_anything_but_a_refusal(payload: bytes) -> None:
    with pytest.raises(Rejected):
        unpack(payload, Samples)
