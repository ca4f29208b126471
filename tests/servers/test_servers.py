"""The servers that tests rely on behave as their classes promise."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Callable

import psutil
import pytest
from playwright.async_api import async_playwright

from tests.conftest import Browser, InfluxDatabase
from tests.servers import Influxd, Mosquitto, Postgres, Server, ServerError, reserve_port


def test_reserved_port_is_handed_to_nobody_else() -> None:
    """While a port is reserved, neither a listener nor an outgoing connection gets it from the kernel."""
    with reserve_port() as reserved:
        others = [reserve_port() for _ in range(200)]
        assert reserved.number not in {other.number for other in others}
        for other in others:
            other.release()


def test_a_client_dialling_a_reserved_port_never_reaches_itself() -> None:
    """Without the reservation a few tens of thousands of tries end in a connection to oneself."""
    with reserve_port() as reserved:
        for _ in range(3000):
            with socket.socket() as client:
                assert client.connect_ex(("127.0.0.1", reserved.number)) != 0


def test_a_listener_can_open_a_reserved_port(free_port: Callable[[], int]) -> None:
    """asyncio, uvicorn and the servers set SO_REUSEADDR, and so bind beside the placeholder."""
    port = free_port()
    with socket.create_server(("127.0.0.1", port)) as listener:
        listener.listen()
        with socket.create_connection(("127.0.0.1", port), 5):
            pass


def assert_closed_to_others(server: Server) -> None:
    """The files are the account's alone, and a server started by root is not root."""
    assert stat.S_IMODE(server.folder.stat().st_mode) == 0o700
    if os.geteuid() == 0:
        assert psutil.Process(server.pid).uids().effective != 0


def assert_listens_on_loopback_only(server: Server) -> None:
    """Nobody outside this machine can reach it."""
    listening = [
        connection.laddr.ip
        for connection in psutil.Process(server.pid).net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert set(listening) == {"127.0.0.1"}


def test_mosquitto_comes_back_on_its_port(private_mosquitto: Mosquitto) -> None:
    """Kill and start again: a new process on the same port."""
    broker = private_mosquitto
    assert_closed_to_others(broker)
    assert_listens_on_loopback_only(broker)
    first_pid, first_port = broker.pid, broker.port

    broker.kill()
    assert not broker.running
    with pytest.raises(OSError, match="refused"):
        socket.create_connection((broker.host, broker.port), 1)
    broker.start()

    assert broker.pid != first_pid
    assert broker.port == first_port


def test_mosquitto_refuses_anonymous_clients_when_it_has_users() -> None:
    """A connection without a name is answered with MQTT's 'not authorised'."""
    connect = bytes([0x10, 13, 0, 4]) + b"MQTT" + bytes([4, 2, 0, 60, 0, 1]) + b"a"
    with (
        Mosquitto(users={"gateway": "word"}) as broker,
        socket.create_connection((broker.host, broker.port), 5) as client,
    ):
        client.sendall(connect)
        client.settimeout(5)
        assert client.recv(4) == bytes([0x20, 2, 0, 5])


def test_a_paused_server_keeps_connections_and_answers_after_resume(private_mosquitto: Mosquitto) -> None:
    """SIGSTOP looks like a frozen machine, not like a refused connection."""
    ping = bytes([0x10, 13, 0, 4]) + b"MQTT" + bytes([4, 2, 0, 60, 0, 1]) + b"a"
    private_mosquitto.pause()
    with socket.create_connection((private_mosquitto.host, private_mosquitto.port), 5) as client:
        client.sendall(ping)
        client.settimeout(0.3)
        with pytest.raises(TimeoutError):
            client.recv(4)
        private_mosquitto.resume()
        client.settimeout(5)
        assert client.recv(4) == bytes([0x20, 2, 0, 0])


def test_a_server_that_cannot_start_says_why() -> None:
    """The error carries the server's own words."""
    broken = Mosquitto(lines=["no_such_option 1"])
    try:
        with pytest.raises(ServerError, match="no_such_option"):
            broken.start()
    finally:
        broken.close()


def test_influxd_keeps_points_over_a_kill(private_influxd: Influxd) -> None:
    """What was stored before a SIGKILL is there afterwards."""
    server = private_influxd
    assert_closed_to_others(server)
    assert_listens_on_loopback_only(server)
    server.create_database("kept")

    server.kill()
    server.start()

    names = [row[0] for row in server.query("SHOW DATABASES")[0]["values"]]
    assert "kept" in names


def test_influx_database_is_empty(influx_database: InfluxDatabase) -> None:
    """Each test begins with a database without measurements."""
    assert influx_database.server.query("SHOW MEASUREMENTS", influx_database.name) == []


def test_postgres_keeps_rows_over_a_kill(private_postgres: Postgres) -> None:
    """What was committed before a SIGKILL is there afterwards, on the same port."""
    server = private_postgres
    assert_closed_to_others(server)
    assert_listens_on_loopback_only(server)
    server.psql("CREATE TABLE kept AS SELECT 'bồn oxy lỏng' AS name")

    server.kill()
    server.start()

    assert server.psql("SELECT name FROM kept") == "bồn oxy lỏng"


def test_postgres_url_names_a_fresh_database(postgres: Postgres, postgres_url: str) -> None:
    """Each test begins with a database without tables."""
    database = postgres_url.rsplit("/", 1)[1]
    count = postgres.psql(
        "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'", database
    )
    assert count == "0"


def test_closing_removes_the_files() -> None:
    """Nothing of a server is left on the disk."""
    broker = Mosquitto().start()
    broker.close()
    assert not broker.folder.exists()


def test_chromium_runs(chromium: Browser) -> None:
    """The browser that the page tests use is a program of this machine."""
    assert os.access(chromium.executable_path, os.X_OK)


async def test_the_browser_shows_a_page_in_vietnamese(chromium: Browser) -> None:
    """Chromium starts with the fixture's arguments, also as root, and playwright reads its page."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium.executable_path, args=list(chromium.args)
        )
        page = await browser.new_page(viewport={"width": 360, "height": 640})
        await page.set_content("<button>Đã nhận</button>")
        assert await page.get_by_role("button").inner_text() == "Đã nhận"
        await browser.close()
