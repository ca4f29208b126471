"""The pages in Chromium: usable on a phone, reaching nobody else, and honest when they hear nothing."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from oxygen.local_time import VIETNAM, from_us, local_day
from records import identity, status
from tests.api import demo
from tests.api.browser import (
    DESK,
    DOUBLE_IDS,
    PALE_TEXT,
    PHONE,
    UNLABELLED,
    WIDER_THAN_THE_PAGE,
    ServerProcess,
    Watch,
    visiting,
)
from tests.api.conftest import FAST, Site
from tests.api.server import now_us
from tests.conftest import Browser as InstalledChromium

LIMIT_MS = 3 * FAST.silence_s * 1000
"""A test's own limit for a deadline that is behaviour: three times the setting."""


@pytest.fixture(scope="module")
def browser(chromium: InstalledChromium) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=chromium.executable_path, args=list(chromium.args)
        )
        yield started
        started.close()


@pytest.fixture
def process(new_folder: Path) -> Iterator[ServerProcess]:
    running = ServerProcess(new_folder).start()
    yield running
    running.close()


def yesterday() -> str:
    return (local_day(now_us()) - timedelta(days=1)).isoformat()


def every_page() -> list[str]:
    report = f"/reports/bv-cho-lon/{yesterday()}"
    return [
        "/",
        "/tanks/binh-thanh-1",
        "/tanks/can-gio-1",
        "/alarms",
        "/alarms?past=1",
        "/alarms/1",
        "/reports",
        report,
        f"{report}/correct?figure=tank:cho-lon-1.opening",
        "/messages",
        "/messages/mail/1",
        "/contacts",
        "/contacts/new",
        "/password",
        "/docs",
        "/khong-co-trang-nay",
    ]


@pytest.mark.parametrize("lang", ["vi", "en"])
@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_every_page_fits_is_labelled_has_contrast_and_asks_no_other_site(
    browser: Browser, site: Site, size: dict[str, int], lang: str
) -> None:
    with visiting(browser, site.url, size=size, lang=lang) as (context, page):
        watch = Watch(context, site.url)
        wrong: list[str] = []
        for path in every_page():
            page.goto(path)
            if path.startswith("/tanks/"):
                page.wait_for_selector("[data-drawn]")
            for check in (WIDER_THAN_THE_PAGE, UNLABELLED, DOUBLE_IDS, PALE_TEXT):
                wrong += [f"{path}: {finding}" for finding in page.evaluate(check)]
            assert page.get_attribute("html", "lang") == lang
            assert page.locator("h1").count() == 1, path

    assert wrong == []
    assert watch.outside == []
    # The demo's mail tries to run a script and to load a picture; both have to fail, and nothing else may.
    unexpected = [
        text for text in watch.complaints if not re.search(r"sandboxed|outside\.example|status of 404", text)
    ]
    assert unexpected == []


def test_a_page_that_hears_nothing_says_so_and_recovers_by_itself(
    browser: Browser, process: ServerProcess
) -> None:
    """The server is frozen, as by a line that swallows everything; connections stay open."""
    with visiting(browser, process.url) as (_, page):
        lost = page.locator("[data-lost]")
        expect(lost).to_be_hidden()
        page.wait_for_timeout(FAST.silence_s * 1500)
        expect(lost).to_be_hidden()

        frozen_at = from_us(now_us()).astimezone(VIETNAM)
        process.send(signal.SIGSTOP)
        expect(lost).to_be_visible(timeout=LIMIT_MS)

        said = re.search(r"Mất kết nối từ (\d\d:\d\d)\.", lost.inner_text())
        assert said
        assert said[1] in {f"{frozen_at - timedelta(seconds=5):%H:%M}", f"{frozen_at:%H:%M}"}
        assert _is_grey(page)
        assert page.evaluate(PALE_TEXT) == []

        process.send(signal.SIGCONT)
        expect(lost).to_be_hidden(timeout=LIMIT_MS)
        assert not _is_grey(page)


def test_a_stopped_server_is_noticed_and_a_started_one_too(
    browser: Browser, process: ServerProcess, new_folder: Path
) -> None:
    with visiting(browser, process.url, lang="en") as (_, page):
        process.stop()
        expect(page.locator("[data-lost]")).to_contain_text("Connection lost since", timeout=LIMIT_MS)
        before = page.locator('[data-subject="tank:cho-lon-1"] .age').inner_text()

        # Past the first minute an age counts in minutes.
        changes_within_ms = 5_000 if "second" in before else 65_000
        age = page.locator('[data-subject="tank:cho-lon-1"] .age')
        expect(age).not_to_have_text(before, timeout=changes_within_ms)
        process.start()
        expect(page.locator("[data-lost]")).to_be_hidden(timeout=3 * LIMIT_MS)


