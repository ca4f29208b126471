"""Role × action × scope: what is not granted is denied, and nobody gives more than they hold."""

from __future__ import annotations

import msgspec
import pytest

from oxygen.errors import BadConfiguration
from oxygen.messages import LOCALES, catalogue
from policy.permission import (
    ALLOWED,
    NOWHERE,
    Grant,
    Scope,
    Target,
    Visitor,
    actions,
    classes,
    decide,
    field_class,
    functions,
    may_break_glass,
    may_grant,
    redacted,
    unbounded,
)
from policy.roles import FieldClass, ScopeKind, read_table, roles, table
from records.permission.models import ROLES, SCOPE_KINDS

HOSPITAL = Target(
    place_units=frozenset({"79", "q5"}),
    body_units=frozenset({"79"}),
    bodies=frozenset({"so-y-te"}),
    facilities=frozenset({"bv-cho-lon"}),
    parts=frozenset({Scope(ScopeKind.GATEWAY, "gw-1"), Scope(ScopeKind.SUPPLIER, "khi-1")}),
)
TANK = Target(
    place_units=HOSPITAL.place_units,
    body_units=HOSPITAL.body_units,
    bodies=HOSPITAL.bodies,
    facilities=HOSPITAL.facilities,
    suppliers=frozenset({"khi-1"}),
    gateways=frozenset({"gw-1"}),
)
OF_A_MINISTRY = Target(
    place_units=frozenset({"79"}),
    bodies=frozenset({"bo-quoc-phong"}),
    facilities=frozenset({"bv-175"}),
)
"""A hospital of a ministry that stands in the city."""


def holding(role: str, kind: str = "all", code: str = "", **validity: int) -> Visitor:
    return Visitor((Grant(role, Scope(ScopeKind(kind), code), **validity),))


def test_who_holds_nothing_may_do_nothing() -> None:
    nobody = Visitor()

    assert not any(decide(nobody, action, HOSPITAL).allowed for action in table().actions)
    assert decide(nobody, "tanks:read").reason == "no_role"
    assert (actions(nobody), functions(nobody)) == (frozenset(), ())


def test_an_action_that_no_table_knows_is_denied_to_everybody() -> None:
    assert decide(holding("administrator"), "tanks:sell", HOSPITAL).reason == "unknown_action"


def test_a_role_that_no_table_knows_gives_nothing() -> None:
    assert not decide(holding("emperor"), "tanks:read", HOSPITAL).allowed


@pytest.mark.parametrize(
    ("kind", "own", "foreign"),
    [
        ("unit", "q5", "q1"),
        ("body", "so-y-te", "bo-y-te"),
        ("facility", "bv-cho-lon", "bv-thu-duc"),
    ],
)
def test_a_scope_holds_its_own_objects_alone(kind: str, own: str, foreign: str) -> None:
    assert decide(holding("viewer", kind, own), "tanks:read", TANK) == ALLOWED
    assert decide(holding("viewer", kind, foreign), "tanks:read", TANK).reason == "out_of_scope"


def test_maps_and_alarms_follow_the_place_and_reports_the_governing_body() -> None:
    """The city's Department of Health sees a ministry's tank run low, but its reports go to the ministry."""
    city = holding("doh", "unit", "79")
    ministry = holding("ministry_health_service", "body", "bo-quoc-phong")

    assert decide(city, "alarms:read", OF_A_MINISTRY).allowed
    assert not decide(city, "reports:read", OF_A_MINISTRY).allowed
    assert decide(city, "reports:read", HOSPITAL).allowed
    assert decide(ministry, "reports:read", OF_A_MINISTRY).allowed
    assert decide(ministry, "alarms:read", OF_A_MINISTRY).allowed


@pytest.mark.parametrize(("kind", "code"), [("gateway", "gw-1"), ("supplier", "khi-1")])
def test_who_has_a_part_sees_the_hospital_around_it_and_not_what_belongs_to_all_of_it(
    kind: str, code: str
) -> None:
    visitor = holding("technician" if kind == "gateway" else "supplier", kind, code)
    everything = msgspec.structs.replace(holding("administrator", kind, code))

    assert decide(visitor, "facilities:read", HOSPITAL).allowed
    assert decide(visitor, "tanks:read", TANK).allowed
    for action in ("reports:read", "contacts:read", "alarms:read", "messages:read"):
        assert not decide(everything, action, HOSPITAL).allowed


def test_only_a_scope_over_everything_holds_what_lies_nowhere() -> None:
    assert unbounded(holding("administrator"), "contacts:read")
    assert not unbounded(holding("administrator", "unit", "79"), "contacts:read")
    assert not decide(holding("administrator", "unit", "79"), "contacts:read", NOWHERE).allowed


