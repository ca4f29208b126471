"""Webhooks, against a real HTTP server: signature, refusals, and addresses that must not be called."""

from __future__ import annotations

import hashlib
import hmac
import socket
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from channels.destination import is_public
from channels.signature import is_genuine
from channels.webhook import WebhookChannel, WebhookSettings
from oxygen.errors import Permanent, Rejected, Retryable
from tests.channels.certificates import self_signed
from tests.channels.web_server import receiver

NOW_S = 1_790_000_000
NOW_US = NOW_S * 1_000_000
SECRET = "khóa-chung"
BODY = '{"what":"bồn oxy lỏng"}'.encode()
LOCAL = WebhookSettings(allow_private=True, timeout_s=2.0)


async def send(url: str, *, settings: WebhookSettings = LOCAL, answers: Sequence[str] | None = None) -> str:
    async def looked_up(host: str, port: int) -> Sequence[str]:
        assert answers is not None
        return answers

    channel = WebhookChannel(settings) if answers is None else WebhookChannel(settings, resolve=looked_up)
    receipt = await channel.send(url, SECRET, "alarm-7-raised-3", BODY, now_us=NOW_US)
    return receipt.reference


async def test_the_receiver_can_check_who_sent_it_and_when() -> None:
    with receiver() as web:
        reference = await send(web.url())

    got = web.received[0]
    expected = hmac.new(SECRET.encode(), f"{NOW_S}.".encode() + BODY, hashlib.sha256).hexdigest()
    assert reference == "200 OK"
    assert got.path == "/hooks/oxygen?place=1"
    assert got.body == BODY
    assert got.headers["Content-Type"] == "application/json"
    assert got.headers["X-OxyWatch-Timestamp"] == str(NOW_S)
    assert got.headers["X-OxyWatch-Signature"] == f"sha256={expected}"
    assert got.headers["Idempotency-Key"] == "alarm-7-raised-3"


@pytest.mark.parametrize(
    ("secret", "timestamp", "body", "now_s", "genuine"),
    [
        (SECRET, str(NOW_S), BODY, NOW_S, True),
        (SECRET, str(NOW_S), BODY, NOW_S + 299, True),
        (SECRET, str(NOW_S), BODY, NOW_S + 301, False),
        (SECRET, str(NOW_S + 1), BODY, NOW_S, False),
        (SECRET, str(NOW_S), BODY + b" ", NOW_S, False),
        ("another", str(NOW_S), BODY, NOW_S, False),
        (SECRET, "soon", BODY, NOW_S, False),
    ],
)
async def test_a_replayed_altered_or_forged_body_is_told_apart(
    secret: str, timestamp: str, body: bytes, now_s: int, *, genuine: bool
) -> None:
    with receiver() as web:
        await send(web.url())
    received = web.received[0].headers["X-OxyWatch-Signature"]

    assert is_genuine(secret, timestamp=timestamp, body=body, received=received, now_s=now_s) is genuine


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (500, Retryable),
        (503, Retryable),
        (429, Retryable),
        (408, Retryable),
        (400, Rejected),
        (422, Rejected),
        (401, Permanent),
        (404, Permanent),
        (410, Permanent),
    ],
)
async def test_a_refusal_says_whether_to_try_again(status: int, error: type[Exception]) -> None:
    with receiver() as web:
        web.answers = [(status, {})]
        with pytest.raises(error):
            await send(web.url())


