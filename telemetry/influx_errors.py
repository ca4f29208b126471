"""What an answer of InfluxDB means for the caller. Pure."""

from __future__ import annotations

from http import HTTPStatus

import httpx
import msgspec
import urllib3

from oxygen.errors import OxyWatchError, Permanent, Rejected, Retryable

MISSING = ("database not found", "retention policy not found", "bucket not found", "dbrp mapping not found")
REFUSED = ("authorization failed", "unauthorized", "not authorized", "forbidden")
_REASON_LENGTH = 500


def write_error(status: int, body: str, retry_after: str | None = None) -> OxyWatchError | None:
    """Return what to raise for the answer to a write; None for the one confirmation, 204.

    A 400 cannot tell which points it means, so `points` is absent from its parameters.
    """
    reason = reason_in(body)
    if status == HTTPStatus.NO_CONTENT:
        return None
    # 422 is how 2.x says the same; 413 goes away when the caller halves the batch.
    if status in {
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.UNPROCESSABLE_ENTITY,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    }:
        return Rejected(
            f"InfluxDB refused points: {reason}",
            code="telemetry_points_rejected",
            reason=reason,
            status=status,
        )
    return answer_error(status, reason, retry_after)


def answer_error(status: int, reason: str, retry_after: str | None = None) -> OxyWatchError:
    """Return what to raise for an answer that is neither success nor a word about the input."""
    if named := named_error(reason):
        return named  # 1.6 tells of a missing retention policy with a 500
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return _refused(reason)
    if status == HTTPStatus.NOT_FOUND:
        return _missing(reason)
    if status in {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS} or status >= 500:
        return _busy(status, reason, retry_after)
    message = f"InfluxDB answered {status}, which no InfluxDB should: {reason}"
    return Permanent(message, code="telemetry_misdirected", status=status, reason=reason)


def named_error(reason: str) -> Permanent | None:
    """Return the error that InfluxDB's own words name, or None."""
    lowered = reason.lower()
    if any(text in lowered for text in MISSING):
        return _missing(reason)
    if any(text in lowered for text in REFUSED):
        return _refused(reason)
    return None


def unreachable(url: str, error: httpx.HTTPError | urllib3.exceptions.HTTPError) -> Retryable:
    """Return what to raise when no answer came, or only part of one: nobody knows whether it was done."""
    reason = f"{type(error).__name__}: {error}"
    return Retryable(
        f"no answer from InfluxDB at {url}: {reason}", code="telemetry_unreachable", url=url, reason=reason
    )


def reason_in(body: str) -> str:
    """Return the sentence in an error's body: `error` in 1.x, `message` in 2.x, else the text's start."""
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeError):
        found = None
    if isinstance(found, dict):
        body = str(found.get("error") or found.get("message") or body)
    return body.strip()[:_REASON_LENGTH]


def _refused(reason: str) -> Permanent:
    return Permanent(f"InfluxDB refused access: {reason}", code="telemetry_refused", reason=reason)


def _missing(reason: str) -> Permanent:
    return Permanent(f"not in InfluxDB: {reason}", code="telemetry_missing", reason=reason)


def _busy(status: int, reason: str, retry_after: str | None) -> Retryable:
    """Return Retryable, with `retry_after_s` when the server asked for a pause in seconds."""
    message = f"InfluxDB answered {status}: {reason}"
    params: dict[str, object] = {"status": status, "reason": reason}
    if retry_after is not None and retry_after.strip().isdecimal():
        params["retry_after_s"] = int(retry_after)
    return Retryable(message, code="telemetry_busy", **params)
