"""When a message that failed is tried again. Pure."""

from __future__ import annotations

import msgspec

from alerts.settings import OutboxSettings
from oxygen.errors import OxyWatchError, Rejected
from oxygen.units import S_PER_HOUR, US_PER_S

_DOUBLINGS_AT_MOST = 30


class Retry(msgspec.Struct, frozen=True):
    """What to do after a failure.

    Attributes:
        due_us: When to try again.
        give_up: Never; `due_us` has no meaning then.
        code: Of the error, for people; a key under `errors`.
        params: Values for its text.
    """

    due_us: int
    give_up: bool
    code: str
    params: dict[str, object]


def after_failure(
    error: OxyWatchError,
    *,
    attempts: int,
    created_us: int,
    now_us: int,
    settings: OutboxSettings,
    jitter: float,
) -> Retry:
    """Return what to do.

    A refusal for good ends at once. Everything else is tried again, also what waits for a person to change a
    setting: the message is still worth having when that is done.

    Args:
        error: What the channel raised.
        attempts: How often it was tried, this time included.
        created_us: When the message was written.
        now_us: The server's clock.
        settings: Pauses and ages.
        jitter: A number in [0, 1): pauses are half to whole, so that not all messages come back at once.
    """
    code, params = error.code, dict(error.params)
    if isinstance(error, Rejected):
        return Retry(now_us, True, code, params)
    if now_us - created_us >= settings.give_up_after_s * US_PER_S:
        hours = round(settings.give_up_after_s / S_PER_HOUR, 1)
        return Retry(now_us, True, "undeliverable_too_old", {"hours": f"{hours:g}", "last": code})
    doublings = min(max(attempts - 1, 0), _DOUBLINGS_AT_MOST)
    pause_s = min(settings.retry_cap_s, settings.first_retry_s * 2.0**doublings) * (0.5 + 0.5 * jitter)
    asked_s = error.params.get("retry_after_s")
    if isinstance(asked_s, int | float):
        pause_s = max(pause_s, min(float(asked_s), settings.retry_cap_s))
    return Retry(now_us + round(pause_s * US_PER_S), False, code, params)
