"""Bytes of a payload: compact JSON, deflated above 1 kB, never inflated beyond a bound."""

from __future__ import annotations

import zlib
from typing import TypeVar

import msgspec

from oxygen.errors import Rejected

DEFLATE_ABOVE_BYTES = 1024
MAX_PACKED_BYTES = 256 * 1024
MAX_UNPACKED_BYTES = 4 * 1024 * 1024

_ENCODER = msgspec.json.Encoder()
_DECODERS: dict[type, msgspec.json.Decoder[object]] = {}
_JSON_OPENING = 0x7B

P = TypeVar("P", bound=msgspec.Struct)


def pack(payload: msgspec.Struct) -> bytes:
    """Return the bytes to publish. A JSON object opens with `{`; anything else is a zlib stream."""
    text = _ENCODER.encode(payload)
    return text if len(text) <= DEFLATE_ABOVE_BYTES else zlib.compress(text, 6)


def unpack(data: bytes, kind: type[P]) -> P:
    """Return the payload.

    Raises:
        Rejected: Too large, not JSON, or not of this shape; the message names the offending field.
    """
    text = _inflated(data)
    decoder = _DECODERS.get(kind)
    if decoder is None:
        decoder = _DECODERS.setdefault(kind, msgspec.json.Decoder(kind))
    try:
        return decoder.decode(text)  # type: ignore[return-value]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        message = f"payload is not a {kind.__name__}: {error}"
        raise Rejected(message, code="bad_payload", detail=str(error)) from error


def _inflated(data: bytes) -> bytes:
    if len(data) > MAX_PACKED_BYTES:
        raise _too_large(len(data))
    if data[:1] == bytes((_JSON_OPENING,)):
        return data
    stream = zlib.decompressobj()
    try:
        text = stream.decompress(data, MAX_UNPACKED_BYTES)
    except zlib.error as error:
        message = f"payload cannot be inflated: {error}"
        raise Rejected(message, code="bad_payload", detail=str(error)) from error
    if stream.unconsumed_tail:
        raise _too_large(MAX_UNPACKED_BYTES)
    if not stream.eof:
        raise Rejected("payload is cut off", code="bad_payload", detail="cut off")
    return text


def _too_large(size: int) -> Rejected:
    return Rejected(f"payload of {size} bytes or more is too large", code="payload_too_large", bytes=size)
