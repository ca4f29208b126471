"""Role × route × scope, generated from the routes: what is within scope answers, the rest does not exist."""

from __future__ import annotations

import ast
import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from fastapi import FastAPI
from fastapi.routing import RouteContext, iter_route_contexts
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from api.access import OWN, PUBLIC, actions_of, check_rules
from api.app import create_app
from api.context import Context
from oxygen.local_time import local_day
from policy.permission import Grant, Scope
from policy.roles import ScopeKind, roles
from records import fleet, identity, messages, permission, registry
from records.database import Database, Transaction
from records.identity import SessionToken, passwords
from records.messages import Contact
from telemetry import EmbeddedSettings, open_store
from tests.api import demo
from tests.api.conftest import Site

LONG_S = 3600.0
ON_ITS_WAY = {200, 201, 303, 409, 422}
"""What a request that is let in may end with: many are sent without what they need."""

QUERIES = {"/api/v1/tanks/{code}/refills": "?since=0&until=1000000"}
BODIES = {
    "/api/v1/reports/{facility}/{day}/corrections": {
        "figure": "tank:none.opening",
        "note": "test",
        "version": 0,
    }
}
FORMS = {"/reports/{facility}/{day}/final": {"version": "9"}}

OWN_SCOPE = {
    ScopeKind.ALL: "",
    ScopeKind.UNIT: "79",
    ScopeKind.BODY: "y-te-nganh",
    ScopeKind.FACILITY: "bv-binh-thanh",
    ScopeKind.SUPPLIER: "Khí công nghiệp Sài Gòn",
    ScopeKind.STATION: "tram-1",
    ScopeKind.GATEWAY: "gw-binh-thanh",
}
FOREIGN_SCOPE = {
    ScopeKind.UNIT: "75",
    ScopeKind.BODY: "so-y-te-khac",
    ScopeKind.FACILITY: "bv-thu-duc",
    ScopeKind.SUPPLIER: "Khí công nghiệp khác",
    ScopeKind.STATION: "tram-2",
    ScopeKind.GATEWAY: "gw-thu-duc",
}
MENUS = {
    "national": ["/", "/alarms", "/reports", "/gateways"],
    "ministry_health_service": ["/", "/alarms", "/reports", "/gateways", "/contacts", "/messages"],
    "doh": ["/", "/alarms", "/reports", "/gateways", "/contacts", "/messages"],
    "industry_trade": [],
    "district": ["/", "/alarms"],
    "ward": ["/", "/alarms"],
    "steering_committee": ["/", "/alarms", "/reports"],
    "facility_admin": ["/", "/alarms", "/reports", "/gateways", "/contacts", "/messages", "/users"],
    "facility": ["/", "/alarms", "/reports", "/gateways", "/contacts"],
    "supplier": ["/"],
    "station": [],
    "technician": ["/", "/alarms", "/gateways"],
    "auditor": ["/users"],
    "administrator": ["/", "/alarms", "/reports", "/gateways", "/contacts", "/messages", "/users"],
    "viewer": ["/", "/alarms", "/reports", "/gateways"],
    "citizen": [],
}


@dataclass(frozen=True)
class Case:
    """An account that holds a role over a scope; `inside`: whether the objects asked for lie in it."""

    role: str
    kind: ScopeKind
    code: str
    inside: bool

    @property
    def name(self) -> str:
        return f"{self.role}.{self.kind.value}.{'own' if self.inside else 'foreign'}".replace("_", "-")

    @property
    def grant(self) -> Grant:
        return Grant(self.role, Scope(self.kind, self.code))

    @property
    def facility(self) -> str:
        """The facility whose objects are asked for."""
        return "bv-can-gio" if self.kind is ScopeKind.BODY else "bv-binh-thanh"


CASES = [
    Case(name, kind, codes[kind], inside)
    for name, role in roles().items()
    for kind in role.scopes
    for codes, inside in ((OWN_SCOPE, True), (FOREIGN_SCOPE, False))
    if kind in codes
]


