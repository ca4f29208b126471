"""The pages for people, one module per noun."""

from __future__ import annotations

from api.pages import alarms, contacts, docs, login, messages, overview, reports, tanks

ROUTERS = (
    login.router,
    overview.router,
    tanks.router,
    alarms.router,
    reports.router,
    messages.router,
    contacts.router,
    docs.router,
)

__all__ = ["ROUTERS"]
