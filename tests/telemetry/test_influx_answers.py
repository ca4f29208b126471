"""What each answer of a server means for the caller, on both ways of writing and on reading."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from oxygen.errors import OxyWatchError, Permanent, Rejected, Retryable
from telemetry import InfluxSettings, TelemetryStore, open_store
from tests.telemetry.backends import INFLUX_KINDS
from tests.telemetry.http_server import HttpServer, Receive, Scope, Send, answer, body_of
from tests.telemetry.points import T0_US, point, read


class ScriptedServer:
    """Answers every request alike; `chunks` are sent one by one, and the connection breaks off after them."""

    def __init__(self) -> None:
        self.status = 204
        self.body = b""
        self.headers: dict[str, str] = {}
        self.breaks_off = False
        self.requests: list[tuple[str, bytes]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Keep the request and answer it."""
        self.requests.append((scope["path"], await body_of(receive)))
        if not self.breaks_off:
            await answer(send, self.status, self.body, self.headers)
            return
        await send({"type": "http.response.start", "status": self.status, "headers": []})
        await send({"type": "http.response.body", "body": self.body, "more_body": True})
        raise ConnectionResetError("the server dies in the middle of its answer")


SETTINGS: dict[str, dict[str, Any]] = {
    "influx_v1": {"api": "v1", "database": "oxywatch"},
    "influx_v2": {"api": "v2", "bucket": "oxywatch", "org": "so-y-te", "token": "x"},
}


