"""Signed JSON to somebody's HTTP server.

`POST` with `Content-Type: application/json`, the two headers of `channels.signature`, and `Idempotency-Key`,
the same at every attempt. 2xx accepts. Redirects are not followed: where alarms go is what a person typed.
"""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import Annotated

import httpx
from pydantic import BaseModel, ConfigDict, Field

from channels.destination import Resolve, destination, system_resolve
from channels.message import Receipt
from channels.signature import SIGNATURE_HEADER, TIMESTAMP_HEADER, signature
from oxygen.errors import Permanent, Rejected, Retryable

_BODY_IS_WRONG = (400, 413, 415, 422)
_LATER = (408, 425, 429)


class WebhookSettings(BaseModel):
    """How webhooks are called.

    Attributes:
        allow_private: Let them reach loopback and private networks, and use http; for a receiver beside us.
        ca_file: Certificates to trust instead of the usual authorities'.
        timeout_s: For the whole exchange.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    allow_private: bool = False
    ca_file: Path | None = None
    timeout_s: Annotated[float, Field(gt=0, le=300)] = 10.0


class WebhookChannel:
    """Calls webhooks, each over a connection of its own; safe for several tasks at once."""

    def __init__(self, settings: WebhookSettings, *, resolve: Resolve = system_resolve) -> None:
        self._settings = settings
        self._resolve = resolve

    async def send(self, address: str, secret: str | None, key: str, body: bytes, *, now_us: int) -> Receipt:
        """Post a body.

        Args:
            address: The URL as a person typed it.
            secret: Shared with the receiver; without one the body goes unsigned.
            key: Identity of the message, the same at every attempt.
            body: JSON.
            now_us: Our clock, for the timestamp that is signed.

        Raises:
            Retryable: No answer in time, 5xx, 408, 425 or 429; `retry_after_s` when it was asked for.
            Permanent: The address is refused, or the server answers 3xx or 4xx.
            Rejected: The server will not take this body (400, 413, 415, 422).
        """
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                return await self._post(address, secret, key, body, now_us // 1_000_000)
        except TimeoutError as error:
            raise Retryable(f"webhook {address!r} gave no answer in time", code="webhook_timeout") from error
        except (httpx.HTTPError, OSError) as error:
            raise Retryable(f"webhook {address!r}: {error!r}", code="webhook_unreachable") from error

    async def _post(
        self, address: str, secret: str | None, key: str, body: bytes, timestamp_s: int
    ) -> Receipt:
        target = await destination(address, allow_private=self._settings.allow_private, resolve=self._resolve)
        headers = {
            "Host": target.host_header,
            "Content-Type": "application/json",
            "User-Agent": "OxyWatch",
            "Idempotency-Key": key,
            TIMESTAMP_HEADER: str(timestamp_s),
        }
        if secret:
            headers[SIGNATURE_HEADER] = signature(secret, timestamp_s, body)
        # trust_env would let a proxy of the environment resolve the name once more.
        async with httpx.AsyncClient(
            verify=self._tls(), trust_env=False, follow_redirects=False, timeout=self._settings.timeout_s
        ) as client:
            for number, url in enumerate(target.urls, 1):
                request = client.build_request(
                    "POST",
                    url,
                    headers=headers,
                    content=body,
                    extensions={"sni_hostname": target.server_name},
                )
                try:
                    answer = await client.send(request, stream=True)
                except httpx.ConnectError:
                    # Nothing was sent yet, so the host's next address may be tried.
                    if number == len(target.urls):
                        raise
                    continue
                # The answer's body is not read: a receiver cannot fill our memory.
                await answer.aclose()
                return _outcome(address, answer)
        raise AssertionError("a destination has at least one address")

    def _tls(self) -> ssl.SSLContext | bool:
        ca_file = self._settings.ca_file
        return True if ca_file is None else ssl.create_default_context(cafile=str(ca_file))


def _outcome(address: str, answer: httpx.Response) -> Receipt:
    status = answer.status_code
    said = f"{status} {answer.reason_phrase}"
    if 200 <= status < 300:
        return Receipt(said)
    if status >= 500 or status in _LATER:
        pause = _retry_after_s(answer)
        asked = {} if pause is None else {"retry_after_s": pause}
        raise Retryable(f"webhook {address!r}: {said}", code="webhook_busy", answer=said, **asked)
    if status in _BODY_IS_WRONG:
        raise Rejected(f"webhook {address!r}: {said}", code="webhook_refused", answer=said)
    raise Permanent(f"webhook {address!r}: {said}", code="webhook_wrong_address", answer=said)


def _retry_after_s(answer: httpx.Response) -> int | None:
    """Return the pause in seconds that was asked for; None when there is none or it is given as a date."""
    value = answer.headers.get("Retry-After", "").strip()
    return int(value) if value.isascii() and value.isdigit() else None
