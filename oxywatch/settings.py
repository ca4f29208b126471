"""The settings file of the centre's programs: one TOML file, unknown keys refused.

Secrets are named by the files that hold them.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec
from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from alerts.settings import AlertsSettings
from api.settings import ApiSettings
from broker_link.settings import BrokerSettings
from ingest.settings import IngestSettings
from jobs.settings import JobsSettings
from oxygen.errors import BadConfiguration
from oxygen.toml_file import TomlFile, read_toml, refuse
from records.database import RecordsSettings
from telemetry.settings import TelemetrySettings

KEY_FILE_VARIABLE = "OXYWATCH_KEY_FILE"
"""Names the key file of personal data where the settings name none."""


class CentreSettings(BaseModel):
    """What every program of the centre may read.

    Attributes:
        records, telemetry, broker: Where to find the relational database, the time series and the broker.
        ingest, alerts, jobs, api: Of each program.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    records: RecordsSettings
    telemetry: TelemetrySettings
    broker: BrokerSettings = BrokerSettings()
    ingest: IngestSettings = IngestSettings()
    alerts: AlertsSettings = AlertsSettings()
    jobs: JobsSettings = JobsSettings()
    api: ApiSettings = ApiSettings()

    @field_validator("broker", mode="before")
    @classmethod
    def _read_broker(cls, value: object) -> object:
        """Read the table with the broker's own shape, which the edge shares."""
        if not isinstance(value, dict):
            return value
        unknown = sorted(set(value) - set(BrokerSettings.__struct_fields__))
        if unknown:
            raise ValueError(f"unknown key {unknown[0]}")
        try:
            return msgspec.convert(value, BrokerSettings)
        except msgspec.ValidationError as error:
            raise ValueError(str(error)) from error


def load_settings(path: Path) -> CentreSettings:
    """Return the settings.

    Relative file names in it are taken from the folder that the program was started in.

    Raises:
        BadConfiguration: With file, line, key, what was found and what was expected; start-up stops.
    """
    file = read_toml(path)
    try:
        return _with_key_file(CentreSettings.model_validate(file.data))
    except ValidationError as error:
        problems = [_problem(file, dict(detail)) for detail in error.errors()]
        refuse(problems)
        raise


def _with_key_file(settings: CentreSettings) -> CentreSettings:
    named = os.environ.get(KEY_FILE_VARIABLE, "")
    if not named or settings.records.key_file is not None:
        return settings
    records = settings.records.model_copy(update={"key_file": Path(named)})
    return settings.model_copy(update={"records": records})


def _problem(file: TomlFile, detail: dict[str, Any]) -> BadConfiguration:
    parts = [part for part in detail["loc"] if part not in ("embedded", "influx")]
    key = ".".join(str(part) for part in parts)
    found = "nothing" if detail["type"] == "missing" else repr(detail["input"])
    return file.problem(key, found=found, expected=str(detail["msg"]))
