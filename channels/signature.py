"""Signature of a webhook, and its check, which a receiver may copy.

`X-OxyWatch-Timestamp` is the sender's clock, whole seconds since 1970. `X-OxyWatch-Signature` is `sha256=`
and the hex HMAC-SHA256, under the shared secret, of the timestamp, a full stop and the body's bytes.
"""

from __future__ import annotations

import hashlib
import hmac

TIMESTAMP_HEADER = "X-OxyWatch-Timestamp"
SIGNATURE_HEADER = "X-OxyWatch-Signature"
TOLERANCE_S = 300


def signature(secret: str, timestamp_s: int, body: bytes) -> str:
    """Return the value of the signature header."""
    digest = hmac.new(secret.encode(), b"%d." % timestamp_s + body, hashlib.sha256).hexdigest()
    return f"sha256={digest}"


def is_genuine(
    secret: str,
    *,
    timestamp: str,
    body: bytes,
    received: str,
    now_s: int,
    tolerance_s: int = TOLERANCE_S,
) -> bool:
    """Tell whether a received body was signed with the secret, and not long ago.

    Args:
        secret: As agreed for this contact.
        timestamp, received: The two headers as they arrived.
        body: The bytes as they arrived, before any parsing.
        now_s: The receiver's clock.
        tolerance_s: How far the two clocks and the way may differ; an older body may be a replay.
    """
    if not timestamp.isascii() or not timestamp.isdigit() or abs(now_s - int(timestamp)) > tolerance_s:
        return False
    return hmac.compare_digest(signature(secret, int(timestamp), body).encode(), received.encode())