def _is_grey(page: Page) -> bool:
    page.wait_for_timeout(50)
    colours = page.evaluate(
        """() => Array.from(document.querySelectorAll('.tank [data-field="mass"]'))
            .map((e) => getComputedStyle(e).color)"""
    )
    return set(colours) == {"rgb(102, 114, 125)"}


def test_a_page_that_can_have_no_stream_asks_instead(browser: Browser, own_site: Site) -> None:
    """Plain HTTP from another computer: browsers offer no locks there, and tabs must not open streams."""
    with visiting(browser, own_site.url) as (context, page):
        page.goto("/alarms/1")  # a page that follows nothing
        context.add_init_script("delete Navigator.prototype.locks")
        asked: list[str] = []
        context.on("request", lambda request: asked.append(request.url))
        page.goto("/")
        put_status(own_site, "cho-lon-1", fill_percent=37.0)

        cell = page.locator('[data-subject="tank:cho-lon-1"] [data-field="fill"]')
        expect(cell).to_have_text("37 %")
        page.wait_for_timeout(FAST.silence_s * 1500)
        expect(page.locator("[data-lost]")).to_be_hidden()
        assert not [url for url in asked if "/live?" in url and "/api/" not in url]


def test_a_page_whose_stream_is_refused_asks_instead(browser: Browser, own_site: Site) -> None:
    with visiting(browser, own_site.url) as (context, page):
        context.route(re.compile(r"^[^/]+//[^/]+/live\?"), lambda route: route.fulfill(status=502))
        page.reload()
        put_status(own_site, "cho-lon-1", fill_percent=36.0)

        expect(page.locator('[data-subject="tank:cho-lon-1"] [data-field="fill"]')).to_have_text("36 %")
        page.wait_for_timeout(FAST.silence_s * 1500)
        expect(page.locator("[data-lost]")).to_be_hidden()


def put_status(site: Site, code: str, **changes: object) -> None:
    tank = next(tank for tank in demo.TANKS if tank.code == code)
    now = now_us()
    fresh = msgspec.structs.replace(demo.present_status(tank, now), **changes)
    site.write(lambda tx: status.append_statuses(tx, demo.SHARD, [fresh], late=False, written_us=now))


def test_a_change_moves_its_row_without_a_reload(browser: Browser, own_site: Site) -> None:
    with visiting(browser, own_site.url) as (_, page):
        page.evaluate("document.body.dataset.mark = 'same page'")
        rows = page.locator(".tank")
        expect(rows.first).to_have_attribute("data-subject", "tank:binh-thanh-1")

        put_status(
            own_site,
            "thu-duc-1",
            band="critical",
            state="ok",
            fill_percent=4.0,
            empty_at_p10_us=now_us() + 60_000_000,
        )

        expect(rows.first).to_have_attribute("data-subject", "tank:thu-duc-1")
        expect(rows.first.locator('[data-field="fill"]')).to_have_text("4 %")
        expect(rows.first.locator(".badge")).to_contain_text("nguy cấp")
        expect(rows.first.locator('use[data-icon="band"]')).to_have_attribute("href", "#icon-critical")
        assert page.evaluate("document.body.dataset.mark") == "same page"


def test_ages_go_on_counting_by_themselves(browser: Browser, site: Site) -> None:
    with visiting(browser, site.url) as (_, page):
        age = page.locator('[data-subject="tank:cho-lon-1"] .age')
        first = age.inner_text()
        assert re.fullmatch(r"\d+ (giây|phút) trước", first)
        if "giây" in first:
            expect(age).not_to_have_text(first)
        stale = page.locator('[data-subject="tank:can-gio-1"] .age')
        assert stale.inner_text() == "3 giờ trước"


def test_many_tabs_share_one_stream_and_another_takes_over(browser: Browser, own_site: Site) -> None:
    """The seventh stream of one browser would take its last connection to the server."""
    with visiting(browser, own_site.url) as (context, first):
        streams: list[str] = []
        first.goto("/alarms/1")  # a page that follows nothing
        context.on(
            "request", lambda request: streams.append(request.url) if "/live?" in request.url else None
        )
        first.goto("/")
        first.wait_for_timeout(300)
        tabs = [context.new_page() for _ in range(8)]
        for tab in tabs:
            tab.goto("/")
        opened = [url for url in streams if "/api/" not in url]
        assert len(opened) == 1

        put_status(own_site, "cho-lon-1", fill_percent=66.0)
        cell = '[data-subject="tank:cho-lon-1"] [data-field="fill"]'
        for tab in [first, *tabs]:
            expect(tab.locator(cell)).to_have_text("66 %")

        first.close()
        put_status(own_site, "cho-lon-1", fill_percent=55.0)
        for tab in tabs:
            expect(tab.locator(cell)).to_have_text("55 %")
            expect(tab.locator("[data-lost]")).to_be_hidden()