def application(folder: Path) -> FastAPI:
    database = Database(f"sqlite:///{folder / 'never-opened.sqlite'}")
    store = open_store(EmbeddedSettings(path=folder / "never-opened-too.sqlite"), readonly=True)
    return create_app(Context(database, store, lambda: 0))


def every_route() -> list[tuple[str, str, frozenset[str]]]:
    """(method, path, actions) of every operation that is not public, signing out apart."""
    found = [
        (method, route.path or "", actions_of(route))
        for route in iter_route_contexts(application(Path("/nowhere")).routes)
        for method in sorted(route.methods or ())
        if route.path not in PUBLIC | {"/logout"}
    ]
    assert len(found) > 45
    return found


ROUTES = every_route()


@dataclass
class Matrix:
    """The site with an account for every case, and what stands for each parameter of a path."""

    site: Site
    sessions: dict[str, SessionToken]
    examples: dict[str, dict[str, str]]

    @contextlib.contextmanager
    def client(self, name: str) -> Iterator[httpx.Client]:
        session = self.sessions[name]
        with self.site.visitor(**{"X-CSRF-Token": session.csrf_token}) as client:
            client.cookies.set("oxywatch_session", session.token)
            yield client

    def ask(self, client: httpx.Client, method: str, path: str, facility: str) -> int:
        """Send a request with what it cannot do without, and return the status of its answer."""
        codes = {"facilities": facility, "gateways": facility.replace("bv-", "gw-")}
        own = [code for noun, code in codes.items() if f"/{noun}/" in path]
        target = path.format_map(self.examples[facility] | ({"code": own[0]} if own else {})) + QUERIES.get(
            path, ""
        )
        if path == "/live":
            return self._follow(client)
        if path.startswith("/api/") and method == "POST":
            return client.post(target, json=BODIES.get(path, {})).status_code
        token = {"csrf_token": client.headers["X-CSRF-Token"]}
        return client.request(method, target, data=token | FORMS.get(path, {}) or None).status_code

    def _follow(self, client: httpx.Client) -> int:
        with client.stream("GET", "/live") as answer:
            if answer.status_code == 200:
                next(line for line in answer.iter_lines() if line.startswith("event: alive"))
            return answer.status_code


async def _account(tx: Transaction, name: str, grant: Grant | None) -> tuple[int, SessionToken]:
    password = f"mat-khau-cua-{name}"
    user = await identity.create_user(
        tx, username=name, password=password, must_change=False, actor="test", now_us=0
    )
    if grant is not None:
        await permission.appoint(tx, user.id, grant, actor="test", reason="test", now_us=0)
    return user.id, await _session(tx, name, password)


async def _session(tx: Transaction, name: str, password: str) -> SessionToken:
    from tests.api.server import now_us

    session = await identity.sign_in(tx, name, password, now_us=now_us(), lifetime_s=LONG_S)
    assert session is not None
    return session


async def _move(tx: Transaction, code: str, **changes: Any) -> None:
    known = (await registry.registry(tx)).facility(code)
    assert known is not None
    await registry.put_facility(tx, msgspec.structs.replace(known, **changes), actor="test", now_us=0)


