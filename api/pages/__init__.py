"""The pages for people, one module per noun."""

from __future__ import annotations

from api.pages import (
    account,
    alarms,
    contacts,
    docs,
    gateways,
    login,
    messages,
    overview,
    reports,
    second_factor,
    tanks,
    users,
)

ROUTERS = (
    login.router,
    second_factor.router,
    account.router,
    overview.router,
    tanks.router,
    alarms.router,
    reports.router,
    messages.router,
    gateways.router,
    contacts.router,
    users.router,
    docs.router,
)

__all__ = ["ROUTERS"]
