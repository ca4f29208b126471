"""Dashboards of oxygen: all tanks, one hospital, one tank."""

from __future__ import annotations

from typing import Any

from grafana import gateway_panels, tank_history, tank_present
from grafana.layout import FACILITY, FLEET, TANK, Shelf, dashboard, variable
from grafana.tank_queries import ONE_TANK, TANKS_OF_FACILITY
from grafana.texts import both, explained

FACILITIES = 'SHOW TAG VALUES FROM "derived" WITH KEY = "facility"'
TANKS = (
    'SHOW TAG VALUES FROM "derived" WITH KEY = "subject" '
    'WHERE "facility" =~ /^${facility:regex}$/ AND "subject" =~ /^tank:/'
)


def fleet() -> Any:
    """Return the dashboard of all tanks."""
    where = TANKS_OF_FACILITY
    return dashboard(
        FLEET,
        explained(
            "Tình trạng hiện tại của mọi bồn và diễn biến gần đây.",
            "The present state of every tank, and the recent past.",
        ),
        [
            Shelf(tank_present.counts(where), 4),
            Shelf([tank_present.state_table(where)], 12),
            Shelf([tank_history.fill_over_time(where), tank_history.earliest_empty_over_time(where)], 9),
            Shelf([tank_history.quality_timeline(where)], 8),
        ],
        variables=[_facilities(all_values=True, several=True)],
    )


def facility() -> Any:
    """Return the dashboard of one hospital."""
    where = TANKS_OF_FACILITY
    return dashboard(
        FACILITY,
        explained(
            "Các bồn và thiết bị thu thập của một bệnh viện.", "The tanks and gateways of one hospital."
        ),
        [
            Shelf(tank_present.counts(where), 4),
            Shelf([tank_present.state_table(where)], 7),
            Shelf([tank_history.mass_over_time(where), tank_history.draw_over_time(where)], 9),
            Shelf([tank_history.earliest_empty_over_time(where), tank_history.refills(where)], 9),
            Shelf([tank_history.quality_timeline(where)], 6),
            Shelf([gateway_panels.state_table(gateway_panels.GATEWAYS_OF_FACILITY)], 6),
        ],
        variables=[_facilities(all_values=False, several=False)],
        since="now-7d",
    )


def tank() -> Any:
    """Return the dashboard of one tank."""
    return dashboard(
        TANK,
        explained(
            "Một bồn: con số hiện tại kèm tuổi, dự báo, tín hiệu đo và chất lượng.",
            "One tank: present figures with their age, forecast, signals and quality.",
        ),
        [
            Shelf(tank_present.present_figures(), 5),
            Shelf([tank_history.mass_over_time(ONE_TANK), tank_history.fill_over_time(ONE_TANK)], 9),
            Shelf([tank_history.forecast_band(), tank_history.draw_over_time(ONE_TANK)], 9),
            Shelf(
                [
                    tank_history.pressure_over_time(),
                    tank_history.raw_over_time(),
                    tank_history.loop_current_over_time(),
                ],
                8,
            ),
            Shelf([tank_history.quality_timeline(ONE_TANK), tank_history.reason_timeline()], 6),
            Shelf([tank_history.filling_timeline(), tank_history.refills(ONE_TANK)], 7),
        ],
        variables=[
            _facilities(all_values=True, several=False),
            variable("tank", both("Bồn", "Tank"), TANKS),
        ],
        since="now-7d",
    )


def _facilities(*, all_values: bool, several: bool) -> Any:
    label = both("Bệnh viện", "Hospital")
    return variable("facility", label, FACILITIES, all_values=all_values, several=several)
