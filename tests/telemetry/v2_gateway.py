"""The part of InfluxDB 2's interface that the store uses, in front of an InfluxDB 1.x.

Writes are translated: token to account, bucket to database and retention policy, `us` to `u`; bodies, gzip
and answers pass through. `/query` passes through for databases that are mapped to a bucket. Organisations,
buckets and mappings are kept here, each bucket being a database of the server behind.
"""

from __future__ import annotations

import json
from typing import Any

import httpx

from tests.telemetry.http_server import HttpServer, Receive, Scope, Send, answer, body_of, header_of, query_of

TOKEN = "gateway-token-of-the-tests"
ORG = "sở y tế"
ORG_ID = "0000000000000001"
PRECISIONS = {"us": "u", "ns": "n", "ms": "ms", "s": "s"}


class V2Gateway:
    """An ASGI application; one organisation, one token that may do everything."""

    def __init__(self, server_url: str, account: tuple[str, str]) -> None:
        self._server_url = server_url
        self._account = account
        self.buckets: dict[str, str] = {}
        self.mappings: dict[str, str] = {}

    def serve(self) -> HttpServer:
        """Return a server of this application, to be started."""
        return HttpServer(self)

    async def add_bucket(self, name: str) -> str:
        """Make a bucket as `POST /api/v2/buckets` does; return its id."""
        await self._influxql(f'CREATE DATABASE "{name}"')
        return self.buckets.setdefault(name, f"{len(self.buckets) + 16:016x}")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        body = await body_of(receive)
        if header_of(scope, "authorization") != f"Token {TOKEN}":
            await _refuse(send, 401, "unauthorized", "unauthorized access")
            return
        try:
            await self._route(scope, body, send)
        except httpx.HTTPError as error:
            await _refuse(send, 503, "unavailable", str(error))

    async def _route(self, scope: Scope, body: bytes, send: Send) -> None:
        method, path, query = scope["method"], scope["path"], query_of(scope)
        document = (
            json.loads(body) if path.startswith("/api/v2/") and body and path != "/api/v2/write" else {}
        )
        match method, path:
            case "POST", "/api/v2/write":
                await self._write(scope, query, body, send)
            case "POST", "/query":
                await self._query(scope, body, send)
            case "GET", "/api/v2/orgs":
                found = [{"id": ORG_ID, "name": ORG}] if query.get("org", ORG) == ORG else []
                await answer(send, 200, json.dumps({"orgs": found}).encode())
            case "GET", "/api/v2/buckets":
                known = [self._bucket(name) for name in self.buckets if name == query.get("name", name)]
                await answer(send, 200, json.dumps({"buckets": known}).encode())
            case "POST", "/api/v2/buckets":
                await self.add_bucket(document["name"])
                await answer(send, 201, json.dumps(self._bucket(document["name"])).encode())
            case "GET", "/api/v2/dbrps":
                content = [self._mapping(name) for name in self.mappings if name == query.get("db", name)]
                await answer(send, 200, json.dumps({"content": content}).encode())
            case "POST", "/api/v2/dbrps":
                self.mappings[document["database"]] = document["bucketID"]
                await answer(send, 201, json.dumps(self._mapping(document["database"])).encode())
            case _:
                await _refuse(send, 404, "not found", "path not found")

    async def _write(self, scope: Scope, query: dict[str, str], body: bytes, send: Send) -> None:
        if query["org"] != ORG:
            await _refuse(send, 404, "not found", f'organization name "{query["org"]}" not found')
            return
        database, _, policy = query["bucket"].partition("/")
        params = {"db": database, "rp": policy, "precision": PRECISIONS[query["precision"]]}
        headers = {"content-encoding": header_of(scope, "content-encoding")}
        async with self._client() as client:
            got = await client.post(
                "/write",
                params={name: value for name, value in params.items() if value},
                content=body,
                headers={name: value for name, value in headers.items() if value},
            )
        if got.status_code == 204:
            await answer(send, 204, b"")
        else:
            await _refuse(send, got.status_code, "error of the server", got.json()["error"])

    async def _query(self, scope: Scope, body: bytes, send: Send) -> None:
        database = httpx.QueryParams(body.decode()).get("db", "")
        if database not in self.mappings and database not in self.buckets:
            await _refuse(
                send, 404, "not found", f"no dbrp mapping found for {database}: dbrp mapping not found"
            )
            return
        headers = {"content-type": header_of(scope, "content-type")}
        async with (
            self._client() as client,
            client.stream("POST", "/query", content=body, headers=headers) as got,
        ):
            start = [(b"content-type", b"application/json")]
            await send({"type": "http.response.start", "status": got.status_code, "headers": start})
            async for part in got.aiter_bytes():
                await send({"type": "http.response.body", "body": part, "more_body": True})
            await send({"type": "http.response.body", "body": b""})

    async def _influxql(self, statement: str) -> None:
        async with self._client() as client:
            (await client.post("/query", data={"q": statement})).raise_for_status()

    def _client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            base_url=self._server_url,
            auth=self._account,
            timeout=60,
            trust_env=False,
            verify=False,  # plain HTTP; loading the authorities would cost 20 ms a request
        )

    def _bucket(self, name: str) -> dict[str, Any]:
        return {"id": self.buckets[name], "orgID": ORG_ID, "name": name, "retentionRules": [], "type": "user"}

    def _mapping(self, database: str) -> dict[str, Any]:
        return {
            "id": self.mappings[database],
            "orgID": ORG_ID,
            "bucketID": self.mappings[database],
            "database": database,
            "retention_policy": "autogen",
            "default": True,
        }


async def _refuse(send: Send, status: int, code: str, message: str) -> None:
    await answer(send, status, json.dumps({"code": code, "message": message}).encode())
