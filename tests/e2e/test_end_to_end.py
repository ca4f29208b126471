"""From the instrument to the mail and the page, with real servers, while everything is killed in turn."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import async_playwright, expect

from records import alarms
from tests.channels.mail_server import Letterbox, letterbox
from tests.conftest import Browser
from tests.e2e.exactly_once import problems, stored_samples, unstored_count
from tests.e2e.house import PASSWORD, TANKS, House, until

FLOW_S = 3.0
REPOSITORY = Path(__file__).parents[2]


@asynccontextmanager
async def house_with_mail(
    folder: Path, *, ingest: list[str] | None = None
) -> AsyncIterator[tuple[House, Letterbox]]:
    """Start servers and prepare records; programs are started by the test."""
    async with letterbox() as box:
        house = House(folder, box.port, ingest=ingest)
        try:
            await asyncio.to_thread(house.start_servers)
            await house.prepare()
            yield house, box
        finally:
            await asyncio.to_thread(house.close)


async def sees_raised(house: House, subject: str) -> bool:
    """Tell whether a low-stock alarm of a subject is open."""
    database = house.database()
    async with database.read() as tx:
        found = await alarms.alarms(tx, state="open", subject=subject)
    await database.close()
    return any(alarm.rule == "low_stock" for alarm in found)


def mails_about(box: Letterbox, tank: str) -> list[str]:
    """Return the subjects of the mails that ask for an order for a tank."""
    subjects = [str(mail["Subject"]) for mail in box.mails]
    return [subject for subject in subjects if subject.startswith(f"Cần đặt hàng: Bồn {tank}")]


async def settle_and_stop(house: House) -> None:
    """Wait until the spools are all but empty, then stop reading, so that the sets can be compared."""

    async def nearly_empty() -> bool:
        return sum(unstored_count(house, gateway) for gateway in TANKS) <= 4

    await until(nearly_empty, 60, house, "the spools drain", every_s=0.5)
    await asyncio.to_thread(house.programs["edge"].stop)
    await asyncio.sleep(6)  # two status intervals, so that the last readings stand in status and day rows


async def page_shows(house: House, browser: Browser, tank: str) -> None:
    """Sign in with Chromium and see the alarm."""
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(
            executable_path=browser.executable_path, args=list(browser.args)
        )
        page = await chromium.new_page(viewport={"width": 360, "height": 740}, locale="vi-VN")
        await page.goto(f"{house.page_url}/login")
        await page.fill("#username", "lan")
        await page.fill("#password", PASSWORD)
        await page.click("button[type=submit]")
        await page.goto(f"{house.page_url}/alarms")
        await expect(page.get_by_text(f"Bồn {tank}").first).to_be_visible(timeout=20_000)
        await chromium.close()


async def kill_in_turn(house: House) -> None:
    """SIGKILL each process while data flow, and start it again a moment later."""
    for name in ("ingest", "alerts", "api", "edge", "sim-a"):
        house.programs[name].kill()
        await asyncio.sleep(1.0)
        house.start(name)
        await asyncio.sleep(FLOW_S)
    for server in house.servers:
        await asyncio.to_thread(server.kill)
        await asyncio.sleep(1.0)
        await asyncio.to_thread(server.start)
        await asyncio.sleep(FLOW_S)


@pytest.mark.timeout(360)
async def test_a_tank_runs_low_and_somebody_is_told_whatever_is_killed(
    tmp_path: Path, chromium: Browser
) -> None:
    """The mail arrives, the page shows the alarm, and every reading is stored exactly once."""
    async with house_with_mail(tmp_path) as (house, box):
        house.start("ingest", "alerts", "api", "sim-a", "edge")
        await house.page_answers()

        async def mailed() -> bool:
            return bool(mails_about(box, "tank-a"))

        await until(mailed, 90, house, "a mail about tank-a arrives")
        await page_shows(house, chromium, "tank-a")

        await kill_in_turn(house)

        await asyncio.to_thread(house.influxd.stop)
        house.start("sim-b")

        async def raised() -> bool:
            return await sees_raised(house, "tank:tank-b")

        await until(raised, 90, house, "low stock of tank-b is raised while InfluxDB is down")
        await asyncio.to_thread(house.influxd.start)

        await settle_and_stop(house)

        assert await problems(house) == []
        assert len(stored_samples(house, "gw-a")) > 30
        assert 1 <= len(mails_about(box, "tank-b")) <= 2


@pytest.mark.timeout(200)
@pytest.mark.parametrize(
    ("bug", "symptom"),
    [("ack_before_store", "were called stored and are not"), ("engine_fed_twice", "the engines folded")],
)
async def test_the_proof_fails_for_an_ingest_that_cheats(tmp_path: Path, bug: str, symptom: str) -> None:
    """Planted bugs are found, so an empty list of problems means something."""
    planted = [sys.executable, str(REPOSITORY / "tests" / "e2e" / "planted.py"), bug]
    async with house_with_mail(tmp_path, ingest=planted) as (house, _):
        house.start("ingest", "sim-a", "edge")

        async def flows() -> bool:
            return len(await asyncio.to_thread(stored_samples, house, "gw-a")) > 5

        await until(flows, 60, house, "samples reach the store")
        await asyncio.to_thread(house.influxd.stop)
        await asyncio.sleep(4)
        house.programs["ingest"].kill()
        await asyncio.to_thread(house.influxd.start)
        house.start("ingest")
        await asyncio.sleep(8)
        await settle_and_stop(house)

        assert any(symptom in problem for problem in await problems(house))