def test_a_grant_counts_from_its_beginning_to_just_before_its_end() -> None:
    grant = Grant("viewer", Scope(ScopeKind.ALL), 100, 200)

    assert [grant.in_force(at) for at in (99, 100, 199, 200)] == [False, True, True, False]


def test_grants_add_up() -> None:
    two = Visitor((*holding("viewer", "facility", "bv-1").grants, *holding("auditor").grants))

    assert decide(two, "tanks:read", Target(facilities=frozenset({"bv-1"}))).allowed
    assert decide(two, "audit:read", HOSPITAL).allowed
    assert not decide(two, "tanks:read", HOSPITAL).allowed


def test_a_program_is_held_to_the_actions_of_its_token() -> None:
    whole = holding("administrator")
    program = msgspec.structs.replace(whole, only=frozenset({"alarms:read", "never:granted"}))

    assert actions(program) == {"alarms:read"}
    assert decide(program, "alarms:read", HOSPITAL).allowed
    assert not decide(program, "alarms:acknowledge", HOSPITAL).allowed
    assert not may_grant(program, Grant("viewer", Scope(ScopeKind.ALL)), NOWHERE).allowed


@pytest.mark.parametrize(
    "role", ["viewer", "steering_committee", "national", "supplier", "technician", "auditor"]
)
def test_these_roles_read_no_telephone_number_and_write_no_threshold(role: str) -> None:
    visitor = holding(role)

    assert FieldClass.PERSONAL not in classes(visitor, "facilities:read", HOSPITAL)
    assert not decide(visitor, "rules:write", HOSPITAL).allowed
    assert not [action for action in actions(visitor) if action.endswith((":write", ":acknowledge"))]


def test_nobody_ever_sees_a_secret() -> None:
    for name in roles():
        for action in roles()[name].actions:
            assert FieldClass.SECRET not in classes(holding(name), action, HOSPITAL)


def test_a_steering_committee_sees_figures_and_no_names_of_people() -> None:
    seen = classes(holding("steering_committee", "unit", "79"), "alarms:read", TANK)

    assert seen == {FieldClass.PUBLIC, FieldClass.OPERATIONAL}
    for kind, field in (
        ("facility", "officer_name"),
        ("alarm", "acknowledged_by"),
        ("alarm_event", "actor"),
        ("report_version", "author"),
    ):
        assert field_class(kind, field) not in seen


def test_the_national_level_sees_people_only_through_broken_glass_and_only_there() -> None:
    ministry = holding("national")
    opened = Visitor(ministry.grants, (Scope(ScopeKind.FACILITY, "bv-cho-lon"),))

    assert may_break_glass(ministry, "facilities:read", HOSPITAL)
    assert FieldClass.PERSONAL not in classes(ministry, "facilities:read", HOSPITAL)
    assert FieldClass.PERSONAL in classes(opened, "facilities:read", HOSPITAL)
    assert FieldClass.PERSONAL not in classes(opened, "facilities:read", OF_A_MINISTRY)


def test_glass_breaks_for_nobody_else() -> None:
    able = [name for name in roles() if may_break_glass(holding(name), "facilities:read", HOSPITAL)]

    assert able == ["national"]


class Person(msgspec.Struct, frozen=True):
    officer_name: str
    beds: int
    officer_phone: str = "unknown"
    name_vi: str | None = None


def test_a_field_that_may_not_be_seen_is_emptied_and_the_others_stay() -> None:
    whole = Person("Lan", 40, "0901234567", "Chợ Lớn")

    assert redacted("facility", whole, frozenset(FieldClass)) is whole
    operational = redacted("facility", whole, frozenset({FieldClass.PUBLIC, FieldClass.OPERATIONAL}))
    assert operational == Person("", 40, "unknown", "Chợ Lớn")
    assert redacted("facility", whole, frozenset()).beds is None


@pytest.mark.parametrize(
    ("role", "kind", "code", "target"),
    [
        ("facility", "facility", "bv-cho-lon", HOSPITAL),
        ("facility_admin", "facility", "bv-cho-lon", HOSPITAL),
        ("viewer", "facility", "bv-cho-lon", HOSPITAL),
    ],
)
def test_a_facilitys_own_administrator_gives_what_it_holds_there(
    role: str, kind: str, code: str, target: Target
) -> None:
    own = holding("facility_admin", "facility", "bv-cho-lon")

    assert may_grant(own, Grant(role, Scope(ScopeKind(kind), code)), target) == ALLOWED