async def _people(tx: Transaction) -> tuple[dict[str, SessionToken], dict[str, dict[str, str]]]:
    await _move(tx, "bv-can-gio", governing_body="y-te-nganh")
    await _move(tx, "bv-thu-duc", place="75")
    sessions: dict[str, SessionToken] = {}
    for case in CASES:
        _, sessions[case.name] = await _account(tx, case.name, case.grant)
    _, sessions["nobody"] = await _account(tx, "nobody", None)
    examples = {"bv-binh-thanh": {"alarm_id": "1", "contact_id": "1", "code": "binh-thanh-1"}}
    contact = Contact("Trực Cần Giờ", "email", "truc@can-gio.example", "bv-can-gio")
    stored = await messages.put_contact(tx, contact, actor="test", now_us=0)
    examples["bv-can-gio"] = {"alarm_id": "2", "contact_id": str(stored.id), "code": "can-gio-1"}
    for facility, values in examples.items():
        grant = Grant("viewer", Scope(ScopeKind.FACILITY, facility))
        user, _ = await _account(tx, f"nguoi-{facility}", grant)
        (held,) = await permission.grants_of(tx, user)
        values |= {"facility": facility, "day": "2026-11-01", "mail_id": "1", "user_id": str(user)}
        values |= {"grant_id": str(held.id), "session_id": "none", "token_id": "0", "glass_id": "0"}
        values |= {"kind": "phone", "version": "1"}
        gateway = facility.replace("bv-", "gw-")
        await fleet.put_config(tx, gateway, "a = 1\n", note="", actor="test", now_us=0)
    return sessions, examples


@pytest.fixture(scope="module")
def matrix(seeded: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Matrix]:
    folder = shutil.copytree(seeded, tmp_path_factory.mktemp("matrix") / "data")
    site = Site(folder).start()
    with pytest.MonkeyPatch.context() as patch:  # some fifty accounts: hash their passwords quickly
        quick = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=64),))
        patch.setattr(passwords, "_hasher", quick)
        sessions, examples = site.write(_people)
    yield Matrix(site, sessions, examples)
    site.stop()


def is_object(path: str) -> bool:
    return "{" in path


def expected(case: Case, path: str, actions: frozenset[str]) -> set[int]:
    """The answers that are right, from the role's own list of actions and where the scope lies."""
    if actions == {OWN}:
        return ON_ITS_WAY | {404}
    if not actions <= roles()[case.role].actions:
        return {403}
    if not is_object(path):
        return ON_ITS_WAY
    if "mail_id" in path:  # the loopback sink holds everybody's mail
        return {200} if case.kind is ScopeKind.ALL else {404}
    return ON_ITS_WAY if case.inside else {404}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_route_answers_a_role_within_its_scope_and_nobody_outside(matrix: Matrix, case: Case) -> None:
    wrong = []
    with matrix.client(case.name) as client:
        for method, path, actions in ROUTES:
            status = matrix.ask(client, method, path, case.facility)
            if status not in expected(case, path, actions):
                wrong.append((method, path, status))

    assert wrong == []


def test_an_account_without_rights_sees_to_itself_and_to_nothing_else(matrix: Matrix) -> None:
    wrong = []
    with matrix.client("nobody") as client:
        for method, path, actions in ROUTES:
            status = matrix.ask(client, method, path, "bv-binh-thanh")
            if (status == 403) != (actions != {OWN}):
                wrong.append((method, path, status))

    assert wrong == []


@pytest.mark.parametrize("case", [case for case in CASES if not case.inside], ids=lambda case: case.name)
def test_no_list_count_or_stream_names_what_is_outside_the_scope(matrix: Matrix, case: Case) -> None:
    """Nothing of Bình Thạnh is in any answer to somebody whose scope is elsewhere: page, JSON or stream."""
    words = ("binh-thanh", "Bình Thạnh", "Binh Thanh") if case.kind is not ScopeKind.BODY else ("can-gio",)
    told = []
    with matrix.client(case.name) as client:
        for method, path, _ in ROUTES:
            if method != "GET" or is_object(path) or path in {"/live", "/account"}:
                continue
            answer = client.get(path)
            told += [(path, word) for word in words if word in answer.text]
        live = client.get("/api/v1/live?after=0")
        if live.status_code == 200:
            assert live.json()["alarms"] == 0
            with client.stream("GET", "/live") as stream:
                for line in stream.iter_lines():
                    told += [("/live", word) for word in words if word in line]
                    if line.startswith("event: alive"):
                        break

    assert told == []


