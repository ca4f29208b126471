"""Installs the Debian servers that tests run, where we may; never leaves one listening."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from devtools.terminal import Stop, say

# What has to be found -> the Debian packages that bring it.
PACKAGES = {
    "mosquitto": ("mosquitto",),
    "mosquitto_pub": ("mosquitto-clients",),
    "influxd": ("influxdb",),
    "postgres": ("postgresql",),
    "openssl": ("openssl",),
    "chromium": ("chromium", "fonts-dejavu-core"),
}
OTHER_NAMES = {"chromium": ("chromium-browser", "google-chrome")}
SERVICES = {"mosquitto": "mosquitto", "influxd": "influxdb", "postgres": "postgresql"}
POLICY = Path("/usr/sbin/policy-rc.d")


def missing() -> list[str]:
    """Return the programs of PACKAGES that this machine does not have."""
    return [name for name in PACKAGES if not _found(name)]


def ensure_servers(*, strict: bool) -> None:
    """Install what is missing when we are root on Debian or Ubuntu; otherwise say how to.

    Args:
        strict: Whether a program that stays missing stops us (in CI) or only leaves its tests out.

    Raises:
        Stop: Something is missing and `strict` holds.
    """
    absent = missing()
    if not absent:
        return
    packages = sorted({package for name in absent for package in PACKAGES[name]})
    if os.geteuid() == 0 and shutil.which("apt-get"):
        _install(packages, [SERVICES[name] for name in absent if name in SERVICES])
        absent = missing()
    if not absent:
        return
    advice = f"Missing for the tests: {', '.join(absent)}."
    if shutil.which("apt-get"):
        advice += f" To install: sudo apt-get install --no-install-recommends {' '.join(packages)}"
    if strict:
        raise Stop(advice)
    say(f"{advice}\nTests that need them are left out.")


def _found(name: str) -> bool:
    if name == "postgres" and any(Path("/usr/lib/postgresql").glob("*/bin/postgres")):
        return True
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
    return any(shutil.which(candidate, path=path) for candidate in (name, *OTHER_NAMES.get(name, ())))


def _install(packages: list[str], services: list[str]) -> None:
    """Install packages without starting their services, now or at the next boot."""
    say(f"Installing {' '.join(packages)} with apt-get (their services stay off)")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with _services_stay_off():
        for command in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
            done = subprocess.run(
                ["apt-get", "-q", *command],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                check=False,
            )
            if done.returncode:
                say("".join(done.stdout.splitlines(keepends=True)[-15:]).rstrip())
    if services and shutil.which("systemctl"):
        subprocess.run(["systemctl", "disable", *services], capture_output=True, check=False)


@contextlib.contextmanager
def _services_stay_off() -> Iterator[None]:
    """Tell Debian's maintainer scripts to start nothing, unless the machine has a policy of its own."""
    if POLICY.exists():
        yield
        return
    POLICY.write_text("#!/bin/sh\nexit 101\n", encoding="ascii")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink(missing_ok=True)
