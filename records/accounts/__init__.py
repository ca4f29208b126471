"""Keeping accounts within one's scope: who has one, opening, one-time passwords, replacing, closing."""

from __future__ import annotations

from records.accounts.services import (
    KeptAccount,
    check_changeable,
    close_account,
    kept_account,
    kept_accounts,
    open_account,
    renew_password,
    replace_account,
)

__all__ = [
    "KeptAccount",
    "check_changeable",
    "close_account",
    "kept_account",
    "kept_accounts",
    "open_account",
    "renew_password",
    "replace_account",
]
