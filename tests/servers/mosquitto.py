"""A Mosquitto broker of the test's own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from tests.servers.process import Server
from tests.servers.programs import find_program


class Mosquitto(Server):
    """Mosquitto on a loopback port, keeping its messages in its folder.

    Args:
        users: Name to password; when given, anonymous clients are refused.
        lines: Further lines of mosquitto.conf, after those of the main listener.
    """

    name = "mosquitto"
    accounts = ("mosquitto",)

    def __init__(self, *, users: Mapping[str, str] | None = None, lines: Iterable[str] = ()) -> None:
        super().__init__()
        self.users = dict(users or {})
        self.lines = list(lines)

    def prepare(self) -> None:
        """Write mosquitto.conf and, when there are users, their password file."""
        options = [
            f"listener {self.port} {self.host}",
            f"allow_anonymous {'false' if self.users else 'true'}",
            "persistence true",
            f"persistence_location {self.folder}/",
            "log_dest stderr",
            "log_type all",
            "max_queued_messages 0",
            "max_inflight_messages 1000",
        ]
        if self.users:
            path = self.write("passwords", "".join(f"{name}:{word}\n" for name, word in self.users.items()))
            self.run_tool([str(find_program("mosquitto_passwd")), "-U", str(path)])
            options.append(f"password_file {path}")
        self.write("mosquitto.conf", "\n".join([*options, *self.lines]) + "\n")

    def command(self) -> Sequence[str]:
        """Return the command for the configuration just written."""
        return [str(find_program("mosquitto")), "-c", str(self.folder / "mosquitto.conf")]
