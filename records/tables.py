"""Every table of the records, known to the one MetaData by importing this module."""

from __future__ import annotations

from records.alarms import models as alarms
from records.audit import models as audit
from records.identity import models as identity
from records.messages import models as messages
from records.registry import models as registry
from records.reports import models as reports
from records.schema import metadata
from records.status import models as status
from records.work import models as work

APPEND_ONLY = ("audit", "alarm_event", "report_version", "rule_setting")
"""Tables whose rows nobody changes or deletes, held by triggers."""

__all__ = [
    "APPEND_ONLY",
    "alarms",
    "audit",
    "identity",
    "messages",
    "metadata",
    "registry",
    "reports",
    "status",
    "work",
]