@pytest.mark.parametrize("role", list(roles()))
def test_after_signing_in_each_role_sees_its_own_functions_and_no_others(matrix: Matrix, role: str) -> None:
    name = next(case.name for case in CASES if case.role == role and case.inside)
    with matrix.client(name) as client:
        html = client.get("/account").text
        start = client.get("/")

    menu = html[html.index('<nav class="nav"') : html.index("</nav>")]
    links = [part.partition('"')[0] for part in menu.split('href="')[1:]]
    assert links == MENUS[role]
    if "/" in MENUS[role]:
        assert start.status_code == 200
    else:
        assert start.headers["location"] == (MENUS[role] or ["/account"])[0]


def test_every_route_asks_for_an_action_that_some_role_has() -> None:
    granted = {action for role in roles().values() for action in role.actions} | {OWN}

    assert [path for _, path, actions in ROUTES if not actions or not actions <= granted] == []


def test_a_route_without_a_rule_stops_the_start(tmp_path: Path) -> None:
    app = application(tmp_path)

    @app.get("/forgotten")
    async def forgotten() -> str:
        return ""

    with pytest.raises(RuntimeError, match="/forgotten names no action"):
        check_rules(app)


def test_a_route_that_is_guarded_by_a_dependency_of_another_kind_is_not_let_through(tmp_path: Path) -> None:
    """Only a guard of `api.access` counts, whatever a route depends on besides."""

    def route(path: str) -> RouteContext:
        return next(one for one in iter_route_contexts(app.routes) if one.path == path)

    app = application(tmp_path)

    assert actions_of(route("/login")) == frozenset()
    assert actions_of(route("/alarms/{alarm_id}/acknowledge")) == {"alarms:read", "alarms:acknowledge"}


def test_a_grant_that_is_revoked_ends_at_the_next_request(matrix: Matrix) -> None:
    async def appoint(tx: Transaction) -> tuple[int, SessionToken]:
        grant = Grant("viewer", Scope(ScopeKind.FACILITY, "bv-binh-thanh"))
        return await _account(tx, "gone-soon", grant)

    async def revoke(tx: Transaction) -> None:
        (held,) = await permission.grants_of(tx, number)
        where = await permission.whereabouts(tx, local_day(matrix.site.now_us()))
        holder = await permission.visitor_of(tx, admin.id, matrix.site.now_us())
        by = permission.Visible(holder, where)
        await permission.revoke(tx, by, held.id, actor="admin", reason="left", now_us=matrix.site.now_us())

    admin = next(user for user in matrix.site.write(identity.users) if user.username == demo.ADMIN)
    number, matrix.sessions["gone-soon"] = matrix.site.write(appoint)
    with matrix.client("gone-soon") as client:
        assert client.get("/api/v1/tanks/binh-thanh-1").status_code == 200
        matrix.site.write(revoke)

        assert client.get("/api/v1/tanks/binh-thanh-1").status_code == 403


READING_AROUND = {
    "alarms": {"alarm", "alarms", "alarm_events"},
    "messages": {"contacts", "outbox", "received_mail_by_id", "received_mails"},
    "registry": {"registry"},
    "reports": {"report_versions", "reports"},
    "status": {"latest_status", "latest_statuses", "tank_days"},
}
"""Services that answer about everything."""
UNSEEN = {"api/live_hub.py", "api/enrolment.py", "api/config_publisher.py"}
"""Serve no visitor: what the hub reads is narrowed for each stream."""


def test_no_page_or_route_reads_around_the_visitors_view(repository: Path) -> None:
    around = []
    for path in sorted((repository / "api").rglob("*.py")):
        name = path.relative_to(repository).as_posix()
        tree = ast.parse(path.read_text(encoding="utf-8"))
        rooms = {
            alias.asname or alias.name: alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.module == "records"
            for alias in node.names
        }
        around += [
            f"{name}:{node.lineno} {node.func.value.id}.{node.func.attr}"
            for node in ast.walk(tree)
            if name not in UNSEEN
            and isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
            and node.func.attr in READING_AROUND.get(rooms.get(node.func.value.id, ""), ())
        ]

    assert around == []
