"""The front-end assets are in the wheel, complete, with licences and with letters for Vietnamese."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

VENDOR = "api/static/vendor/"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> zipfile.ZipFile:
    """A wheel made from the tree; the assets are there already, so that no Node is needed."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=repository, check=True)
    return zipfile.ZipFile(next(folder.glob("oxywatch-*.whl")))


@pytest.mark.parametrize(
    "name",
    [
        "htmx.min.js",
        "uPlot.iife.min.js",
        "uPlot.min.css",
        "leaflet.js",
        "leaflet.css",
        "images/marker-icon.png",
        "html5-qrcode.min.js",
        "inter.css",
        "fonts/inter-vietnamese-wght-normal.woff2",
        "licences/inter.txt",
        "licences/leaflet.txt",
    ],
)
def test_the_wheel_carries_the_asset(wheel: zipfile.ZipFile, name: str) -> None:
    assert wheel.getinfo(VENDOR + name).file_size > 200


def test_every_library_comes_with_its_licence(wheel: zipfile.ZipFile) -> None:
    """As many licences as npm packages in the lock."""
    licences = [name for name in wheel.namelist() if name.startswith(VENDOR + "licences/")]
    assert len(licences) == 5
    assert any(name.endswith("licenses/LICENSE") for name in wheel.namelist())


def test_the_font_sheet_names_only_files_that_are_shipped(wheel: zipfile.ZipFile) -> None:
    sheet = wheel.read(VENDOR + "inter.css").decode()
    files = re.findall(r"url\(([^)]+)\)", sheet)
    assert len(files) == 3
    assert {VENDOR + name for name in files} <= set(wheel.namelist())


def test_the_font_covers_vietnamese(wheel: zipfile.ZipFile) -> None:
    """Every letter of a sentence with all tones is in one of the ranges that the style sheet declares."""
    sheet = wheel.read(VENDOR + "inter.css").decode()
    ranges = [
        (int(first, 16), int(last or first, 16))
        for first, last in re.findall(r"U\+([0-9A-Fa-f]+)(?:-([0-9A-Fa-f]+))?", sheet)
    ]
    letters = set(
        "Bồn oxy lỏng sắp hết, mất kết nối từ 07:45; đã nạp đủ – gọi ngay ĐƯỢC ẩẫậẳẵặểễệổỗộởỡợửữự ₫"
    )
    uncovered = {letter for letter in letters if not any(low <= ord(letter) <= high for low, high in ranges)}
    assert uncovered == set()


def test_the_wheel_carries_device_data_and_no_tests(wheel: zipfile.ZipFile) -> None:
    names = wheel.namelist()
    assert any(name.startswith("oxygen/devices/") and name.endswith(".toml") for name in names)
    assert [name for name in names if name.startswith(("tests/", "devtools/"))] == []
