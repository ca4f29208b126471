"""Makes .venv and keeps it in line with the lock; quick when nothing has changed."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator

from devtools.terminal import ROOT, Stop, call_counting, say

VENV = ROOT / ".venv"
STAMP = VENV / ".oxywatch.json"
READY = VENV / ".ready"
REQUIREMENTS = {"runtime": ROOT / "requirements" / "runtime.txt", "dev": ROOT / "requirements" / "dev.txt"}
ASSET_STAMP = ROOT / "api" / "static" / "vendor" / ".lock-sha256"
SCRIPTS = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = SCRIPTS / ("python.exe" if os.name == "nt" else "python")
IDENTITY = "import sys, sysconfig; print(sys.implementation.cache_tag, sysconfig.get_platform())"
OFFLINE = "The packages could not be installed. Look at the lines above; most often the network is missing."


def ensure(kind: str) -> None:
    """Bring .venv to the state that `kind` ("runtime" or "dev") needs. Raises Stop.

    "dev" contains "runtime", so an environment made for tests is left alone by `run`.
    """
    with _one_at_a_time():
        stamp = _usable_stamp()
        wanted = _digest(REQUIREMENTS[kind].read_bytes())
        have = {stamp.get(kind), stamp.get("runtime_of_dev") if kind == "runtime" else None}
        if wanted not in have:
            _install_requirements(kind)
            stamp[kind] = wanted
            if kind == "dev":
                stamp["runtime_of_dev"] = _digest(REQUIREMENTS["runtime"].read_bytes())
            _save(stamp)
        editable = _project_digest()
        if stamp.get("editable") != editable or not ASSET_STAMP.is_file():
            _install_project()
            stamp["editable"] = editable
            _save(stamp)
        READY.touch()


def script(name: str) -> str:
    """Return the path of a command that a package put into .venv."""
    return str(SCRIPTS / (name + ".exe" if os.name == "nt" else name))


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _project_digest() -> str:
    """Return a digest of what an editable install is made from; settings of tools are left out."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    parts = [project["build-system"], project["project"], project["tool"]["hatch"]]
    files = [(ROOT / name).read_bytes() for name in ("package-lock.json", "hatch_build.py")]
    return _digest(json.dumps(parts, sort_keys=True).encode() + b"".join(files))


def _identity() -> str:
    """Return what .venv's Python is, or "" when it is missing or does not run."""
    try:
        done = subprocess.run(
            [PYTHON, "-I", "-S", "-c", IDENTITY], capture_output=True, text=True, check=False, timeout=60
        )
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _usable_stamp() -> dict[str, str]:
    """Return the stamp of a .venv that works, making or remaking .venv when it does not."""
    identity = _identity()
    try:
        stamp: dict[str, str] = json.loads(STAMP.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        stamp = {}
    place = f"{identity} {ROOT}"
    if identity and stamp.get("place", place) == place:
        return {**stamp, "place": place}
    if VENV.exists():
        say("The environment in .venv belongs to another Python or folder; making it anew")
        shutil.rmtree(VENV)
    _create()
    return {"place": f"{_identity()} {ROOT}"}


def _create() -> None:
    """Make .venv with pip in it, or without where this Python cannot (Debian keeps ensurepip apart)."""
    version = ".".join(str(part) for part in sys.version_info[:3])
    say(f"Making the environment .venv (Python {version})")
    _make_pip_available()
    options = [] if importlib.util.find_spec("ensurepip") else ["--without-pip"]
    command = [sys.executable, "-m", "venv", *options, str(VENV)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode and not options:
        shutil.rmtree(VENV, ignore_errors=True)
        done = subprocess.run(
            [*command[:3], "--without-pip", str(VENV)], capture_output=True, check=False, text=True
        )
    if done.returncode:
        raise Stop(f"Python could not make .venv:\n{done.stdout}{done.stderr}")


def _make_pip_available() -> None:
    """See to it that a pip exists, in this Python or for .venv. Raises Stop with the command to run."""
    if importlib.util.find_spec("ensurepip") or importlib.util.find_spec("pip"):
        return
    package = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
    may_install = hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get")
    if may_install:
        say(f"This Python has no pip; installing Debian's {package}")
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (["apt-get", "-q", "update"], ["apt-get", "-q", "install", "-y", package]):
            subprocess.run(
                command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=False
            )
        importlib.invalidate_caches()
        if importlib.util.find_spec("ensurepip"):
            return
    raise Stop(f"This Python has no pip. On Debian or Ubuntu: sudo apt-get install {package}")


def _pip() -> list[str]:
    """Return the command that installs into .venv: its own pip, else ours pointed at it."""
    own = subprocess.run([PYTHON, "-m", "pip", "--version"], capture_output=True, check=False)
    if own.returncode == 0:
        return [str(PYTHON), "-m", "pip"]
    return [sys.executable, "-m", "pip", "--python", str(PYTHON)]


def _install_requirements(kind: str) -> None:
    path = REQUIREMENTS[kind]
    packages = len(re.findall(r"^[A-Za-z0-9][^\s=]*==", path.read_text(encoding="utf-8"), re.MULTILINE))
    command = [*_pip(), "install", "--disable-pip-version-check", "--progress-bar", "off", "--no-input"]
    command += ["--no-deps", "--require-hashes", "-r", str(path)]
    what = "Installing the locked packages" + (" and the tools for tests" if kind == "dev" else "")
    call_counting(command, what, packages, _names_a_package, OFFLINE)


def _names_a_package(line: str) -> bool:
    return line.startswith(("Collecting ", "Requirement already satisfied", "Ignoring "))


def _install_project() -> None:
    command = [*_pip(), "install", "--disable-pip-version-check", "--progress-bar", "off", "--no-input"]
    command += ["--no-deps", "--editable", str(ROOT)]
    what = "Putting the source tree into .venv and fetching the front-end assets"
    call_counting(command, what, 5, lambda line: line.startswith("  ") or "uccess" in line, OFFLINE)


def _save(stamp: dict[str, str]) -> None:
    fresh = STAMP.with_suffix(".new")
    fresh.write_text(json.dumps(stamp, indent=1), encoding="utf-8")
    fresh.replace(STAMP)


@contextlib.contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Let a second dev.py wait until the first has finished with .venv (where the system can lock)."""
    try:
        import fcntl  # noqa: PLC0415  not on Windows
    except ImportError:
        yield
        return
    with (ROOT / ".venv.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another dev.py is setting .venv up; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
