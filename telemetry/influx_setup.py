"""Makes what the store needs on a new InfluxDB server: the database of 1.x, or bucket and mapping of 2.x."""

from __future__ import annotations

import asyncio

import urllib3
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.domain.dbrp_create import DBRPCreate
from influxdb_client.rest import ApiException
from influxdb_client.service.dbr_ps_service import DBRPsService

from oxygen.errors import Permanent
from telemetry.influx import http_client
from telemetry.influx_errors import unreachable
from telemetry.influx_query import Question
from telemetry.influx_read import InfluxReader
from telemetry.influx_write import v2_client, v2_setup_error
from telemetry.settings import InfluxSettings

V2_RETENTION_POLICY = "autogen"
"""The name that 1.x gives to the policy it makes itself; the mapping's policy when the settings name none."""


async def ensure_database(settings: InfluxSettings) -> None:
    """Make the database (v1), or the bucket and its mapping for InfluxQL (v2), where they are missing.

    Needs an account that may create them; keeps points for ever. Safe to repeat.

    Raises:
        Retryable: The server is down; the same call may be repeated.
        Permanent: The account may not create databases, or the organisation does not exist.
    """
    if settings.api == "v1":
        await _ensure_v1(settings)
    else:
        await asyncio.to_thread(_ensure_v2, settings)


async def _ensure_v1(settings: InfluxSettings) -> None:
    name = settings.query_database.replace("\\", "\\\\").replace('"', '\\"')
    async with http_client(settings) as client:
        reader = InfluxReader(settings, client)
        async for _ in reader.ask(Question(f'CREATE DATABASE "{name}"')):
            pass


def _ensure_v2(settings: InfluxSettings) -> None:
    try:
        with v2_client(settings) as client:
            organization_id = _organization_id(client, settings)
            bucket_id = _ensure_bucket(client, settings)
            _ensure_mapping(client, settings, organization_id, bucket_id)
    except ApiException as answer:
        raise v2_setup_error(settings, answer) from answer
    except urllib3.exceptions.HTTPError as error:
        raise unreachable(settings.url, error) from error


def _organization_id(client: InfluxDBClient, settings: InfluxSettings) -> str:
    organizations = client.organizations_api()
    found = organizations.find_organizations(org=settings.org)  # type: ignore[no-untyped-call]
    if not found:
        reason = f"organization {settings.org}"
        raise Permanent(f"not in InfluxDB: {reason}", code="telemetry_missing", reason=reason)
    return str(found[0].id)


def _ensure_bucket(client: InfluxDBClient, settings: InfluxSettings) -> str:
    buckets = client.buckets_api()
    found = buckets.find_bucket_by_name(settings.bucket)  # type: ignore[no-untyped-call]
    if found is None:
        # Without rules of retention a bucket keeps its points for ever.
        found = buckets.create_bucket(bucket_name=settings.bucket, org=settings.org)
    return str(found.id)


def _ensure_mapping(
    client: InfluxDBClient, settings: InfluxSettings, organization_id: str, bucket_id: str
) -> None:
    """Let InfluxQL find the bucket; a mapping that 2.x shows of its own accord is enough."""
    service = DBRPsService(client.api_client)  # type: ignore[no-untyped-call]
    wanted = {"org_id": organization_id, "bucket_id": bucket_id}
    answer = service.get_dbr_ps(db=settings.query_database, **wanted)  # type: ignore[no-untyped-call]
    if answer.content:
        return
    policy = settings.retention_policy or V2_RETENTION_POLICY
    mapping = DBRPCreate(  # type: ignore[no-untyped-call]
        database=settings.query_database, retention_policy=policy, default=True, **wanted
    )
    service.post_dbrp(mapping)  # type: ignore[no-untyped-call]
