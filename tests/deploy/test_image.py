"""The Dockerfile builds from what .dockerignore lets in, and nothing else is let in."""

from __future__ import annotations

import fnmatch
import re
import subprocess
import tomllib

import pytest

from tests.deploy.shipped import ROOT


def instructions() -> list[tuple[str, str]]:
    """Return the Dockerfile's instructions, continued lines joined, comments left out."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in lines)]


def let_in(path: str) -> bool:
    """Tell whether .dockerignore lets a path, relative to the root, into the build; the last match counts."""
    inside = True
    for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        allows, pattern = line.startswith("!"), line.lstrip("!")
        matches = pattern == "*" or path == pattern.rstrip("/") or path.startswith(pattern.rstrip("/") + "/")
        if pattern.startswith("**/"):
            parts = path.split("/")
            matches = any(fnmatch.fnmatch(part, pattern[3:].rstrip("/")) for part in parts)
        if matches:
            inside = allows
    return inside


def test_everything_that_the_image_is_built_from_is_let_in() -> None:
    """The rooms, the build's own files, and what is copied by name."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    rooms = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    needed = [f"{room}/__init__.py" for room in rooms]
    needed += [
        "pyproject.toml",
        "hatch_build.py",
        "package.json",
        "package-lock.json",
        "README.md",
        "LICENSE",
    ]
    copied = [rest.split()[0] for word, rest in instructions() if word == "COPY" and "--from" not in rest]
    needed += [source for source in copied if source != "."]
    assert [path for path in needed if not (ROOT / path).exists()] == []
    assert [path for path in needed if not let_in(path)] == []


@pytest.mark.parametrize(
    "path",
    [
        "deploy/secrets/ca.key",
        "deploy/secrets/gateways/gw-a.key",
        "data/records.sqlite",
        ".git/config",
        ".venv/bin/python",
        ".env",
        "tests/conftest.py",
        "oxygen/__pycache__/units.cpython-311.pyc",
        "api/static/vendor/htmx.min.js",
    ],
)
def test_secrets_data_and_leftovers_are_kept_out(path: str) -> None:
    """A layer of an image is read by everybody who has the image."""
    assert not let_in(path)


def test_every_tracked_file_of_the_rooms_is_let_in() -> None:
    """A data file that is left out would be missed at run time only."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    rooms = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    done = subprocess.run(["git", "ls-files", *rooms], cwd=ROOT, capture_output=True, text=True, check=True)
    assert [path for path in done.stdout.splitlines() if not let_in(path)] == []


def test_the_programs_do_not_run_as_root() -> None:
    """The last USER is what counts, and no file of the program belongs to it."""
    users = [rest for word, rest in instructions() if word == "USER"]
    assert users == ["oxywatch"]
    assert not any("--chown" in rest for word, rest in instructions() if word == "COPY")


def test_packages_are_installed_by_their_hashes_and_from_wheels_only() -> None:
    """Nothing is compiled or run while it is installed."""
    installs = [part for _, rest in instructions() for part in rest.split("&&") if "pip install" in part]
    assert len(installs) == 2
    for install in installs:
        locked = "--require-hashes" in install and "--only-binary :all:" in install
        ours = "--no-index" in install and "--no-deps" in install
        assert locked or ours, install


def test_both_stages_name_the_same_image_with_its_version() -> None:
    """Compiled packages of one Python do not work in another."""
    images = {rest.split()[0] for word, rest in instructions() if word == "FROM"}
    assert len(images) == 1
    assert re.fullmatch(r"python:3\.1[1-4]-slim", images.pop())
