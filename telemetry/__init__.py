"""The time series: one contract and two stores, InfluxDB and an embedded SQLite file."""

from __future__ import annotations

from telemetry.contract import TelemetryStore
from telemetry.settings import EmbeddedSettings, InfluxSettings, TelemetrySettings

__all__ = ["EmbeddedSettings", "InfluxSettings", "TelemetrySettings", "TelemetryStore", "open_store"]


def open_store(settings: TelemetrySettings, *, readonly: bool = False) -> TelemetryStore:
    """Return the store that `settings` name. It connects at its first use, not here.

    Args:
        settings: Which store, and where.
        readonly: Refuse every write with Permanent; for programs that only show data.

    Raises:
        BadConfiguration: A password or token file cannot be read.
    """
    # Imported here so that a program with an embedded store does not load the HTTP clients.
    if isinstance(settings, EmbeddedSettings):
        from telemetry.embedded import EmbeddedStore  # noqa: PLC0415

        return EmbeddedStore(settings.path, readonly=readonly, busy_timeout_s=settings.busy_timeout_s)
    from telemetry.influx import open_influx  # noqa: PLC0415

    return open_influx(settings, readonly=readonly)
