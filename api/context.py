"""What the web server works with; the composition root makes it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from fastapi import Request

from api.enrolment import Enrolment
from api.settings import ApiSettings
from broker_link import BrokerSettings
from oxygen.errors import Rejected
from records.database import Database
from telemetry.contract import TelemetryStore

ConfigCheck = Callable[[str], Sequence[str]]
"""Returns the tank codes of a gateway's configuration; raises BadConfiguration for one it would refuse."""

Clock = Callable[[], int]
"""Returns server time, µs since 1970 UTC."""


def no_config_check(_body: str) -> Sequence[str]:
    """Refuse every configuration: what nobody can check is not sent. Raises Rejected."""
    raise Rejected("configurations cannot be checked here", code="config_check_off")


@dataclass(frozen=True)
class Context:
    """Everything a request may reach.

    Attributes:
        database: The records.
        telemetry: The time series; only read.
        clock: Server time.
        settings: See ApiSettings.
        broker: Where status wake-ups are published; None when rows are only looked for every `poll_s`.
        instance: Names this process at the broker; unique there.
        check_config: The agent's own judgement of a configuration.
        enrolment: Admits gateways; None where another process does.
    """

    database: Database
    telemetry: TelemetryStore
    clock: Clock
    settings: ApiSettings = field(default_factory=ApiSettings)
    broker: BrokerSettings | None = None
    instance: str = "api"
    check_config: ConfigCheck = no_config_check
    enrolment: Enrolment | None = None


def context_of(request: Request) -> Context:
    """Return the context of the application that a request came to."""
    context = request.app.state.context
    assert isinstance(context, Context)
    return context
