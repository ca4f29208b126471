"""Real servers for tests: started on reserved loopback ports, stopped by whoever started them."""

from __future__ import annotations

from tests.servers.influxd import Influxd
from tests.servers.mosquitto import Mosquitto
from tests.servers.ports import ReservedPort, reserve_port
from tests.servers.postgres import Postgres
from tests.servers.process import Server, ServerError
from tests.servers.programs import MissingProgramError, find_program, postgres_program

__all__ = [
    "Influxd",
    "MissingProgramError",
    "Mosquitto",
    "Postgres",
    "ReservedPort",
    "Server",
    "ServerError",
    "find_program",
    "postgres_program",
    "reserve_port",
]
