"""Panels of tanks' present figures: null, grey and in words where there is no fresh reading."""

from __future__ import annotations

from collections.abc import Sequence

from grafana import texts
from grafana.limits import FILL_STEPS, FRESH_MINUTES, HOURS_STEPS, Steps
from grafana.panels import PRESENCE, Column, Json, Panel, joined, stat, table, thresholds
from grafana.sources import influx_table
from grafana.tank_queries import (
    FILLING,
    ONE_TANK,
    QUALITY_COLOURS,
    REASON_COLOURS,
    fresh,
    fresh_or_silent,
    heard_at,
)
from grafana.texts import both, explained


def state_table(where: str) -> Panel:
    """Return the table of tanks: present figures with the reading's age, grey where there is none."""
    columns = (
        '"reason", "filling", "fill_percent", "hours_to_empty_p10", "hours_to_empty_p50", "mass_kg", '
        '"draw_kg_per_h", "pressure_pa" / 100000 AS "pressure_bar"'
    )
    by_tank = '"facility", "subject"'
    targets = [
        influx_table(heard_at(where), ref_id="known"),
        influx_table(fresh_or_silent(where, by_tank), ref_id="presence"),
        influx_table(fresh(where, columns), ref_id="fresh"),
    ]
    unwanted = {
        "known": ("heard",),
        "presence": ("Time", "facility", "known", "silent"),
        "fresh": ("Time", "facility"),
    }
    return table(
        both("Tình trạng các bồn", "State of the tanks"),
        explained(
            f"Mỗi bồn một dòng. Bồn im lặng quá {FRESH_MINUTES} phút thì cả dòng xám và không có con số nào: "
            "chỉ còn thời điểm đọc được lần cuối. Phần trăm tính trên lượng dùng được: 0 là hết.",
            f"One row per tank. A tank silent for {FRESH_MINUTES} minutes is grey and shows no figure, only "
            "when it was last heard. Percent is of usable contents: 0 means empty.",
        ),
        targets,
        _state_columns(),
        transformations=joined("subject", unwanted),
    )


def _state_columns() -> Sequence[Column]:
    gauge = {"type": "gauge", "mode": "basic", "valueDisplayMode": "text"}
    text_colour = {"custom.cellOptions": {"type": "color-text"}}
    return [
        Column("subject", both("Bồn", "Tank"), properties=_link("Bồn", "Tank", "oxywatch-tank", "tank")),
        Column(
            "facility",
            both("Bệnh viện", "Hospital"),
            properties=_link("Bệnh viện", "Hospital", "oxywatch-facility", "facility"),
        ),
        Column("Time", both("Đọc lúc", "Read"), "dateTimeFromNow"),
        Column("fresh", both("Số đo", "Reading"), properties=PRESENCE),
        Column(
            "quality",
            both("Chất lượng", "Quality"),
            properties={"mappings": [texts.absent(), texts.codes("quality", QUALITY_COLOURS)]} | text_colour,
        ),
        Column(
            "fill_percent",
            both("Còn lại", "Fill"),
            "percent",
            {"thresholds": thresholds(FILL_STEPS)}
            | {"min": 0, "max": 100, "decimals": 1, "custom.cellOptions": gauge},
        ),
        Column(
            "hours_to_empty_p10",
            both("Cạn sớm nhất sau (p10)", "Empty at the earliest (p10)"),
            "suffix:h",
            {"thresholds": thresholds(HOURS_STEPS)} | text_colour | {"decimals": 0},
        ),
        Column(
            "hours_to_empty_p50",
            both("Cạn sau (p50)", "Empty (p50)"),
            "suffix:h",
            {"decimals": 0},
        ),
        Column("mass_kg", both("Khối lượng", "Mass"), "suffix:kg", {"decimals": 0}),
        Column("draw_kg_per_h", both("Mức dùng", "Draw"), "suffix:kg/h", {"decimals": 1}),
        Column("pressure_bar", both("Áp suất", "Pressure"), "suffix:bar (abs)", {"decimals": 2}),
        Column("filling", both("Nạp", "Filling"), properties={"mappings": [texts.absent("–"), FILLING]}),
        Column(
            "reason",
            both("Lý do", "Reason"),
            properties={"mappings": [texts.absent(), texts.codes("reasons", REASON_COLOURS)]},
        ),
    ]


