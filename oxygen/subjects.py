"""Identifiers: what the system watches, and the codes they are built from."""

from __future__ import annotations

import re

from oxygen.errors import Rejected

CODE_PATTERN = r"[a-z0-9-]{1,32}"
SAMPLED_KINDS = ("tank", "bank", "system", "line", "gateway")
"""Kinds that have samples or derived state."""
SPOKEN_KINDS = (*SAMPLED_KINDS, "facility", "station", "service")
"""Kinds that alarms may speak of."""

_CODE = re.compile(CODE_PATTERN)


def is_code(text: str) -> bool:
    """Tell whether `text` may be a registry code: 1–32 of a–z, 0–9 and hyphen."""
    return _CODE.fullmatch(text) is not None


def subject(kind: str, code: str) -> str:
    """Return `kind:code`; raises Rejected when either is not allowed."""
    if kind not in SPOKEN_KINDS or not is_code(code):
        raise Rejected(f"subject {kind}:{code} is not allowed", code="bad_subject", subject=f"{kind}:{code}")
    return f"{kind}:{code}"


def split(text: str) -> tuple[str, str]:
    """Return (kind, code) of a subject; raises Rejected when it is not one."""
    kind, _, code = text.partition(":")
    subject(kind, code)
    return kind, code
