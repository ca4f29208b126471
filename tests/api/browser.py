"""What the browser tests share: a real server process, a browser that may reach nothing else, page checks."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request

from api.settings import ApiSettings
from tests.api import demo
from tests.api.conftest import FAST
from tests.servers import reserve_port

REPOSITORY = Path(__file__).resolve().parents[2]
PHONE = {"width": 360, "height": 740}
DESK = {"width": 1440, "height": 900}

UNLABELLED = """() => {
  const named = (e) => (e.labels && e.labels.length) || e.getAttribute('aria-label') || e.title
    || e.textContent.trim();
  const asked = 'input:not([type=hidden]), select, textarea, button, a, iframe, summary';
  return Array.from(document.querySelectorAll(asked))
    .filter((e) => !e.hidden && !named(e)).map((e) => e.outerHTML.slice(0, 120));
}"""

DOUBLE_IDS = """() => { const ids = Array.from(document.querySelectorAll('[id]')).map((e) => e.id);
  return ids.filter((id, at) => ids.indexOf(id) !== at); }"""

WIDER_THAN_THE_PAGE = """() => document.documentElement.scrollWidth <= innerWidth ? [] :
  Array.from(document.querySelectorAll('body *'))
    .filter((e) => e.getBoundingClientRect().right > innerWidth + 1)
    .slice(0, 5).map((e) => e.outerHTML.slice(0, 120))"""

PALE_TEXT = """() => {
  const channel = (v) => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; };
  const parse = (c) => { const m = c.match(/[\\d.]+/g).map(Number); return m.length < 4 ? [...m, 1] : m; };
  const light = (c) => 0.2126 * channel(c[0]) + 0.7152 * channel(c[1]) + 0.0722 * channel(c[2]);
  const over = (top, under) => [0, 1, 2].map((i) => top[i] * top[3] + under[i] * (1 - top[3])).concat(1);
  const back = (e) => {
    if (!e) return [255, 255, 255, 1];
    const own = parse(getComputedStyle(e).backgroundColor);
    return own[3] === 1 ? own : over(own, back(e.parentElement));
  };
  const bad = [];
  for (const e of document.querySelectorAll('body *')) {
    const text = Array.from(e.childNodes).some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!text || !e.checkVisibility() || e.closest('svg, .uplot, .skip')) continue;
    const style = getComputedStyle(e), size = parseFloat(style.fontSize);
    const a = light(parse(style.color)), b = light(back(e));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (large ? 3 : 4.5)) bad.push(`${ratio.toFixed(2)} ${e.textContent.trim().slice(0, 40)}`);
  }
  return bad;
}"""


class ServerProcess:
    """The web server as a process of its own, on a port that stays the same when it is started again."""

    def __init__(self, folder: Path, settings: ApiSettings = FAST) -> None:
        self._reserved = reserve_port()
        self._folder = folder
        self._settings = settings.model_copy(update={"port": self._reserved.number})
        self._process: subprocess.Popen[str] | None = None
        self.url = f"http://127.0.0.1:{self._reserved.number}"

    def start(self) -> ServerProcess:
        command = [
            sys.executable,
            "-m",
            "tests.api.server",
            str(self._folder),
            self._settings.model_dump_json(),
        ]
        self._process = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        assert self._process.stdout.readline().strip() == self.url
        return self

    def send(self, number: signal.Signals) -> None:
        assert self._process is not None
        os.kill(self._process.pid, number)

    def stop(self) -> None:
        if self._process is None:
            return
        self.send(signal.SIGCONT)
        self._process.terminate()
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._process = None

    def close(self) -> None:
        self.stop()
        self._reserved.release()


class Watch:
    """What a browser did that it should not: other sites asked for, errors on the console."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.outside: list[str] = []
        self.complaints: list[str] = []
        self._url = url
        context.on("requestfinished", self._asked)
        context.on("requestfailed", self._failed)
        context.on("console", self._said)
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))

    def _asked(self, request: Request) -> None:
        if not request.url.startswith((f"{self._url}/", "data:")):
            self.outside.append(request.url)

    def _failed(self, request: Request) -> None:
        if request.failure != "csp":  # refused by the page's own policy: nothing left the browser
            self._asked(request)

    def _said(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.complaints.append(message.text)


@contextlib.contextmanager
def visiting(
    browser: Browser,
    url: str,
    *,
    size: dict[str, int] = DESK,
    lang: str = "vi",
    script: bool = True,
    username: str = demo.ADMIN,
    password: str = demo.ADMIN_PASSWORD,
) -> Iterator[tuple[BrowserContext, Page]]:
    """A signed-in browser window."""
    context = browser.new_context(
        base_url=url,
        viewport={"width": size["width"], "height": size["height"]},
        java_script_enabled=script,
        reduced_motion="reduce",
    )
    context.set_default_timeout(15_000)
    page = context.new_page()
    try:
        page.goto(f"/login?lang={lang}")
        page.fill("#username", username)
        page.fill("#password", password)
        page.click("main button[type=submit]")
        page.wait_for_selector(".account")
        yield context, page
    finally:
        context.close()
