"""No field of a payload may be larger than anything real: a registered gateway may still be a broken one."""

from __future__ import annotations

import pytest

from oxygen.errors import Rejected
from oxygen.wire.packing import unpack
from oxygen.wire.payloads import GatewayState

STATE = '{"v":1,"online":true,"boot":"b","epoch":"e","software":"x"%s}'


@pytest.mark.parametrize(
    "field",
    [
        '"t_us":1' + "0" * 400,
        '"oldest_unstored_us":-1' + "0" * 40,
        '"last_seq":1' + "0" * 30,
        '"spool_hours_left":1e300',
        '"spool_error":"' + "x" * 501 + '"',
        '"buses":{{{}}}'.format(",".join(f'"b{number}":{{"answering":true}}' for number in range(65))),
    ],
    ids=["time", "oldest", "count", "hours", "words", "buses"],
)
def test_a_state_beyond_all_measure_is_refused(field: str) -> None:
    """It is set aside where it arrives, and never reaches what works with it."""
    with pytest.raises(Rejected):
        unpack((STATE % f",{field}").encode(), GatewayState)


def test_an_ordinary_state_is_taken() -> None:
    """The bounds leave room for everything that is real."""
    ordinary = ',"t_us":1800000000000000,"last_seq":123,"spool_hours_left":500.5'

    assert unpack((STATE % ordinary).encode(), GatewayState).last_seq == 123
