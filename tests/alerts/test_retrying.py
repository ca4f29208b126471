"""Pauses between attempts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from alerts.retrying import after_failure
from alerts.settings import OutboxSettings
from oxygen.errors import OxyWatchError, Permanent, Rejected, Retryable

SETTINGS = OutboxSettings()
DAY_US = 86_400_000_000


def pause_s(attempts: int, error: OxyWatchError | None = None, jitter: float = 1.0) -> float:
    retry = after_failure(
        error or Retryable("down", code="mail_unreachable"),
        attempts=attempts,
        created_us=0,
        now_us=1000,
        settings=SETTINGS,
        jitter=jitter,
    )
    assert not retry.give_up
    return (retry.due_us - 1000) / 1_000_000


def test_pauses_double_up_to_ten_minutes() -> None:
    assert [pause_s(attempts) for attempts in range(1, 10)] == [5, 10, 20, 40, 80, 160, 320, 600, 600]
    assert pause_s(10_000) == 600


def test_jitter_shortens_a_pause_by_half_at_most() -> None:
    assert pause_s(3, jitter=0.0) == 10


def test_a_pause_that_was_asked_for_is_kept_up_to_the_cap() -> None:
    assert pause_s(1, Retryable("busy", code="webhook_busy", retry_after_s=120)) == 120
    assert pause_s(1, Retryable("busy", code="webhook_busy", retry_after_s=1)) == 5
    assert pause_s(1, Retryable("busy", code="webhook_busy", retry_after_s=1_000_000)) == 600


def test_what_needs_a_person_is_tried_again_and_what_is_refused_is_not() -> None:
    assert pause_s(1, Permanent("wrong password", code="mail_setting_refused")) == 5
    refused = after_failure(
        Rejected("spam", code="mail_refused"),
        attempts=1,
        created_us=0,
        now_us=0,
        settings=SETTINGS,
        jitter=0.0,
    )
    assert (refused.give_up, refused.code) == (True, "mail_refused")


@given(st.integers(0, 2 * DAY_US), st.integers(1, 400), st.floats(0, 1, exclude_max=True))
def test_a_message_is_tried_for_a_day_and_no_longer(age_us: int, attempts: int, jitter: float) -> None:
    retry = after_failure(
        Retryable("down", code="mail_unreachable"),
        attempts=attempts,
        created_us=0,
        now_us=age_us,
        settings=SETTINGS,
        jitter=jitter,
    )

    assert retry.give_up == (age_us >= DAY_US)
    assert retry.give_up or retry.due_us > age_us
