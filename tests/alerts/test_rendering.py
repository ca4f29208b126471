"""Messages in words: everything a person needs on a telephone's small screen, in their language."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import msgspec
import pytest

from alerts.rendering import mail, webhook_body
from records.messages import OutboxRow

# 21 November 2026, 10:05 in Viet Nam.
AT_US = 1_795_230_300_000_000
FIGURES = {
    "reason": "fill_low",
    "fill_percent": 9.5,
    "mass_kg": 1050.0,
    "aged_mass_kg": 1050.0,
    "draw_kg_per_h": 151.0,
    "hours_to_empty_p10": 6.9,
    "hours_to_empty_p50": 8.2,
    "as_of_us": AT_US - 12_000_000,
    "limit_percent": 10.0,
    "limit_h": 8.0,
}


def message(template: str = "alarm_raised", locale: str = "vi", **params: Any) -> OutboxRow:
    given = {
        "alarm_id": 7,
        "subject": "tank:binh-thanh-1",
        "facility": "bv-binh-thanh",
        "names": {
            "vi": {"tank": "Bồn 1", "facility": "Bệnh viện Bình Thạnh"},
            "en": {"tank": "Tank 1", "facility": "Binh Thanh Hospital"},
        },
        "simulated": False,
        "rule": "low_stock",
        "rule_version": 1,
        "severity": "critical",
        "raised_us": AT_US,
        "cleared_us": None,
        "at_us": AT_US,
        "figures": FIGURES,
        "contact": "Lan",
    }
    return OutboxRow(
        id=1,
        key="k",
        contact_id=1,
        channel="email",
        address="lan@example.org",
        secret=None,
        locale=locale,
        template=template,
        params={**given, **params},
        alarm_id=7,
        priority=0,
        state="sending",
        attempts=1,
        next_due_us=0,
        claimed_by="w",
        claimed_us=0,
        last_error=None,
        created_us=0,
        sent_us=None,
        receipt=None,
    )


def text_of(row: OutboxRow, *, passed: bool = False) -> tuple[str, str]:
    rendered = mail(row, page_url="https://oxy.example.org", passed=passed)
    return rendered.subject, rendered.text


def test_a_raised_alarm_in_vietnamese() -> None:
    subject, text = text_of(message())

    assert subject == "Nguy cấp: Bồn 1, Bệnh viện Bình Thạnh: còn 9,5 %, có thể cạn sau 6 giờ"
    assert text == (
        "Bồn 1, Bệnh viện Bình Thạnh\n"
        "Bồn còn 9,5 % lượng oxy dùng được; mức báo động là 10 %.\n"
        "Việc cần làm: Hãy gọi nhà cung cấp lập tức, chuẩn bị nguồn dự phòng và báo cho các khoa.\n"
        "\n"
        "- Lượng oxy (phần dùng được): 9,5 %\n"
        "- Lượng oxy: 1.050 kg\n"
        "- Mức dùng: 151,0 kg/giờ\n"
        "- Cạn sớm nhất (1 trên 10): 6 giờ\n"
        "- Cạn, nhiều khả năng nhất: 8 giờ\n"
        "- Số đo lúc: 10:04 21/11\n"
        "- Báo động từ: 10:05 21/11\n"
        "\n"
        "Trang của báo động: https://oxy.example.org/alarms/7\n"
        "\n"
        "Giờ Việt Nam.\n"
        "OxyWatch theo dõi bồn này. Tin do chương trình viết; thư trả lời không có người đọc.\n"
    )


def test_the_same_alarm_in_english() -> None:
    subject, text = text_of(message(locale="en"))

    assert subject == "Critical: Tank 1, Binh Thanh Hospital: 9.5 % left, may be empty in 6 h"
    assert "- Contents: 1,050 kg\n" in text
    assert "What to do: Call the supplier at once, ready the reserve, and tell the wards.\n" in text


@pytest.mark.parametrize(
    ("row", "passed", "subject", "said"),
    [
        (
            message("alarm_worsened"),
            False,
            "Nguy cấp (nặng thêm): Bồn 1, Bệnh viện Bình Thạnh: còn 9,5 %, có thể cạn sau 6 giờ",
            "mức báo động là 10 %",
        ),
        (
            message(
                "alarm_cleared", figures={**FIGURES, "fill_percent": 80.0}, cleared_us=AT_US + 2_400_000_000
            ),
            False,
            "Hết báo động oxy lỏng sắp hết: Bồn 1, Bệnh viện Bình Thạnh",
            "Bồn đã đủ oxy trở lại: 80,0 %.",
        ),
        (
            message(
                "alarm_cleared", figures={**FIGURES, "fill_percent": 80.0}, cleared_us=AT_US + 2_400_000_000
            ),
            True,
            "Báo động đã qua, oxy lỏng sắp hết: Bồn 1, Bệnh viện Bình Thạnh, từ 10:05 21/11 đến 10:45 21/11",
            "Báo động này bắt đầu lúc 10:05 21/11 và hết lúc 10:45 21/11, trước khi gửi được tin này.",
        ),
        (
            message(rule="stale_data", severity="warning", figures={"reason": "stale", "as_of_us": AT_US}),
            False,
            "Cần kiểm tra: Bồn 1, Bệnh viện Bình Thạnh: không có số đo mới từ 10:05 21/11",
            "xem đồng hồ trên bồn bằng mắt",
        ),
        (
            message(
                rule="sensor_fault",
                severity="warning",
                figures={"reason": "wire_break", "fault": "wire_break", "as_of_us": AT_US},
            ),
            False,
            "Cần kiểm tra: Bồn 1, Bệnh viện Bình Thạnh: đứt dây: cảm biến không cấp dòng",
            "Lượng oxy hiện tại không rõ; số đo tốt gần nhất lúc 10:05 21/11.",
        ),
        (message("alarm_test"), False, "[THỬ] Tin thử: OxyWatch liên lạc được với bạn", "Không có sự cố nào"),
        (message(simulated=True), False, None, "Bồn này là mô phỏng, không có thật."),
    ],
)
def test_each_kind_of_message_says_what_it_is_about(
    row: OutboxRow, *, passed: bool, subject: str | None, said: str
) -> None:
    told, text = text_of(row, passed=passed)

    assert subject in (None, told)
    assert said in text
    assert not any(sign in told + text for sign in ("{", "None", "–"))


def test_html_says_the_same_and_cannot_be_broken_by_a_name() -> None:
    names = {"vi": {"tank": "<script>alert(1)</script>", "facility": 'A & "B"'}}
    rendered = mail(message(names=names), page_url="https://oxy.example.org", passed=False)

    page = Words()
    page.feed(rendered.html)
    assert "script" not in page.tags
    assert '<script>alert(1)</script>, A & "B"' in page.words
    assert "https://oxy.example.org/alarms/7" in page.links
    for line in rendered.text.replace("- ", "").splitlines():
        label, _, value = line.partition(": ")
        assert label in page.words
        assert value in page.words or value in page.links


class Words(HTMLParser):
    """The words, tags and links of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.words = ""
        self.tags: set[str] = set()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [value or "" for name, value in attrs if name == "href"]

    def handle_data(self, data: str) -> None:
        self.words += data


def test_a_webhook_carries_codes_and_words_but_not_whom_we_told() -> None:
    body = msgspec.json.decode(webhook_body(message(), page_url="https://oxy.example.org", passed=False))

    assert body["alarm"]["rule"] == "low_stock"
    assert body["alarm"]["figures"]["hours_to_empty_p10"] == 6.9
    assert (body["v"], body["kind"], body["test"], body["passed"]) == (1, "alarm_raised", False, False)
    assert "Lan" not in str(body)
