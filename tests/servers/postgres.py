"""A PostgreSQL server of the test's own."""

from __future__ import annotations

from collections.abc import Sequence

from tests.servers.process import Server, ServerError
from tests.servers.programs import postgres_program

SUPERUSER = "postgres"


class Postgres(Server):
    """PostgreSQL on a loopback port, without passwords, keeping its cluster in its folder.

    fsync is off: a killed process loses nothing by that, only a machine would.
    """

    name = "postgres"
    accounts = ("postgres",)

    def prepare(self) -> None:
        """Make the cluster before the first start."""
        data = self.folder / "data"
        if data.exists():
            return
        command = [str(postgres_program("initdb")), "--pgdata", str(data), "--username", SUPERUSER]
        command += ["--auth", "trust", "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync"]
        self.run_tool(command)

    def command(self) -> Sequence[str]:
        """Return the command that serves the cluster."""
        settings = ["fsync=off", "max_connections=100", "timezone=UTC", "shared_buffers=32MB"]
        command = [str(postgres_program("postgres")), "-D", str(self.folder / "data")]
        command += ["-h", self.host, "-p", str(self.port), "-k", str(self.folder)]
        return command + [part for setting in settings for part in ("-c", setting)]

    def check_ready(self) -> bool:
        """Tell whether a statement is answered."""
        try:
            self.psql("SELECT 1")
        except ServerError:
            return False
        return True

    def psql(self, statement: str, database: str = "postgres") -> str:
        """Run SQL; return what psql prints, unaligned and without headers. Raises ServerError."""
        command = [str(postgres_program("psql")), "-h", self.host, "-p", str(self.port), "-U", SUPERUSER]
        command += ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", database, "-c", statement]
        return self.run_tool(command).strip()

    def url(self, database: str, driver: str = "asyncpg") -> str:
        """Return SQLAlchemy's address of `database`."""
        return f"postgresql+{driver}://{SUPERUSER}@{self.host}:{self.port}/{database}"

    def create_database(self, name: str) -> None:
        """Create an empty database."""
        self.psql(f'CREATE DATABASE "{name}" TEMPLATE template0')

    def drop_database(self, name: str) -> None:
        """Drop a database and whoever is connected to it."""
        self.psql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