async def test_a_pause_that_was_asked_for_is_passed_on() -> None:
    with receiver() as web:
        web.answers = [(429, {"Retry-After": "17"}), (503, {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"})]
        with pytest.raises(Retryable) as busy:
            await send(web.url())
        with pytest.raises(Retryable) as dated:
            await send(web.url())

    assert busy.value.params["retry_after_s"] == 17
    assert "retry_after_s" not in dated.value.params


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(status: int) -> None:
    with receiver() as elsewhere, receiver() as web:
        web.answers = [(status, {"Location": elsewhere.url()})]
        with pytest.raises(Permanent):
            await send(web.url())

    assert elsewhere.received == []


async def test_a_slow_receiver_is_worth_another_try() -> None:
    with receiver() as web:
        web.pause_s = 1.0
        with pytest.raises(Retryable):
            await send(web.url(), settings=WebhookSettings(allow_private=True, timeout_s=0.2))


async def test_nobody_listening_is_worth_another_try(free_port: Callable[[], int]) -> None:
    with pytest.raises(Retryable):
        await send(f"http://127.0.0.1:{free_port()}/")


async def test_the_address_that_was_checked_is_the_one_that_is_called() -> None:
    """A name is resolved once; what it answers later does not matter."""
    asked = []

    async def changing(host: str, port: int) -> Sequence[str]:
        asked.append((host, port))
        return ["127.0.0.1"] if len(asked) == 1 else ["192.0.2.1"]

    with receiver() as web:
        channel = WebhookChannel(LOCAL, resolve=changing)
        await channel.send(web.url("hooks.example.org"), None, "k", BODY, now_us=NOW_US)

    assert asked == [("hooks.example.org", web.port)]
    assert web.received[0].headers["Host"] == f"hooks.example.org:{web.port}"
    assert "X-OxyWatch-Signature" not in web.received[0].headers


async def test_the_next_address_is_tried_when_one_does_not_answer() -> None:
    with receiver() as web:
        # Nothing listens on the second loopback address.
        reference = await send(web.url("hooks.example.org"), answers=["127.0.0.2", "127.0.0.1"])

    assert reference == "200 OK"


async def test_the_certificate_must_be_of_the_name_although_an_address_is_called(tmp_path: Path) -> None:
    context, trusted = self_signed(tmp_path)
    settings = WebhookSettings(allow_private=True, ca_file=trusted, timeout_s=2.0)
    with receiver(context) as web:
        reference = await send(f"https://localhost:{web.port}/", settings=settings, answers=["127.0.0.1"])
        with pytest.raises(Retryable, match="CERTIFICATE_VERIFY_FAILED"):
            await send(f"https://other.example.org:{web.port}/", settings=settings, answers=["127.0.0.1"])

    assert reference == "200 OK"
    assert len(web.received) == 1


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/",
        "https://localhost:8086/query",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://169.254.169.254/latest/meta-data/",
        "https://[fd00:ec2::254]/",
        "https://10.1.2.3/",
        "https://192.168.1.1/",
        "https://172.16.0.1/",
        "https://100.64.0.1/",
        "https://0.0.0.0/",
        "https://224.0.0.1/",
        "https://2130706433/",
        "https://[64:ff9b::7f00:1]/",
        "https://[2002:7f00:1::]/",
        "https://[fe80::1]/",
        "http://93.184.216.34/",
        "ftp://93.184.216.34/",
        "https://name:word@93.184.216.34/",
        "file:///etc/passwd",
        "not a url",
        "",
    ],
)
async def test_our_own_network_cannot_be_reached_by_a_typed_address(url: str) -> None:
    with pytest.raises(Permanent):
        await send(url, settings=WebhookSettings())


@pytest.mark.parametrize("answers", [["10.0.0.7"], ["93.184.216.34", "127.0.0.1"], ["::1"], ["fe80::1%eth0"]])
async def test_a_public_name_that_points_inside_is_refused(answers: list[str]) -> None:
    with pytest.raises(Permanent):
        await send("https://hooks.example.org/", settings=WebhookSettings(), answers=answers)


async def test_a_name_that_cannot_be_looked_up_is_worth_another_try() -> None:
    async def failing(host: str, port: int) -> Sequence[str]:
        raise socket.gaierror(socket.EAI_AGAIN, "temporary failure in name resolution")

    with pytest.raises(Retryable):
        await WebhookChannel(WebhookSettings(), resolve=failing).send(
            "https://hooks.example.org/", None, "k", BODY, now_us=NOW_US
        )


def test_public_addresses_are_public() -> None:
    assert is_public("93.184.216.34")
    assert is_public("2606:2800:220:1:248:1893:25c8:1946")
