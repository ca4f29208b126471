"""The JSON interface, one module per noun."""

from __future__ import annotations

from api.routes import alarms, enrolments, facilities, health, live, reports, session, tanks

JSON_ROUTERS = (
    session.router,
    facilities.router,
    tanks.router,
    alarms.router,
    reports.router,
    live.router,
    enrolments.router,
)
"""Served below /api/v1."""

PLAIN_ROUTERS = (health.router, live.stream_router)
"""Served at the root."""

__all__ = ["JSON_ROUTERS", "PLAIN_ROUTERS"]
