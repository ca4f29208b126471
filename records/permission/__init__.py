"""What accounts hold, and what they may therefore see: grants, scopes and the conditions of every query."""

from __future__ import annotations

from records.permission.filters import (
    alarm_filter,
    audit_filter,
    contact_filter,
    facility_filter,
    gateway_filter,
    outbox_filter,
    subject_filter,
)
from records.permission.glass import break_glass, mend_glass, opened_glass
from records.permission.grants import (
    EVERYTHING,
    all_grants,
    appoint,
    check_grantable,
    grantable,
    grants_of,
    issue,
    keep_an_administrator,
    revocable,
    revoke,
    roles_of,
    visitor_of,
)
from records.permission.officers import Officer, officer_of
from records.permission.structs import BrokenGlass, GrantRow
from records.permission.view import View
from records.permission.visible import Visible
from records.permission.whereabouts import Whereabouts, WhereaboutsCache, whereabouts

__all__ = [
    "EVERYTHING",
    "BrokenGlass",
    "GrantRow",
    "Officer",
    "View",
    "Visible",
    "Whereabouts",
    "WhereaboutsCache",
    "alarm_filter",
    "all_grants",
    "appoint",
    "audit_filter",
    "break_glass",
    "check_grantable",
    "contact_filter",
    "facility_filter",
    "gateway_filter",
    "grantable",
    "grants_of",
    "issue",
    "keep_an_administrator",
    "mend_glass",
    "officer_of",
    "opened_glass",
    "outbox_filter",
    "revocable",
    "revoke",
    "roles_of",
    "subject_filter",
    "visitor_of",
    "whereabouts",
]