def _link(vietnamese: str, english: str, uid: str, name: str) -> Json:
    url = f"/d/{uid}?var-{name}=${{__value.raw}}&${{__url_time_range}}"
    return {"links": [{"title": both(vietnamese, english), "url": url, "targetBlank": False}]}


def counts(where: str) -> list[Panel]:
    """Return how many tanks are known, read and silent."""
    question = fresh_or_silent(where)
    return [
        _count(
            both("Bồn đã biết", "Known tanks"),
            explained("Bồn có số đo trong 30 ngày qua.", "Tanks read at least once in the last 30 days."),
            question,
            "known",
            [(None, texts.BLUE)],
        ),
        _count(
            both("Bồn có số đo mới", "Tanks with a fresh reading"),
            explained(
                f"Đọc được trong {FRESH_MINUTES} phút qua.", f"Read within the last {FRESH_MINUTES} minutes."
            ),
            question,
            "fresh",
            [(None, texts.GREY), (1, texts.GREEN)],
        ),
        _count(
            both("Bồn im lặng", "Silent tanks"),
            explained(
                f"Bồn đã biết nhưng không có số đo nào trong {FRESH_MINUTES} phút qua.",
                f"Known tanks without any reading in the last {FRESH_MINUTES} minutes.",
            ),
            question,
            "silent",
            [(None, texts.GREEN), (1, texts.GREY)],
        ),
    ]


def _count(title: str, description: str, question: str, name: str, steps: Steps) -> Panel:
    targets = [influx_table(question)]
    return stat(
        title,
        description,
        targets,
        unit="none",
        shown=f"/^{name}$/",
        steps=steps,
        no_value=both("chưa có bồn nào", "no tank yet"),
    )


def present_figures() -> list[Panel]:
    """Return one tank's present figures, the reading's age first."""
    return [
        stat(
            both("Đọc lần cuối", "Last read"),
            explained("Tuổi của số đo mới nhất.", "Age of the newest reading."),
            [influx_table(heard_at(ONE_TANK))],
            unit="dateTimeFromNow",
            shown="/^Time$/",
            steps=[(None, texts.BLUE)],
            no_value=texts.of_code("reasons.never_read"),
        ),
        _figure(
            both("Còn lại", "Fill"),
            "fill_percent",
            "percent",
            FILL_STEPS,
            1,
            explained(
                "Phần trăm lượng dùng được; 0 là hết. Màu theo ngưỡng mặc định.",
                "Percent of usable contents; 0 means empty. Coloured by the default limits.",
            ),
        ),
        _figure(
            both("Cạn sớm nhất sau", "Empty at the earliest"),
            "hours_to_empty_p10",
            "suffix:h",
            HOURS_STEPS,
            0,
            explained(
                "Dự báo thận trọng (p10): chín trên mười lần sẽ lâu hơn.",
                "Pessimistic forecast (p10): nine times in ten it lasts longer.",
            ),
        ),
        _figure(
            both("Khối lượng", "Mass"),
            "mass_kg",
            "suffix:kg",
            [(None, texts.BLUE)],
            0,
            explained("Toàn bộ oxy, lỏng và hơi.", "All oxygen, liquid and vapour."),
        ),
        _figure(
            both("Mức dùng", "Draw"),
            "draw_kg_per_h",
            "suffix:kg/h",
            [(None, texts.BLUE)],
            1,
            explained("Theo sổ cân 24 giờ.", "By the 24-hour ledger."),
        ),
        _figure(
            both("Áp suất bồn", "Tank pressure"),
            "pressure_bar",
            "suffix:bar (abs)",
            [(None, texts.BLUE)],
            2,
            explained("Áp suất tuyệt đối trên mặt lỏng.", "Absolute pressure above the liquid."),
            '"pressure_pa" / 100000 AS "pressure_bar"',
        ),
    ]


def _figure(
    title: str, name: str, unit: str, steps: Steps, decimals: int, description: str, column: str = ""
) -> Panel:
    return stat(
        title,
        description,
        [influx_table(fresh(ONE_TANK, column or f'"{name}"'))],
        unit=unit,
        shown=f"/^{name}$/",
        steps=steps,
        decimals=decimals,
        no_value=texts.NO_FRESH_READING,
    )