@pytest.fixture(params=INFLUX_KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """Both ways of writing."""
    return str(request.param)


@pytest.fixture(scope="module")
def http_server() -> Any:
    """The scripted server's port."""
    with HttpServer(ScriptedServer()) as server:
        yield server


@pytest.fixture
def scripted(http_server: HttpServer) -> ScriptedServer:
    """A fresh script on that port."""
    fresh = ScriptedServer()
    http_server.application.__dict__.update(fresh.__dict__)
    return http_server.application  # type: ignore[return-value]


@pytest_asyncio.fixture
async def store(kind: str, http_server: HttpServer) -> AsyncIterator[TelemetryStore]:
    """A store that talks to it."""
    opened = open_store(InfluxSettings(url=http_server.url, timeout_s=10, **SETTINGS[kind]))
    yield opened
    await opened.close()


PARTIAL = b'{"error":"partial write: field type conflict: input field \\"dp_pa\\" dropped=1"}'

WRITE_ANSWERS: list[tuple[int, bytes, type[OxyWatchError], str]] = [
    (200, b"", Permanent, "telemetry_misdirected"),
    (302, b"", Permanent, "telemetry_misdirected"),
    (400, PARTIAL, Rejected, "telemetry_points_rejected"),
    (
        400,
        b'{"error":"partial write: points beyond retention policy dropped=1"}',
        Rejected,
        "telemetry_points_rejected",
    ),
    (413, b"Request Entity Too Large", Rejected, "telemetry_points_rejected"),
    (
        422,
        b'{"code":"unprocessable entity","message":"type conflict"}',
        Rejected,
        "telemetry_points_rejected",
    ),
    (401, b'{"error":"authorization failed"}', Permanent, "telemetry_refused"),
    (403, b'{"code":"forbidden","message":"insufficient permissions"}', Permanent, "telemetry_refused"),
    (
        404,
        b'{"code":"not found","message":"bucket \\"oxywatch\\" not found"}',
        Permanent,
        "telemetry_missing",
    ),
    (404, b"<html>nothing here</html>", Permanent, "telemetry_missing"),
    (405, b"", Permanent, "telemetry_misdirected"),
    (408, b"", Retryable, "telemetry_busy"),
    (429, b'{"code":"too many requests","message":"slow down"}', Retryable, "telemetry_busy"),
    (500, b'{"error":"retention policy not found: x"}', Permanent, "telemetry_missing"),
    (500, b'{"error":"engine: write /data/wal: no space left on device"}', Retryable, "telemetry_busy"),
    (502, b"<html>Bad Gateway</html>", Retryable, "telemetry_busy"),
    (503, b'{"error":"timeout"}', Retryable, "telemetry_busy"),
    (504, b"", Retryable, "telemetry_busy"),
]


@pytest.mark.parametrize(("status", "body", "kind_of_error", "code"), WRITE_ANSWERS)
async def test_each_answer_to_a_write_says_what_to_do_next(
    store: TelemetryStore,
    scripted: ScriptedServer,
    status: int,
    body: bytes,
    kind_of_error: type[OxyWatchError],
    code: str,
) -> None:
    """Only 204 confirms; wrong input is rejected, a wrong place permanent, the rest may be repeated."""
    scripted.status, scripted.body = status, body

    with pytest.raises(kind_of_error) as failure:
        await store.write([point(T0_US, {"dp_pa": 1.0})])

    assert failure.value.code == code
    assert "points" not in failure.value.params
    assert len(scripted.requests) == 1, "the caller repeats, the store does not"


async def test_an_unreadable_body_is_no_confirmation(store: TelemetryStore, scripted: ScriptedServer) -> None:
    """A proxy's error page in another encoding."""
    scripted.status, scripted.body = 502, b"\xff\xfe L\xe1\xbb i"

    with pytest.raises(Retryable):
        await store.write([point(T0_US, {"dp_pa": 1.0})])


async def test_204_confirms(store: TelemetryStore, scripted: ScriptedServer, kind: str) -> None:
    """One request, with the line as it was encoded."""
    await store.write([point(T0_US, {"dp_pa": 1.0})])

    path = {"influx_v1": "/write", "influx_v2": "/api/v2/write"}[kind]
    line = f"raw,facility=q1,subject=tank:q1-1 dp_pa=1.0 {T0_US}".encode()
    assert scripted.requests == [(path, line)]


@pytest.mark.parametrize(
    ("status", "header", "pause_s"),
    [(429, "7", 7), (503, " 120 ", 120), (429, "Wed, 21 Oct 2026 07:28:00 GMT", None), (503, "", None)],
)
async def test_the_pause_that_the_server_asks_for_is_handed_on(
    store: TelemetryStore, scripted: ScriptedServer, status: int, header: str, pause_s: int | None
) -> None:
    """`Retry-After` in seconds becomes `retry_after_s`; a date, which needs a clock, is left out."""
    scripted.status, scripted.headers = status, {"retry-after": header}

    with pytest.raises(Retryable) as failure:
        await store.write([point(T0_US, {"dp_pa": 1.0})])

    assert failure.value.params.get("retry_after_s") == pause_s


async def test_a_good_and_a_bad_point_reach_no_further_than_they_may(
    store: TelemetryStore, scripted: ScriptedServer
) -> None:
    """What no store can take is never sent."""
    with pytest.raises(Rejected) as refusal:
        await store.write([point(T0_US, {"dp_pa": float("nan")}), point(T0_US, {"dp_pa": 1.0})])

    assert refusal.value.params["points"] == [0]
    assert [body.count(b"\n") for _, body in scripted.requests] == [0]


READ_ANSWERS: list[tuple[int, bytes, type[OxyWatchError], str]] = [
    (
        200,
        b'{"results":[{"statement_id":0,"error":"database not found: x"}]}\n',
        Permanent,
        "telemetry_missing",
    ),
    (200, b'{"results":[{"statement_id":0,"error":"query interrupted"}]}\n', Retryable, "telemetry_busy"),
    (200, b'{"error":"timeout reached"}\n', Retryable, "telemetry_busy"),
    (200, b'{"results":[{"statement_id":0,"series":[{"na', Retryable, "telemetry_unreachable"),
    (200, b"<html>Welcome</html>", Retryable, "telemetry_unreachable"),
    (400, b'{"error":"error parsing query: found EOF"}', Rejected, "telemetry_query_rejected"),
    (401, b'{"error":"unable to parse authentication credentials"}', Permanent, "telemetry_refused"),
    (404, b'{"code":"not found","message":"no dbrp mapping found"}', Permanent, "telemetry_missing"),
    (503, b"", Retryable, "telemetry_busy"),
]


@pytest.mark.parametrize(("status", "body", "kind_of_error", "code"), READ_ANSWERS)
async def test_each_answer_to_a_question_says_what_to_do_next(
    store: TelemetryStore,
    scripted: ScriptedServer,
    status: int,
    body: bytes,
    kind_of_error: type[OxyWatchError],
    code: str,
) -> None:
    """InfluxDB reports errors inside a 200 as well; half an answer is no answer."""
    scripted.status, scripted.body = status, body

    with pytest.raises(kind_of_error) as failure:
        await read(store)

    assert failure.value.code == code


async def test_an_answer_that_breaks_off_is_never_taken_for_the_whole(
    store: TelemetryStore, scripted: ScriptedServer
) -> None:
    """The connection dies between two chunks: the rows so far are followed by an error, not by an end."""
    chunk = b'{"results":[{"series":[{"name":"raw","columns":["time","seq"],"values":[[1,1]]}]}]}\n'
    scripted.status, scripted.body, scripted.breaks_off = 200, chunk, True

    with pytest.raises(Retryable):
        await read(store)
