"""Dashboards for whoever keeps the system running: gateways, ingest, alarms and their messages."""

from __future__ import annotations

from typing import Any

from grafana import alarm_panels, gateway_panels, ingest_panels
from grafana.gateway_panels import CHOSEN_GATEWAYS
from grafana.layout import ALARMS, GATEWAYS, INGEST, Shelf, dashboard, variable
from grafana.sources import RECORDS
from grafana.texts import both, explained

FACILITIES = 'SHOW TAG VALUES FROM "gateway" WITH KEY = "facility"'
GATEWAY_CODES = (
    'SHOW TAG VALUES FROM "gateway" WITH KEY = "gateway" WHERE "facility" =~ /^${facility:regex}$/'
)
INSTANCES = 'SHOW TAG VALUES FROM "ingest" WITH KEY = "instance"'
FACILITIES_WITH_ALARMS = (
    "SELECT DISTINCT coalesce(facility_name_vi, facility) AS __text, facility AS __value "
    "FROM grafana_alarm ORDER BY 1"
)


def gateways() -> Any:
    """Return the dashboard of gateways."""
    where = CHOSEN_GATEWAYS
    return dashboard(
        GATEWAYS,
        explained(
            "Thiết bị thu thập ở các bệnh viện: kết nối, hàng chờ, đồng hồ.",
            "The gateways at the hospitals: connection, waiting readings, clock.",
        ),
        [
            Shelf([gateway_panels.state_table(where)], 9),
            Shelf([gateway_panels.online_timeline(where), gateway_panels.clock_timeline(where)], 7),
            Shelf([gateway_panels.spool_over_time(where), gateway_panels.longest_wait_over_time(where)], 8),
            Shelf(
                [
                    gateway_panels.silence_over_time(where),
                    gateway_panels.reading_rate(where),
                    gateway_panels.spool_size_over_time(where),
                ],
                8,
            ),
        ],
        variables=[
            variable("facility", both("Bệnh viện", "Hospital"), FACILITIES, all_values=True, several=True),
            variable("gateway", both("Thiết bị", "Gateway"), GATEWAY_CODES, all_values=True, several=True),
        ],
    )


def ingest() -> Any:
    """Return the dashboard of ingest."""
    present = [ingest_panels.last_written(), ingest_panels.store_state(), *ingest_panels.present_counts()]
    return dashboard(
        INGEST,
        explained(
            "Chương trình tiếp nhận: số đo vào, ra kho, và những gì để riêng.",
            "Ingest: readings coming in, going to the store, and what is set aside.",
        ),
        [
            Shelf(present, 5, widths=(5, 4, 5, 5, 5)),
            Shelf([ingest_panels.throughput(), ingest_panels.set_aside()], 9),
            Shelf([ingest_panels.waiting_over_time(), ingest_panels.seen_and_stored()], 9),
            Shelf([ingest_panels.store_timeline(), ingest_panels.dirty_over_time()], 7),
        ],
        variables=[
            variable("instance", both("Chương trình", "Program"), INSTANCES, all_values=True, several=True)
        ],
        since="now-6h",
    )


def alarms() -> Any:
    """Return the dashboard of alarms."""
    return dashboard(
        ALARMS,
        explained(
            "Báo động đang mở, đã qua, và tin báo có đến nơi không. Đọc từ hồ sơ, không từ kho số đo.",
            "Open and past alarms, and whether their messages arrived. Read from the records, not from the "
            "time series.",
        ),
        [
            Shelf(
                [
                    alarm_panels.open_by_severity(),
                    alarm_panels.unacknowledged(),
                    alarm_panels.delivery_failures(),
                ],
                5,
                widths=(9, 6, 9),
            ),
            Shelf([alarm_panels.open_table()], 9),
            Shelf([alarm_panels.raised_per_day(), alarm_panels.delivery_table()], 8),
            Shelf([alarm_panels.history_table()], 10),
        ],
        variables=[
            variable(
                "facility",
                both("Bệnh viện", "Hospital"),
                FACILITIES_WITH_ALARMS,
                source=RECORDS,
                all_values=True,
                several=True,
            )
        ],
        since="now-30d",
    )
