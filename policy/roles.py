"""The table of roles: which actions each may do, which classes of fields it sees, over which scopes.

Read once from `roles.toml` beside this module; a table that contradicts itself stops every program at start.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Literal

import msgspec

from oxygen.toml_file import TomlFile, convert


class ScopeKind(StrEnum):
    """What a grant is over; only ALL has no code."""

    ALL = "all"
    UNIT = "unit"
    BODY = "body"
    FACILITY = "facility"
    SUPPLIER = "supplier"
    STATION = "station"
    GATEWAY = "gateway"


class FieldClass(StrEnum):
    """How far a field may be seen.

    STAFF are names of accounts that did something; PERSONAL is data of a person; SECRET is never shown.
    """

    PUBLIC = "public"
    OPERATIONAL = "operational"
    STAFF = "staff"
    PERSONAL = "personal"
    SECRET = "secret"  # noqa: S105  the name of a class


class Action(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What decides where an action's object lies.

    Attributes:
        basis: `place` of the facility, or its governing `body`.
        parts: Holding a part of a facility (a gateway, a supplied tank) is enough.
    """

    basis: Literal["place", "body"]
    parts: bool = False


class Role(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One role.

    Attributes:
        scopes: Kinds of scope that a grant of this role may have.
        classes: Fields that it sees, of the objects that it may read.
        actions: What it may do.
        break_glass: May see PERSONAL for a limited time after giving a reason.
    """

    scopes: tuple[ScopeKind, ...]
    classes: frozenset[FieldClass]
    actions: frozenset[str]
    break_glass: bool = False

    @property
    def reachable_classes(self) -> frozenset[FieldClass]:
        """What it sees at most, with the glass broken."""
        return self.classes | {FieldClass.PERSONAL} if self.break_glass else self.classes


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`roles.toml` as read.

    Attributes:
        actions, roles: By name.
        functions: Entries of the menu in order, each with the action that it is for.
        fields: Class of a field by kind of object and name.
    """

    actions: dict[str, Action]
    functions: dict[str, str]
    fields: dict[str, dict[str, FieldClass]]
    roles: dict[str, Role]


def read_table(name: str, text: str) -> Table:
    """Return the table in a TOML text; raises BadConfiguration naming the key that is wrong."""
    file = TomlFile(name, text)
    table = convert(file, Table)
    for key, action in _mentions(table):
        if action not in table.actions:
            raise file.problem(key, found=repr(action), expected="an action of [actions]")
    for name_of_role, role in table.roles.items():
        if FieldClass.SECRET in role.classes:
            raise file.problem(
                f"roles.{name_of_role}.classes", found="secret", expected="a class that is shown"
            )
    return table


@cache
def table() -> Table:
    """Return the table that this program is shipped with."""
    text = resources.files(__package__).joinpath("roles.toml").read_text(encoding="utf-8")
    return read_table("policy/roles.toml", text)


def roles() -> Mapping[str, Role]:
    """Return every role by its code."""
    return table().roles


def _mentions(read: Table) -> Iterator[tuple[str, str]]:
    for code, action in read.functions.items():
        yield f"functions.{code}", action
    for name, role in read.roles.items():
        for action in sorted(role.actions):
            yield f"roles.{name}.actions", action