def test_a_page_whose_session_ended_says_so(browser: Browser, own_site: Site) -> None:
    with visiting(browser, own_site.url, username=demo.VIEWER, password=demo.VIEWER_PASSWORD) as (_, page):
        number = next(user.id for user in own_site.write(identity.users) if user.username == demo.VIEWER)
        own_site.write(lambda tx: identity.deactivate(tx, number, actor="test", now_us=now_us()))

        expect(page.locator("[data-signed-out]")).to_be_visible(timeout=LIMIT_MS)


def test_an_alarm_is_taken_on_with_a_thumb(browser: Browser, own_site: Site) -> None:
    with visiting(browser, own_site.url, size=PHONE) as (_, page):
        expect(page.locator("[data-alarm-count]")).to_have_text("1")
        page.click('nav a[href="/alarms"]')
        button = page.get_by_role("button", name="Xác nhận")
        box = button.bounding_box()
        assert box
        assert box["height"] >= 40
        page.fill("#note-1", "Đã gọi xe bồn")
        button.click()

        expect(page.locator(".notice[role=status]")).to_have_text("Đã xác nhận báo động.")
        expect(page.locator('[data-alarm="1"]')).to_contain_text("admin đã xác nhận")
        expect(page.locator("[data-alarm-count]")).to_be_hidden()
        page.click('[data-alarm="1"] h3 a')
        expect(page.locator(".events").first).to_contain_text("Đã gọi xe bồn")


def test_a_figure_is_corrected_and_said_back(browser: Browser, own_site: Site) -> None:
    with visiting(browser, own_site.url, size=PHONE) as (_, page):
        page.goto(f"/reports/bv-thu-duc/{yesterday()}")
        page.get_by_role("link", name="Sửa: Đã dùng").click()
        page.fill("#value", "1.500")
        page.fill("#note", "Đọc đồng hồ")
        page.get_by_role("button", name="Tiếp tục").click()
        expect(page.locator("[data-spelt]")).to_have_text("một nghìn năm trăm")
        page.get_by_role("button", name="Đúng, lưu lại").click()

        expect(page.locator("tr.typed").last).to_contain_text("1.500 kg")
        expect(page.locator("#versions-title + ol")).to_contain_text("tự động → 1.500 kg")


def test_the_chart_shows_history_refills_and_forecast_for_each_range(browser: Browser, site: Site) -> None:
    with visiting(browser, site.url) as (_, page):
        page.goto("/tanks/can-gio-1")
        chart = page.locator("[data-chart]")
        expect(chart).to_have_attribute("data-drawn", re.compile(r"^fill_percent 720 \d{3} [2-9]$"))
        for name, hours in (("24 giờ", 24), ("7 ngày", 168)):
            page.get_by_role("button", name=name).click()
            expect(chart).to_have_attribute("data-drawn", re.compile(rf"^fill_percent {hours} \d+ \d$"))
            expect(page.get_by_role("button", name=name)).to_have_attribute("aria-pressed", "true")
        page.get_by_role("button", name="kg", exact=True).click()
        expect(chart).to_have_attribute("data-drawn", re.compile("^mass_kg 168"))
        page.hover("[data-chart] .u-over")
        expect(page.locator("[data-chart-note]")).to_have_text(re.compile(r"\d\d/\d\d \d\d:\d\d: [\d.]+ kg"))


def test_everything_but_the_chart_works_without_javascript(browser: Browser, own_site: Site) -> None:
    with visiting(browser, own_site.url, size=PHONE, script=False) as (_, page):
        assert page.locator(".tank").count() == 6
        page.click('[data-subject="tank:cho-lon-1"] a')
        page.click("summary:has-text('Bảng từng ngày')")
        assert page.locator(".chart-panel tbody tr").count() > 25
        page.goto("/alarms/1")
        page.fill("#note-1", "không cần máy tính mới")
        page.get_by_role("button", name="Xác nhận").click()
        assert "Đã xác nhận báo động." in page.inner_text("main")


def test_a_received_mail_runs_nothing(browser: Browser, site: Site) -> None:
    with visiting(browser, site.url) as (context, page):
        watch = Watch(context, site.url)
        page.goto("/messages/mail/1")
        expect(page.frame_locator("iframe").locator("h1")).to_have_text("Bồn chính còn 19,6 %")

        assert page.frames[1].evaluate("document.title") == ""
        assert watch.outside == []
        assert any("sandboxed" in text for text in watch.complaints)


def test_the_keyboard_reaches_the_tanks_visibly(browser: Browser, site: Site) -> None:
    with visiting(browser, site.url) as (_, page):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        focused = page.evaluate(
            """() => { const e = document.activeElement; const style = getComputedStyle(e, '::after');
                return [e.getAttribute('href'), style.outlineStyle, style.outlineWidth]; }"""
        )

    assert focused == ["/tanks/binh-thanh-1", "solid", "3px"]