@pytest.mark.parametrize(
    ("wanted", "target", "reason"),
    [
        (Grant("facility", Scope(ScopeKind.FACILITY, "bv-175")), OF_A_MINISTRY, "out_of_scope"),
        (Grant("viewer", Scope(ScopeKind.ALL)), NOWHERE, "out_of_scope"),
        (Grant("viewer", Scope(ScopeKind.UNIT, "q5")), Target(place_units=frozenset({"q5"})), "out_of_scope"),
        (Grant("auditor", Scope(ScopeKind.FACILITY, "bv-cho-lon")), HOSPITAL, "more_than_held"),
        (Grant("technician", Scope(ScopeKind.FACILITY, "bv-cho-lon")), HOSPITAL, "more_than_held"),
        (Grant("administrator", Scope(ScopeKind.FACILITY, "bv-cho-lon")), HOSPITAL, "unfit_scope"),
        (Grant("emperor", Scope(ScopeKind.ALL)), NOWHERE, "unfit_scope"),
    ],
)
def test_and_nothing_beyond(wanted: Grant, target: Target, reason: str) -> None:
    own = holding("facility_admin", "facility", "bv-cho-lon")

    assert may_grant(own, wanted, target).reason == reason


def test_a_right_given_does_not_outlast_the_giver() -> None:
    scope = Scope(ScopeKind.FACILITY, "bv-cho-lon")
    ending = holding("facility_admin", "facility", "bv-cho-lon", valid_to_us=1000)

    assert may_grant(ending, Grant("viewer", scope, 0, 1000), HOSPITAL).allowed
    assert may_grant(ending, Grant("viewer", scope, 0, 1001), HOSPITAL).reason == "more_than_held"
    assert may_grant(ending, Grant("viewer", scope), HOSPITAL).reason == "more_than_held"


def test_who_sees_no_people_cannot_let_others_see_them() -> None:
    """Otherwise a grant to a second account of one's own would break the glass without a reason."""
    table_of_roles = holding("national")

    assert not may_grant(table_of_roles, Grant("doh", Scope(ScopeKind.UNIT, "79")), HOSPITAL).allowed


def test_an_administrator_over_everything_can_give_every_role() -> None:
    administrator = holding("administrator")
    refused = [
        (name, kind)
        for name, role in roles().items()
        for kind in role.scopes
        if not may_grant(
            administrator, Grant(name, Scope(kind, "" if kind is ScopeKind.ALL else "x")), HOSPITAL
        ).allowed
    ]

    assert refused == []


def test_the_menu_is_in_order_and_has_the_roles_own_functions() -> None:
    assert functions(holding("auditor")) == ("users",)
    assert functions(holding("ward", "unit", "q5")) == ("overview", "alarms")
    assert set(functions(holding("administrator"))) == set(table().functions)


def test_the_database_knows_the_same_roles_and_scopes() -> None:
    assert tuple(roles()) == ROLES
    assert set(SCOPE_KINDS) == set(ScopeKind)


@pytest.mark.parametrize("locale", LOCALES)
def test_every_role_scope_and_reason_has_its_text(locale: str) -> None:
    keys = [f"role.{name}" for name in roles()] + [f"scope_kind.{kind.value}" for kind in ScopeKind]
    reasons = ("allowed", "unknown_action", "no_role", "out_of_scope", "more_than_held", "unfit_scope")
    keys += [f"permission.{reason}" for reason in reasons]

    assert [key for key in keys if key not in catalogue(locale)] == []


GOOD_TABLE = """
[actions]
"tanks:read" = { basis = "place" }
[functions]
overview = "tanks:read"
[fields.facility]
code = "public"
[roles.viewer]
scopes = ["all"]
classes = ["public"]
actions = ["tanks:read"]
"""


@pytest.mark.parametrize(
    ("found", "written", "key"),
    [
        ('actions = ["tanks:read"]', 'actions = ["tanks:sell"]', "roles.viewer.actions"),
        ('overview = "tanks:read"', 'overview = "tanks:sell"', "functions.overview"),
        ('classes = ["public"]', 'classes = ["secret"]', "roles.viewer.classes"),
        ('scopes = ["all"]', 'scopes = ["galaxy"]', "roles.viewer.scopes"),
        ('basis = "place"', 'basis = "taste"', "actions"),
        ('scopes = ["all"]', 'scopes = ["all"]\nmay_fly = true', "roles.viewer"),
    ],
)
def test_a_table_that_contradicts_itself_stops_the_start_and_names_the_place(
    found: str, written: str, key: str
) -> None:
    assert read_table("t.toml", GOOD_TABLE).roles["viewer"].actions == {"tanks:read"}
    with pytest.raises(BadConfiguration) as caught:
        read_table("t.toml", GOOD_TABLE.replace(found, written))

    assert key in str(caught.value)
