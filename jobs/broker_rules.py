"""The access rules that Mosquitto's dynamic-security plugin keeps, and how they should be. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import msgspec

from oxygen.wire.access import gateway_access
from oxygen.wire.topics import GatewayAddress
from records.enrolment import Difference, GatewayAccess

SEND, RECEIVE, SUBSCRIBE = "publishClientSend", "publishClientReceive", "subscribeLiteral"
SERVICE_PREFIX = "service."
"""Begins the name of the centre's own programs at the broker; no gateway's code can hold the dot."""
Acl = tuple[str, str, bool]
"""Kind, topic, and whether it is allowed."""
Command = dict[str, Any]


class RoleOf(msgspec.Struct, frozen=True):
    """A role that a client has."""

    rolename: str


class Client(msgspec.Struct, frozen=True):
    """A client of the broker as the plugin tells of it; it may connect with this client id alone."""

    username: str
    clientid: str = ""
    roles: list[RoleOf] = []
    groups: list[Any] = []
    disabled: bool = False


class AclOf(msgspec.Struct, frozen=True):
    """One line of a role."""

    acltype: str
    topic: str
    allow: bool


class Role(msgspec.Struct, frozen=True):
    """A role as the plugin tells of it."""

    rolename: str
    acls: list[AclOf] = []


class Rules(msgspec.Struct, frozen=True):
    """Everything the plugin holds."""

    clients: Mapping[str, Client]
    roles: Mapping[str, Role]


class Wanted(msgspec.Struct, frozen=True):
    """What the records want of the broker.

    Attributes:
        addresses: Of every gateway in use.
        accesses: Wishes by gateway; one without any was given its certificate elsewhere and may stand there.
        others: Names that are not ours to judge.
    """

    addresses: Mapping[str, GatewayAddress]
    accesses: Mapping[str, GatewayAccess]
    others: Collection[str] = ()


def role_name(gateway: str) -> str:
    """Return the name of a gateway's role."""
    return f"role.{gateway}"


def acls_of(address: GatewayAddress) -> set[Acl]:
    """Return the lines of a gateway's role."""
    access = gateway_access(address)
    sent = {(SEND, topic, True) for topic in access.send}
    return sent | {(kind, topic, True) for topic in access.receive for kind in (RECEIVE, SUBSCRIBE)}


def create_role(address: GatewayAddress) -> Command:
    """Return the command that makes a gateway's role."""
    return {"command": "createRole", "rolename": role_name(address.gateway), "acls": _acl_list(address)}


def modify_role(address: GatewayAddress) -> Command:
    """Return the command that sets a role right."""
    return {"command": "modifyRole", "rolename": role_name(address.gateway), "acls": _acl_list(address)}


def create_client(gateway: str) -> Command:
    """Return the command that lets a gateway in, under its own name as client id alone."""
    return {"command": "createClient", **_client(gateway)}


def modify_client(gateway: str) -> Command:
    """Return the command that sets a client right."""
    return {"command": "modifyClient", **_client(gateway)}


def enable_client(gateway: str) -> Command:
    """Return the command that takes back a disabling."""
    return {"command": "enableClient", "username": gateway}


def delete_client(gateway: str) -> Command:
    """Return the command that throws a gateway out.

    Disabling it would not do: its session goes on, and it is let in again.
    """
    return {"command": "deleteClient", "username": gateway}


def empty_role(gateway: str) -> Command:
    """Return the command that leaves a gateway's role without any right.

    Deleting it is not safe: when somebody still has it, Mosquitto 2.0.11 ends with a fault at its next look.
    """
    return {"command": "modifyRole", "rolename": role_name(gateway), "acls": []}


def compare(wanted: Wanted, rules: Rules) -> list[Difference]:
    """Return what is at the broker otherwise than the records want it, by client."""
    found: list[Difference] = []
    for name, client in sorted(rules.clients.items()):
        if name.startswith(SERVICE_PREFIX) or name in wanted.others:
            continue
        found += _stranger(name, client, wanted)
    for gateway, access in sorted(wanted.accesses.items()):
        if access.wanted == "granted" and gateway in wanted.addresses:
            found += _lacking(gateway, wanted.addresses[gateway], rules)
    return found


def _stranger(name: str, client: Client, wanted: Wanted) -> Iterable[Difference]:
    access = wanted.accesses.get(name)
    roles = sorted(role.rolename for role in client.roles)
    if access is not None and access.wanted == "revoked":
        yield Difference("revoked_client", name, {"roles": roles})
    elif name not in wanted.addresses:
        yield Difference("unknown_client", name, {"roles": roles})


def _lacking(gateway: str, address: GatewayAddress, rules: Rules) -> Iterable[Difference]:
    client, role = rules.clients.get(gateway), rules.roles.get(role_name(gateway))
    if client is None:
        yield Difference("missing_client", gateway)
    elif (wrong := _client_problem(gateway, client)) is not None:
        yield Difference("wrong_role", gateway, wrong)
    if role is None:
        yield Difference("missing_role", gateway)
        return
    present, right = {(acl.acltype, acl.topic, acl.allow) for acl in role.acls}, acls_of(address)
    if present != right:
        more = sorted(topic for _, topic, _ in present - right)
        less = sorted(topic for _, topic, _ in right - present)
        yield Difference("wrong_role", gateway, {"too_many": more, "too_few": less})


def _client_problem(gateway: str, client: Client) -> dict[str, Any] | None:
    right = {"roles": [role_name(gateway)], "groups": 0, "clientid": gateway, "disabled": False}
    present = {
        "roles": [role.rolename for role in client.roles],
        "groups": len(client.groups),
        "clientid": client.clientid,
        "disabled": client.disabled,
    }
    return None if present == right else present


def _client(gateway: str) -> Command:
    return {
        "username": gateway,
        "clientid": gateway,
        "roles": [{"rolename": role_name(gateway), "priority": -1}],
        "groups": [],
    }


def _acl_list(address: GatewayAddress) -> list[dict[str, Any]]:
    return [
        {"acltype": kind, "topic": topic, "allow": allow, "priority": -1}
        for kind, topic, allow in sorted(acls_of(address))
    ]
