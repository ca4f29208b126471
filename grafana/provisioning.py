"""Provisioning of Grafana: where the data sources and the dashboards are.

Addresses, names and secrets come from Grafana's own environment (`$__env{NAME}`); none is in a file.
"""

from __future__ import annotations

from grafana.sources import INFLUX_UID, RECORDS, RECORDS_UID

DASHBOARD_FOLDER = "/etc/grafana/dashboards"
"""Where Grafana finds the built dashboards."""

ENVIRONMENT = (
    "OXYWATCH_INFLUX_URL",
    "OXYWATCH_INFLUX_DATABASE",
    "OXYWATCH_INFLUX_READ_TOKEN",
    "OXYWATCH_RECORDS_ADDRESS",
    "OXYWATCH_RECORDS_DATABASE",
    "OXYWATCH_RECORDS_SSLMODE",
    "OXYWATCH_RECORDS_READER",
    "OXYWATCH_RECORDS_READER_PASSWORD",
)
"""What Grafana's environment has to hold."""

DATASOURCES = f"""\
# Built by `oxywatch grafana build`; change grafana/provisioning.py instead.
apiVersion: 1
prune: true
datasources:
  - name: OxyWatch time series
    uid: {INFLUX_UID}
    type: influxdb
    access: proxy
    url: $__env{{OXYWATCH_INFLUX_URL}}
    isDefault: true
    editable: false
    jsonData:
      version: InfluxQL
      dbName: $__env{{OXYWATCH_INFLUX_DATABASE}}
      httpMode: POST
      timeInterval: 10s
      httpHeaderName1: Authorization
    secureJsonData:
      httpHeaderValue1: Token $__env{{OXYWATCH_INFLUX_READ_TOKEN}}
  - name: OxyWatch records
    uid: {RECORDS_UID}
    type: {RECORDS["type"]}
    access: proxy
    url: $__env{{OXYWATCH_RECORDS_ADDRESS}}
    user: $__env{{OXYWATCH_RECORDS_READER}}
    editable: false
    jsonData:
      database: $__env{{OXYWATCH_RECORDS_DATABASE}}
      sslmode: $__env{{OXYWATCH_RECORDS_SSLMODE}}
      postgresVersion: 1500
      maxOpenConns: 5
    secureJsonData:
      password: $__env{{OXYWATCH_RECORDS_READER_PASSWORD}}
"""

DASHBOARDS = f"""\
# Built by `oxywatch grafana build`; change grafana/provisioning.py instead.
apiVersion: 1
providers:
  - name: OxyWatch
    orgId: 1
    folder: OxyWatch
    folderUid: oxywatch
    type: file
    disableDeletion: true
    allowUiUpdates: false
    updateIntervalSeconds: 60
    options:
      path: {DASHBOARD_FOLDER}
"""

RECORDS_READER = """\
-- Built by `oxywatch grafana build`; change grafana/provisioning.py instead.
-- Run as the owner of the records' database, after its migration; safe to repeat. Then set a password:
--   ALTER ROLE oxywatch_grafana PASSWORD '...';
DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'oxywatch_grafana') THEN
    CREATE ROLE oxywatch_grafana LOGIN;
  END IF;
END $$;
ALTER ROLE oxywatch_grafana SET default_transaction_read_only = on;
ALTER ROLE oxywatch_grafana SET statement_timeout = '30s';
GRANT USAGE ON SCHEMA public TO oxywatch_grafana;
GRANT SELECT ON grafana_alarm, grafana_delivery TO oxywatch_grafana;
"""
"""A role that reads the two views and nothing else: views read their tables with their owner's rights."""

FILES = {
    "records-reader.sql": RECORDS_READER,
    "provisioning/datasources/oxywatch.yaml": DATASOURCES,
    "provisioning/dashboards/oxywatch.yaml": DASHBOARDS,
}
"""Provisioning files by their path below the folder that is built."""
