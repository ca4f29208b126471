"""Alarms, their history, and the evaluator's memory."""

from __future__ import annotations

from records.alarms.memory import cursor, memories, put_cursor, put_memories, put_memory
from records.alarms.models import EVENT_KINDS, SEVERITIES
from records.alarms.services import (
    acknowledge,
    add_event,
    alarm,
    alarm_events,
    alarms,
    clear_alarm,
    log_late_alarm,
    open_alarm,
    update_alarm,
)
from records.alarms.structs import Alarm, AlarmEvent, AlarmMemory

__all__ = [
    "EVENT_KINDS",
    "SEVERITIES",
    "Alarm",
    "AlarmEvent",
    "AlarmMemory",
    "acknowledge",
    "add_event",
    "alarm",
    "alarm_events",
    "alarms",
    "clear_alarm",
    "cursor",
    "log_late_alarm",
    "memories",
    "open_alarm",
    "put_cursor",
    "put_memories",
    "put_memory",
    "update_alarm",
]
