"""The folder in which `oxywatch run` keeps everything, and the settings file in it."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from oxygen.errors import Permanent


class Endpoints(NamedTuple):
    """What `run` was told to use instead of its embedded parts, and where it listens.

    Attributes:
        records_url: Relational database; None for SQLite in the folder.
        telemetry: The telemetry table of the settings file; None for SQLite in the folder.
        broker_host, broker_port: Of the broker.
        page_host, page_port: Of the pages.
        mail_port: Of the loopback mail sink.
    """

    records_url: str | None
    telemetry: dict[str, str] | None
    broker_host: str
    broker_port: int
    page_host: str
    page_port: int
    mail_port: int


class DataFolder:
    """Paths in the folder; everything in it may be looked at, little should be edited."""

    def __init__(self, root: Path) -> None:
        """Name the folder; `prepare` makes it."""
        self.root = root.resolve()
        self.settings = self.root / "oxywatch.toml"
        self.logs = self.root / "logs"
        self.gateways = self.root / "gateways"
        self.history = self.root / "history"
        self.sim_state = self.root / "simulator" / "state.json"
        self.sim_ready = self.root / "simulator" / "ready.json"
        self.sim_truth = self.root / "simulator" / "truth.jsonl"

    def prepare(self) -> None:
        """Make the folders, readable by their owner alone. Raises Permanent when that cannot be done."""
        try:
            for folder in (self.root, self.logs, self.gateways, self.history, self.sim_state.parent):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise Permanent(f"data folder {self.root}: {error}", code="bad_data_folder") from error

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder; raises Permanent when another `oxywatch run` holds it."""
        with (self.root / "lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                message = (
                    f"another `oxywatch run` already works in {self.root}; stop it or name another --data"
                )
                raise Permanent(message, code="folder_in_use") from error
            yield

    def write_settings(self, endpoints: Endpoints) -> None:
        """Write the settings file of the centre's programs; hand-made changes to it do not last."""
        tables: dict[str, dict[str, Any]] = {
            "records": {"url": endpoints.records_url or f"sqlite:///{self.root / 'records.sqlite'}"},
            "telemetry": endpoints.telemetry
            or {"kind": "embedded", "path": str(self.root / "telemetry.sqlite")},
            "broker": {"host": endpoints.broker_host, "port": endpoints.broker_port},
            "alerts": {"page_url": f"http://{endpoints.page_host}:{endpoints.page_port}"},
            "alerts.smtp": {
                "host": "127.0.0.1",
                "port": endpoints.mail_port,
                "security": "none",
                "sender": "oxywatch@localhost",
            },
            "api": {
                "host": endpoints.page_host,
                "port": endpoints.page_port,
                # A newcomer's look at simulated hospitals takes no authenticator.
                "require_second_factor": False,
            },
        }
        lines = ["# Written by `oxywatch run` at every start; see docs/operations.md.", ""]
        for name, table in tables.items():
            lines.append(f"[{name}]")
            lines += [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in table.items()]
            lines.append("")
        self.settings.write_text("\n".join(lines), encoding="utf-8")
        self.settings.chmod(0o600)


class HistoryRequest(msgspec.Struct, frozen=True):
    """What the history job has to do; passed to it as JSON.

    Attributes:
        scenario: File, or None for the shipped demo.
        state_file: The world to go on with; a new world is begun when there is none.
        gateways: Configuration files, whose decoders read the world.
        folder: Where the parts go.
        until_us: End of the history.
        days: Length of the first history; longest gap that is filled.
        recent_h: Length of the last part of the first history.
    """

    scenario: str | None
    state_file: str
    gateways: tuple[str, ...]
    folder: str
    until_us: int
    days: int
    recent_h: int
    gap_days: int = 7
