"""Every table of the records, known to the one MetaData by importing this module."""

from __future__ import annotations

from records.alarms import models as alarms
from records.audit import models as audit
from records.backup import models as backup
from records.enrolment import models as enrolment
from records.fleet import models as fleet
from records.identity import models as identity
from records.leases import models as leases
from records.messages import models as messages
from records.permission import models as permission
from records.personal import models as personal
from records.registry import holding_models as holdings
from records.registry import models as registry
from records.reports import models as reports
from records.schema import metadata
from records.status import models as status
from records.units import models as units
from records.work import models as work

APPEND_ONLY = (
    "audit",
    "audit_block",
    "alarm_event",
    "report_version",
    "rule_setting",
    "gateway_config",
    "conversion_step",
)
"""Tables whose rows nobody changes or deletes, held by triggers."""

__all__ = [
    "APPEND_ONLY",
    "alarms",
    "audit",
    "backup",
    "enrolment",
    "fleet",
    "holdings",
    "identity",
    "leases",
    "messages",
    "metadata",
    "permission",
    "personal",
    "registry",
    "reports",
    "status",
    "units",
    "work",
]
