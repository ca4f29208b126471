"""Names of what is watched."""

from __future__ import annotations

import pytest

from oxygen.errors import Rejected
from oxygen.subjects import is_code, split, subject


@pytest.mark.parametrize("code", ["a", "bv-cho-lon-1", "0", "x" * 32])
def test_registry_codes_are_accepted(code: str) -> None:
    assert is_code(code)
    assert split(subject("tank", code)) == ("tank", code)


@pytest.mark.parametrize("code", ["", "A", "bồn", "a b", "a/b", "a+", "#", "x" * 33, "a\n", "a:b"])
def test_anything_else_is_refused(code: str) -> None:
    assert not is_code(code)
    with pytest.raises(Rejected) as refusal:
        subject("tank", code)
    assert refusal.value.code == "bad_subject"


@pytest.mark.parametrize("text", ["tank", "tank:", ":a", "car:a", "Tank:a", "tank:a:b", ""])
def test_what_is_no_subject_cannot_be_split(text: str) -> None:
    with pytest.raises(Rejected, match="is not allowed"):
        split(text)


def test_alarms_speak_of_facilities_stations_and_services_too() -> None:
    assert [split(f"{kind}:x")[0] for kind in ("facility", "station", "service", "gateway", "system")] == [
        "facility",
        "station",
        "service",
        "gateway",
        "system",
    ]
