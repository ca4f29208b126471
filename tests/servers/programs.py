"""Where the servers' programs are, and which Debian package brings a missing one."""

from __future__ import annotations

import shutil
from pathlib import Path

PACKAGES = {
    "mosquitto": "mosquitto",
    "mosquitto_passwd": "mosquitto",
    "influxd": "influxdb",
    "chromium": "chromium",
    "initdb": "postgresql",
    "postgres": "postgresql",
    "psql": "postgresql",
}
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
SYSTEM_FOLDERS = "/usr/sbin:/usr/local/sbin"  # not on an ordinary user's PATH


class MissingProgramError(RuntimeError):
    """A program that the test needs is not installed; the text says how to install it."""

    def __init__(self, name: str) -> None:
        package = PACKAGES.get(name, name)
        super().__init__(f"{name} is not installed; on Debian or Ubuntu: sudo apt-get install {package}")


def find_program(name: str) -> Path:
    """Return the path of program `name`. Raises MissingProgramError."""
    for candidate in CHROMIUM_NAMES if name == "chromium" else (name,):
        found = shutil.which(candidate) or shutil.which(candidate, path=SYSTEM_FOLDERS)
        if found:
            return Path(found)
    raise MissingProgramError(name)


def postgres_program(name: str) -> Path:
    """Return a PostgreSQL program of the newest version installed. Raises MissingProgramError."""
    installed = [path for path in Path("/usr/lib/postgresql").glob(f"*/bin/{name}") if path.is_file()]
    if installed:
        return max(installed, key=lambda path: int(path.parts[-3]))
    try:
        return find_program(name)
    except MissingProgramError:
        raise MissingProgramError(name) from None
