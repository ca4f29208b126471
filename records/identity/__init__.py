"""Accounts, sessions and sign-in."""

from __future__ import annotations

from records.identity.services import (
    ADMINISTRATOR,
    MINIMUM_PASSWORD_LENGTH,
    SessionToken,
    SignedIn,
    User,
    change_password,
    create_user,
    deactivate,
    ensure_administrator,
    prune_sessions,
    session_user,
    set_locale,
    sign_in,
    sign_out,
    users,
)

__all__ = [
    "ADMINISTRATOR",
    "MINIMUM_PASSWORD_LENGTH",
    "SessionToken",
    "SignedIn",
    "User",
    "change_password",
    "create_user",
    "deactivate",
    "ensure_administrator",
    "prune_sessions",
    "session_user",
    "set_locale",
    "sign_in",
    "sign_out",
    "users",
]
