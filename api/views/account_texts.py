"""One's own account in words."""

from __future__ import annotations

import msgspec

from api import formats
from api.language import Language
from api.views.grant_form import scope_name
from api.views.overview import facility_name
from api.visitor import Visitor
from policy.permission import may_break_glass
from policy.sign_in import second_factor_required
from records import identity, permission, personal
from records.database import Transaction
from records.identity import SessionInfo

GLASS_ACTION = "facilities:read"
_BROWSERS = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"))
_SYSTEMS = (("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"))
_MORE_SYSTEMS = (("Mac OS", "macOS"), ("Linux", "Linux"))
_AGENT_LIMIT = 40


class SessionView(msgspec.Struct, frozen=True):
    """Where the account is signed in."""

    id: str
    since: str
    until: str
    place: str
    agent: str
    current: bool


class TokenView(msgspec.Struct, frozen=True):
    """A program that acts for the account."""

    id: int
    name: str
    scopes: list[str]
    until: str
    used: str


class AddressView(msgspec.Struct, frozen=True):
    """A telephone number or mail address; `text` is empty when there is none or it cannot be read."""

    kind: str
    text: str
    confirmed: bool


class GlassView(msgspec.Struct, frozen=True):
    """Personal data that are open to the account."""

    id: int
    scope: str
    reason: str
    until: str


class AccountView(msgspec.Struct, frozen=True):
    """The whole account.

    Attributes:
        rights: (role, scope, until) of each grant in force.
        factor_needed, factor_enrolled, recovery_left: Of the second factor.
        glass_places: Facilities whose personal data a reason would open, as (code, name); empty for most.
    """

    rights: list[tuple[str, str, str]]
    sessions: list[SessionView]
    tokens: list[TokenView]
    addresses: list[AddressView]
    factor_needed: bool
    factor_enrolled: bool
    recovery_left: int
    glass: list[GlassView]
    glass_places: list[tuple[str, str]]


async def account_view(tx: Transaction, visitor: Visitor, now_us: int, words: Language) -> AccountView:
    """Gather what is shown of a visitor's own account; looking at one's own addresses is audited."""
    grants = visitor.visible.visitor.grants
    left = await identity.recovery_codes_left(tx, visitor.user_id)
    open_glass = await permission.opened_glass(tx, visitor.user_id, now_us)
    found = await identity.sessions(tx, visitor.user_id, now_us=now_us, current_token=visitor.token)
    return AccountView(
        rights=[
            (
                words.code(f"role.{grant.role}"),
                scope_name(grant.scope, visitor.visible, words),
                formats.instant(grant.valid_to_us) if grant.valid_to_us is not None else "",
            )
            for grant in grants
        ],
        sessions=[_session(one) for one in found],
        tokens=await _tokens(tx, visitor, now_us),
        addresses=await _addresses(tx, visitor, now_us),
        factor_needed=second_factor_required([grant.role for grant in grants]),
        factor_enrolled=await identity.has_authenticator(tx, visitor.user_id),
        recovery_left=left,
        glass=[
            GlassView(
                one.id,
                scope_name(one.scope, visitor.visible, words),
                one.reason,
                formats.instant(one.expires_us),
            )
            for one in open_glass
        ],
        glass_places=_glass_places(visitor, words),
    )


def browser_name(agent: str) -> str:
    """Return how a person would call a browser, as `Chrome, Windows`; else the beginning of its own words."""
    browser = next((name for sign, name in _BROWSERS if sign in agent), "")
    if not browser and "Safari/" in agent:
        browser = "Safari"
    system = next((name for sign, name in (*_SYSTEMS, *_MORE_SYSTEMS) if sign in agent), "")
    return ", ".join(part for part in (browser, system) if part) if browser else agent[:_AGENT_LIMIT]


def _session(one: SessionInfo) -> SessionView:
    return SessionView(
        id=one.id,
        since=formats.instant(one.created_us),
        until=formats.instant(one.expires_us),
        place=one.address or "",
        agent=browser_name(one.agent or ""),
        current=one.current,
    )


async def _tokens(tx: Transaction, visitor: Visitor, now_us: int) -> list[TokenView]:
    return [
        TokenView(
            id=one.id,
            name=one.name,
            scopes=one.scopes,
            until=formats.instant(one.expires_us),
            used=formats.instant(one.last_used_us) if one.last_used_us is not None else "",
        )
        for one in await identity.api_tokens(tx, visitor.user_id, now_us=now_us)
    ]


async def _addresses(tx: Transaction, visitor: Visitor, now_us: int) -> list[AddressView]:
    kept = await identity.addresses(tx, visitor.user_id)
    sealed = [personal.Sealed(identity.field_of(one.kind), one.sealed) for one in kept.values()]
    opened = await personal.view(tx, sealed, viewer=visitor.username, reason="own_account", now_us=now_us)
    texts = {kind: one.text or "" for kind, one in zip(kept, opened, strict=True)}
    return [
        AddressView(kind, texts.get(kind, ""), confirmed=kind in kept and kept[kind].confirmed_us is not None)
        for kind in ("phone", "email")
    ]


def _glass_places(visitor: Visitor, words: Language) -> list[tuple[str, str]]:
    visible = visitor.visible
    return [
        (each.code, facility_name(each, words))
        for each in visible.registry.facilities
        if may_break_glass(visible.visitor, GLASS_ACTION, visible.where.facility(each.code))
    ]
