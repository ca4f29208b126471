"""Mail, against a real SMTP server that accepts, refuses, demands TLS, or is not there."""

from __future__ import annotations

import re
from collections.abc import Callable
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from channels.message import Mail
from channels.smtp import Security, SmtpChannel, SmtpSettings, composed
from oxygen.errors import Permanent, Rejected, Retryable
from tests.channels.certificates import self_signed
from tests.channels.mail_server import letterbox

NOW_US = 1_790_000_000_000_000
MAIL = Mail(
    key="alarm-7-raised-3",
    recipient="lan@example.org",
    subject="Nguy cấp: bồn oxy lỏng Bình Thạnh 1 còn 9,5 %",
    text="Còn 950 kg.",
    html="<p>Còn <b>950 kg</b>.</p>",
)


def channel(port: int, **settings: Any) -> SmtpChannel:
    given = {"host": "127.0.0.1", "security": Security.NONE, "sender": "OxyWatch <watch@example.org>"}
    return SmtpChannel(SmtpSettings(port=port, **{**given, **settings}))


async def test_an_accepted_mail_arrives_whole_and_gives_a_receipt() -> None:
    async with letterbox() as box:
        receipt = await channel(box.port).send(MAIL, now_us=NOW_US)

    mail = box.mails[0]
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text is not None
    assert html is not None
    assert receipt.reference == "kept as number 1"
    assert mail["Subject"] == MAIL.subject
    assert mail["To"] == "lan@example.org"
    assert mail["Date"].datetime.timestamp() == NOW_US / 1_000_000
    assert mail["Auto-Submitted"] == "auto-generated"
    assert text.get_content().strip() == "Còn 950 kg."
    assert "<b>950 kg</b>" in html.get_content()
    assert box.recipients == [["lan@example.org"]]


@given(
    st.lists(
        st.sampled_from(["Hết", "báo", "động:", "oxy", "Bồn", "1,", "(9,5", "%)"]), min_size=1, max_size=25
    )
)
def test_a_subject_in_vietnamese_keeps_every_letter_and_space(words: list[str]) -> None:
    mail = msgspec.structs.replace(MAIL, subject=" ".join(words))

    sent = composed(mail, '"Sở Y tế Thành phố Hồ Chí Minh, phòng trực" <watch@example.org>', NOW_US)
    read = message_from_bytes(sent, policy=policy.default)

    assert read["Subject"] == mail.subject
    assert read["From"].addresses[0].addr_spec == "watch@example.org"
    sender = str(make_header(decode_header(message_from_bytes(sent, policy=policy.compat32)["From"])))
    assert sender == "Sở Y tế Thành phố Hồ Chí Minh, phòng trực <watch@example.org>"
    assert all(len(word) <= 75 for word in re.findall(rb"=\?utf-8\?.*?\?=", sent))


async def test_the_same_message_keeps_its_message_id_at_every_attempt() -> None:
    async with letterbox() as box:
        for _ in range(2):
            await channel(box.port).send(MAIL, now_us=NOW_US)

    assert box.mails[0]["Message-ID"] == box.mails[1]["Message-ID"]
    assert box.mails[0]["Message-ID"].endswith("@example.org>")


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ("451 try again", Retryable),
        ("452 out of space", Retryable),
        ("550 spam", Rejected),
        ("552 too big", Rejected),
    ],
)
async def test_a_refused_message_says_whether_to_try_again(answer: str, error: type[Exception]) -> None:
    async with letterbox() as box:
        box.answers = [answer]
        with pytest.raises(error):
            await channel(box.port).send(MAIL, now_us=NOW_US)

    assert box.mails == []


@pytest.mark.parametrize(
    ("answer", "error"), [("450 greylisted", Retryable), ("550 no such person", Rejected)]
)
async def test_a_refused_recipient_says_whether_to_try_again(answer: str, error: type[Exception]) -> None:
    async with letterbox() as box:
        box.recipient_answers = [answer]
        with pytest.raises(error):
            await channel(box.port).send(MAIL, now_us=NOW_US)


async def test_nobody_listening_is_worth_another_try(free_port: Callable[[], int]) -> None:
    with pytest.raises(Retryable):
        await channel(free_port()).send(MAIL, now_us=NOW_US)


async def test_a_server_that_does_not_answer_in_time_is_worth_another_try() -> None:
    async with letterbox() as box:
        box.pause_s = 5.0
        with pytest.raises(Retryable):
            await channel(box.port, timeout_s=0.3).send(MAIL, now_us=NOW_US)


# aiosmtpd takes a connection that is TLS from its first byte for an open one.
@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
@pytest.mark.parametrize("security", [Security.STARTTLS, Security.TLS])
async def test_mail_travels_over_tls_with_a_password(security: Security, tmp_path: Path) -> None:
    context, trusted = self_signed(tmp_path)
    password_file = tmp_path / "password"
    password_file.write_text("mật-khẩu\n", encoding="utf-8")
    async with letterbox(tls=context, implicit_tls=security is Security.TLS, password="mật-khẩu") as box:
        await channel(
            box.port,
            host="localhost",
            security=security,
            ca_file=trusted,
            username="watch",
            password_file=password_file,
        ).send(MAIL, now_us=NOW_US)

    assert len(box.mails) == 1


async def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    context, _ = self_signed(tmp_path)
    async with letterbox(tls=context) as box:
        with pytest.raises(Permanent):
            await channel(box.port, host="localhost", security=Security.STARTTLS).send(MAIL, now_us=NOW_US)

    assert box.mails == []


async def test_a_server_without_starttls_never_sees_the_mail_in_the_open() -> None:
    async with letterbox() as box:
        with pytest.raises(Permanent):
            await channel(box.port, security=Security.STARTTLS).send(MAIL, now_us=NOW_US)

    assert box.mails == []


async def test_a_wrong_password_waits_for_a_person(tmp_path: Path) -> None:
    context, trusted = self_signed(tmp_path)
    password_file = tmp_path / "password"
    password_file.write_text("wrong", encoding="utf-8")
    async with letterbox(tls=context, password="right") as box:
        with pytest.raises(Permanent):
            await channel(
                box.port,
                host="localhost",
                security=Security.STARTTLS,
                ca_file=trusted,
                username="watch",
                password_file=password_file,
            ).send(MAIL, now_us=NOW_US)


async def test_a_header_cannot_be_smuggled_in_by_an_address() -> None:
    smuggled = Mail(
        key="k", recipient="a@example.org\nBcc: b@example.org", subject="s", text="t", html="<p>t</p>"
    )
    async with letterbox() as box:
        with pytest.raises(Rejected):
            await channel(box.port).send(smuggled, now_us=NOW_US)

    assert box.attempts == 0


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"sender": "nobody"}, "NAME@DOMAIN"),
        ({"sender": "Sở Y tế, trực <watch@example.org>"}, "NAME@DOMAIN"),
        ({"username": "watch"}, "password_file"),
        ({"username": "watch", "password_file": "password"}, "starttls"),
        ({"prot": 25}, "prot"),
    ],
)
def test_wrong_settings_are_refused_by_name(wrong: dict[str, Any], named: str) -> None:
    with pytest.raises(ValidationError, match=named):
        channel(25, **wrong)
