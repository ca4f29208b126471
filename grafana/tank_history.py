"""Panels of tanks over time, with gaps where nothing was measured."""

from __future__ import annotations

from grafana import texts
from grafana.panels import Panel, lines, override, timeline
from grafana.sources import series
from grafana.tank_queries import (
    BY_TANK,
    FILLING,
    ONE_TANK,
    QUALITY_COLOURS,
    REASON_COLOURS,
    over_time,
)
from grafana.texts import both, explained


def fill_over_time(where: str) -> Panel:
    """Return fill percent of each tank over time."""
    return lines(
        both("Còn lại theo thời gian", "Fill over time"),
        explained(
            "Phần trăm lượng dùng được của từng bồn. Chỗ đứt là lúc không có số đo.",
            "Percent of usable contents of each tank. A gap is time without a reading.",
        ),
        [series(over_time('mean("fill_percent")', where), alias=BY_TANK)],
        unit="percent",
        soft_minimum=0,
        soft_maximum=100,
    )


def mass_over_time(where: str) -> Panel:
    """Return contents of each tank over time; they are not added up, since a missing tank would count 0."""
    return lines(
        both("Khối lượng oxy", "Oxygen in the tank"),
        explained(
            "Toàn bộ oxy trong từng bồn, lỏng và hơi. Không cộng các bồn: bồn thiếu số đo sẽ thành số 0.",
            "All oxygen in each tank, liquid and vapour. Tanks are not added up: one without a reading would "
            "count as zero.",
        ),
        [series(over_time('mean("mass_kg")', where), alias=BY_TANK)],
        unit="suffix:kg",
        soft_minimum=0,
    )


def draw_over_time(where: str) -> Panel:
    """Return the draw of each tank over time."""
    return lines(
        both("Mức dùng", "Draw"),
        explained(
            "Oxy rút khỏi từng bồn, theo sổ cân 24 giờ.",
            "Oxygen drawn from each tank, by the 24-hour ledger.",
        ),
        [series(over_time('mean("draw_kg_per_h")', where), alias=BY_TANK)],
        unit="suffix:kg/h",
        soft_minimum=0,
    )


def earliest_empty_over_time(where: str) -> Panel:
    """Return the pessimistic hours to empty of each tank over time."""
    return lines(
        both("Số giờ đến khi cạn, sớm nhất (p10)", "Hours to empty, at the earliest (p10)"),
        explained(
            "Chín trên mười lần bồn sẽ đủ dùng lâu hơn số giờ này.",
            "Nine times in ten the tank lasts longer than this.",
        ),
        [series(over_time('min("hours_to_empty_p10")', where), alias=BY_TANK)],
        unit="suffix:h",
        soft_minimum=0,
    )


def quality_timeline(where: str) -> Panel:
    """Return each tank's quality over time."""
    return timeline(
        both("Chất lượng số đo", "Quality of the readings"),
        explained(
            "Chất lượng của số đo cuối mỗi khoảng. Trống là lúc không có số đo.",
            "Quality of the last reading of each step. Blank is time without a reading.",
        ),
        [series(over_time('last("quality")', where), alias=BY_TANK)],
        [texts.codes("quality", QUALITY_COLOURS)],
    )


def refills(where: str) -> Panel:
    """Return kilograms delivered per local day, from what the engine marked as filling."""
    rises = (
        'SELECT non_negative_difference(last("mass_kg")) AS "rise" FROM "derived" '  # noqa: S608
        f'WHERE {where} AND "filling" = true AND $timeFilter GROUP BY time(1m), "subject" fill(none)'
    )
    daily = (
        f'SELECT sum("rise") AS "kg" FROM ({rises}) WHERE $timeFilter '  # noqa: S608
        "GROUP BY time(1d), \"subject\" fill(none) tz('Asia/Ho_Chi_Minh')"
    )
    return lines(
        both("Lượng nạp mỗi ngày", "Delivered per day"),
        explained(
            "Cộng các bước tăng trong lúc nạp, gần đúng; con số chính thức ở báo cáo ngày.",
            "Sum of the rises while filling, approximate; the daily report has the figure that counts.",
        ),
        [series(daily, alias=BY_TANK)],
        unit="suffix:kg",
        draw="bars",
        soft_minimum=0,
        step="1d",
    )


