"""The line to the MQTT broker: settings, and a session that reconnects and subscribes again by itself."""

from __future__ import annotations

from broker_link.session import Message, Session, Will, backoff_s
from broker_link.settings import BrokerSettings

__all__ = ["BrokerSettings", "Message", "Session", "Will", "backoff_s"]
