"""Makes pages: one Jinja environment per language, and what every page shows around its own part."""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from fastapi import Request
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse, Response

from api import formats
from api.context import context_of
from api.language import Language, choose_locale, language
from api.live_hub import LiveHub
from api.settings import ApiSettings
from api.visitor import FORM_COOKIE, LANGUAGE_COOKIE, Visitor, visitor_of
from oxygen.messages import LOCALES
from policy.permission import functions

STATIC = Path(str(resources.files("api"))) / "static"
LANGUAGE_NAMES = (("vi", "Tiếng Việt"), ("en", "English"))


@dataclass(frozen=True)
class Link:
    """An entry of the main navigation."""

    href: str
    text: str
    current: bool


@cache
def environment(locale: str) -> Environment:
    """Return the templates in one language. Undefined names are errors, HTML is escaped."""
    made = Environment(
        loader=PackageLoader("api"),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.install_gettext_translations(language(locale).translations, newstyle=True)  # type: ignore[attr-defined]  # added by the extension
    made.filters["safe_json"] = _safe_json
    made.globals.update(asset=asset, formats=formats, language=language(locale), code=language(locale).code)
    return made


def _safe_json(text: str) -> Markup:
    """Return JSON that cannot end the script element it stands in."""
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


@cache
def asset(name: str) -> str:
    """Return the address of a static file, with its digest: it may be kept for ever, a change has another."""
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?v={digest}"


async def language_of(request: Request) -> Language:
    """Return the language to answer a request in."""
    visitor = await visitor_of(request)
    return language(
        choose_locale(
            asked=request.query_params.get("lang"),
            cookie=request.cookies.get(LANGUAGE_COOKIE),
            account=visitor.locale if visitor else None,
            accept_language=request.headers.get("accept-language"),
        )
    )


async def page(request: Request, template: str, *, status: int = 200, **values: Any) -> Response:
    """Return a page from a template; `values` are its own part."""
    visitor = await visitor_of(request)
    words = await language_of(request)
    return render(request, template, words, visitor, status=status, **values)


def render(
    request: Request, template: str, words: Language, visitor: Visitor | None, *, status: int, **values: Any
) -> Response:
    """Return a page without asking any database, for errors too."""
    hub = getattr(request.app.state, "hub", None)
    form_token = request.cookies.get(FORM_COOKIE) or secrets.token_urlsafe(24)
    around = {
        "role_names": _role_names(visitor, words),
        "locale": words.locale,
        "languages": LANGUAGE_NAMES,
        "language_query": lambda code: _with_language(request, code),
        "visitor": visitor,
        "navigation": _navigation(request.url.path, visitor, words),
        "alarm_count": hub.alarms_waiting_for(visitor.visible) if isinstance(hub, LiveHub) and visitor else 0,
        "notice": _notice(request, words),
        "form_token": form_token,
    }
    html = environment(words.locale).get_template(template).render(around | values)
    response = HTMLResponse(html, status_code=status)
    keep_language(request, response)
    if visitor is None:
        set_cookie(response, context_of(request).settings, FORM_COOKIE, form_token)
    return response


def keep_language(request: Request, response: Response) -> None:
    """Remember on this device the language that was asked for by `?lang=`."""
    asked = request.query_params.get("lang")
    if asked in LOCALES:
        settings = context_of(request).settings
        set_cookie(response, settings, LANGUAGE_COOKIE, asked, lifetime_s=365 * 86_400)


def set_cookie(
    response: Response, settings: ApiSettings, name: str, value: str, *, lifetime_s: float | None = None
) -> None:
    """Set a cookie that scripts cannot read and that other sites' forms do not send."""
    response.set_cookie(
        name,
        value,
        max_age=None if lifetime_s is None else int(lifetime_s),
        httponly=True,
        samesite="lax",
        secure=settings.secure_cookies,
    )


def live_data(request: Request, words: Language, now_us: int) -> dict[str, Any]:
    """Return what a page needs to follow the stream and to notice its silence."""
    settings = context_of(request).settings
    hub: LiveHub = request.app.state.hub
    return {
        "url": f"/live?lang={words.locale}",
        "poll_url": f"/api/v1/live?lang={words.locale}",
        "channel": f"oxywatch-{words.locale}",
        "cursor": hub.cursor,
        "now_us": now_us,
        "silence_ms": round(settings.silence_s * 1000),
        "keepalive_ms": round(settings.keepalive_s * 1000),
        "poll_ms": round(settings.page_poll_s * 1000),
        "overdue_ms": round(settings.overdue_s * 1000),
        "words": json.dumps(_age_words(words), ensure_ascii=False),
    }


def _age_words(words: Language) -> dict[str, Any]:
    """Return what the page needs to go on counting an age: (singular, plural) by unit."""
    pairs = {
        86_400: ("%(n)s day", "%(n)s days"),
        3600: ("%(n)s hour", "%(n)s hours"),
        60: ("%(n)s minute", "%(n)s minutes"),
        1: ("%(n)s second", "%(n)s seconds"),
    }
    units = {size: [words.ngettext(*pair, count) for count in (1, 2)] for size, pair in pairs.items()}
    return {
        "units": units,
        "ago": words.gettext("%(span)s ago"),
        "overdue": words.gettext("no longer updated"),
    }


PATHS = {
    "overview": "/",
    "alarms": "/alarms",
    "reports": "/reports",
    "gateways": "/gateways",
    "contacts": "/contacts",
    "messages": "/messages",
    "users": "/users",
}
"""Where each function of `policy/roles.toml` is."""


def home_of(visitor: Visitor) -> str:
    """Return the page that a visitor starts from: the first of its own functions, else its own account."""
    return next((PATHS[code] for code in functions(visitor.visible.visitor)), "/account")


def _navigation(path: str, visitor: Visitor | None, words: Language) -> list[Link]:
    texts = {
        "overview": words.gettext("Overview"),
        "alarms": words.gettext("Alarms"),
        "reports": words.gettext("Reports"),
        "gateways": words.gettext("Gateways"),
        "contacts": words.gettext("Contacts"),
        "messages": words.gettext("Messages"),
        "users": words.gettext("Users"),
    }
    own = functions(visitor.visible.visitor) if visitor else ()
    return [Link(PATHS[code], texts[code], _is_current(PATHS[code], path)) for code in own]


def _role_names(visitor: Visitor | None, words: Language) -> list[str]:
    held = visitor.visible.visitor.grants if visitor else ()
    return list(dict.fromkeys(words.code(f"role.{grant.role}") for grant in held))


def _is_current(href: str, path: str) -> bool:
    if href == "/":
        return path == "/" or path.startswith("/tanks")
    return path == href or path.startswith(f"{href}/")


def _notice(request: Request, words: Language) -> str:
    """Return what a page says after a change, by the `done` parameter that leads to it."""
    notices = {
        "acknowledged": words.gettext("The alarm is acknowledged."),
        "saved": words.gettext("Saved."),
        "corrected": words.gettext("The correction is saved; earlier versions stay below."),
        "password": words.gettext("Your password is changed."),
        "granted": words.gettext("The right is given."),
        "revoked": words.gettext("The right has ended."),
        "closed": words.gettext("The account is closed; its sessions have ended."),
        "ended": words.gettext("Ended."),
        "opened": words.gettext("Personal data are open to you until the time shown below."),
    }
    return notices.get(request.query_params.get("done", ""), "")


def _with_language(request: Request, code: str) -> str:
    kept = [(key, value) for key, value in request.query_params.multi_items() if key not in {"lang", "done"}]
    return urlencode([*kept, ("lang", code)])
