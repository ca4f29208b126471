"""The picture in the READMEs: what a signed-in person sees first, taken by a browser and not by hand.

`OXYWATCH_IMAGES=docs/images .venv/bin/python -m pytest tests/api/test_screenshot.py` renews the pictures.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from tests.api.browser import visiting
from tests.api.conftest import Site
from tests.conftest import Browser as InstalledChromium

SIZE = {"width": 1440, "height": 760}
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.mark.parametrize(("lang", "name"), [("en", "overview.png"), ("vi", "overview.vi.png")])
def test_the_overview_is_pictured_with_every_tank(
    site: Site, chromium: InstalledChromium, tmp_path: Path, lang: str, name: str
) -> None:
    folder = Path(os.environ.get("OXYWATCH_IMAGES", tmp_path))
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=chromium.executable_path, args=list(chromium.args)
        )
        with visiting(started, site.url, size=SIZE, lang=lang) as (_, page):
            page.goto("/")
            shown = page.locator("[data-subject]")
            assert shown.count() == 6
            taken = page.screenshot(path=folder / name)
        started.close()

    assert taken.startswith(PNG)
    assert (folder / name).stat().st_size > 20_000, "the picture is all but empty"
