"""What gateways are to do, what they say they do, and how they are."""

from __future__ import annotations

from records.fleet.services import (
    BODY_LIMIT,
    config_version,
    config_versions,
    desired_config,
    desired_configs,
    healths,
    newest_config_id,
    put_config,
    put_healths,
    report_config,
    reported_configs,
    restore_config,
    sha256_of,
)
from records.fleet.structs import DesiredConfig, GatewayHealth, ReportedConfig

__all__ = [
    "BODY_LIMIT",
    "DesiredConfig",
    "GatewayHealth",
    "ReportedConfig",
    "config_version",
    "config_versions",
    "desired_config",
    "desired_configs",
    "healths",
    "newest_config_id",
    "put_config",
    "put_healths",
    "report_config",
    "reported_configs",
    "restore_config",
    "sha256_of",
]