def forecast_band() -> Panel:
    """Return one tank's hours to empty as a band from p10 to p90 with p50 in it."""
    figures = ", ".join(f'mean("hours_to_empty_{p}") AS "{p}"' for p in ("p10", "p50", "p90"))
    faint = {"color": {"mode": "fixed", "fixedColor": "blue"}, "custom.lineWidth": 0}
    return lines(
        both("Số giờ đến khi cạn: p10, p50, p90", "Hours to empty: p10, p50, p90"),
        explained(
            "Dải giữa p10 và p90 chứa tám trên mười khả năng; đường giữa là p50.",
            "The band from p10 to p90 holds eight chances in ten; the line in it is p50.",
        ),
        [series(over_time(figures, ONE_TANK), alias="$col")],
        unit="suffix:h",
        soft_minimum=0,
        overrides=[
            override("p90", {**faint, "custom.fillBelowTo": "p10", "custom.fillOpacity": 20}),
            override("p10", faint),
            override("p50", {"color": {"mode": "fixed", "fixedColor": "blue"}, "custom.lineWidth": 2}),
        ],
    )


def pressure_over_time() -> Panel:
    """Return one tank's pressure over time."""
    return lines(
        both("Áp suất bồn", "Tank pressure"),
        explained("Áp suất tuyệt đối trên mặt lỏng.", "Absolute pressure above the liquid."),
        [series(over_time('mean("pressure_pa") / 100000', ONE_TANK), alias=BY_TANK)],
        unit="suffix:bar (abs)",
    )


def raw_over_time() -> Panel:
    """Return one tank's differential pressure as read."""
    query = (
        f'SELECT mean("dp_pa") / 100 FROM "raw" WHERE {ONE_TANK} AND $timeFilter '  # noqa: S608
        'GROUP BY time($__interval), "subject" fill(null)'
    )
    return lines(
        both("Chênh áp đo được", "Differential pressure as read"),
        explained(
            "Đáy bồn trừ đỉnh bồn, trước khi tính khối lượng.", "Bottom tap minus top tap, before weighing."
        ),
        [series(query, alias=BY_TANK)],
        unit="suffix:mbar",
    )


def loop_current_over_time() -> Panel:
    """Return the currents that one tank's transmitters deliver."""
    query = (
        'SELECT mean("dp_pa_raw") AS "DP", mean("tank_pressure_pa_raw") AS "P" FROM "raw" '  # noqa: S608
        f"WHERE {ONE_TANK} AND $timeFilter GROUP BY time($__interval) fill(null)"
    )
    return lines(
        both("Dòng của cảm biến", "Transmitter current"),
        explained(
            "Dòng 4–20 mA trước khi đổi đơn vị; đứt dây thì gần 0.",
            "The 4–20 mA current before scaling; near 0 with a broken wire.",
        ),
        [series(query, alias="$col")],
        unit="suffix:mA",
        soft_minimum=0,
        soft_maximum=22,
    )


def reason_timeline() -> Panel:
    """Return one tank's reasons, of the contents and of each signal, over time."""
    contents = series(over_time('last("reason") AS "contents"', ONE_TANK), alias="$col")
    signals = (
        'SELECT last("dp_pa_reason") AS "DP", last("tank_pressure_pa_reason") AS "P" FROM "raw" '  # noqa: S608
        f"WHERE {ONE_TANK} AND $timeFilter GROUP BY time($__interval) fill(null)"
    )
    return timeline(
        both("Lý do của chất lượng", "Reasons of the quality"),
        explained(
            "Vì sao lượng oxy (contents), chênh áp (DP) và áp suất (P) đáng tin hay không.",
            "Why the contents, the differential pressure (DP) and the pressure (P) can be trusted or not.",
        ),
        [contents, series(signals, alias="$col", ref_id="B")],
        [texts.codes("reasons", REASON_COLOURS)],
    )


def filling_timeline() -> Panel:
    """Return when one tank was being filled."""
    return timeline(
        both("Các lần nạp", "Refills"),
        explained("Lúc hệ thống thấy bồn đang được nạp.", "When the tank was seen to be filled."),
        [series(over_time('last("filling")', ONE_TANK), alias=BY_TANK)],
        [FILLING],
    )
