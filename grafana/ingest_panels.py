"""Panels of ingest's own counters, which begin at 0 with each start of the program."""

from __future__ import annotations

from grafana import texts
from grafana.limits import HEARD, KNOWN, Steps
from grafana.panels import Panel, lines, stat, timeline
from grafana.sources import influx_table, series
from grafana.texts import both, explained

CHOSEN = '"instance" =~ /^${instance:regex}$/'
BY_INSTANCE = "$tag_instance"
BY_INSTANCE_AND_COLUMN = "$tag_instance $col"
SILENT = both("chương trình im lặng", "program is silent")

STORE = texts.yes_no(yes=(both("ghi được", "takes data"), texts.GREEN), no=(both("hỏng", "down"), texts.RED))


def last_written() -> Panel:
    """Return when ingest last wrote about itself."""
    query = (
        f'SELECT last("samples") AS "heard" FROM "ingest" WHERE {CHOSEN} '  # noqa: S608
        f'AND time > now() - {KNOWN} GROUP BY "instance"'
    )
    return stat(
        both("Ghi lần cuối", "Last written"),
        explained("Tuổi của các con số bên cạnh.", "Age of the figures beside it."),
        [influx_table(query)],
        unit="dateTimeFromNow",
        shown="/^Time$/",
        steps=[(None, texts.BLUE)],
        no_value=SILENT,
    )


def store_state() -> Panel:
    """Return whether the time-series store takes data."""
    return stat(
        both("Kho số đo", "Time-series store"),
        explained("Kho có nhận dữ liệu không.", "Whether the store takes data."),
        [influx_table(_newest("store_ok"))],
        unit="none",
        shown="/^store_ok$/",
        steps=[(None, texts.GREEN)],
        mappings=[STORE],
        no_value=SILENT,
    )


def present_counts() -> list[Panel]:
    """Return what is waiting or set aside now."""
    return [
        _count(
            both("Điểm chờ ghi", "Points waiting"),
            "waiting_points",
            [(None, texts.GREEN), (5000, texts.YELLOW), (50_000, texts.ORANGE)],
            explained(
                "Điểm đang chờ kho; tăng dần khi kho hỏng.",
                "Points that wait for the store; grows while it is down.",
            ),
        ),
        _count(
            both("Số đo đang giữ", "Samples held"),
            "held",
            [(None, texts.GREEN), (5000, texts.YELLOW)],
            explained(
                "Số đo đã nhận mà chưa được xác nhận lưu.", "Samples taken in that are not stored yet."
            ),
        ),
        _count(
            both("Bồn phải tính lại", "Subjects to work out again"),
            "dirty_subjects",
            [(None, texts.GREEN), (1, texts.YELLOW)],
            explained("Có số đo đến muộn.", "Readings came late."),
        ),
    ]


def throughput() -> Panel:
    """Return messages and samples per second."""
    return lines(
        both("Tin và số đo mỗi giây", "Messages and samples per second"),
        explained("Tính từ các bộ đếm của chương trình.", "From the program's counters."),
        [series(_rates("messages", "samples"), alias=BY_INSTANCE_AND_COLUMN)],
        unit="suffix:/s",
        soft_minimum=0,
    )


def set_aside() -> Panel:
    """Return what was not taken as new, per step."""
    return lines(
        both("Không lấy thành số đo mới", "Not taken as new readings"),
        explained(
            "Mỗi khoảng thêm bao nhiêu: thư chết, bản lặp, chưa giữ được (sẽ xin lại), hộp thư tràn, "
            "thiết bị lạ.",
            "How many more in each step: dead letters, repeats, let go (asked for again), inbox overflow, "
            "unknown gateways.",
        ),
        [
            series(
                _rises("dead_letters", "repeated", "let_go", "inbox_dropped", "unknown_gateways"),
                alias=BY_INSTANCE_AND_COLUMN,
            )
        ],
        unit="short",
        draw="bars",
        soft_minimum=0,
    )


def waiting_over_time() -> Panel:
    """Return what waits, over time."""
    return lines(
        both("Đang chờ", "Waiting"),
        explained("Điểm chờ ghi và số đo đang giữ.", "Points waiting for the store and samples held."),
        [series(_over_time('max("waiting_points") AS "waiting_points", max("held") AS "held"'),
                alias=BY_INSTANCE_AND_COLUMN)],
        unit="short",
        soft_minimum=0,
    )  # fmt: skip


def seen_and_stored() -> Panel:
    """Return how many samples were seen and stored."""
    return lines(
        both("Đã thấy và đã lưu", "Seen and stored"),
        explained(
            "Hai đường phải sát nhau; đường lưu tụt lại là kho chậm hoặc hỏng.",
            "The two lines belong together; stored falling behind means a slow or broken store.",
        ),
        [
            series(
                _over_time('max("seen") AS "seen", max("stored") AS "stored"'), alias=BY_INSTANCE_AND_COLUMN
            )
        ],
        unit="short",
    )


def dirty_over_time() -> Panel:
    """Return how many subjects have to be worked out again, over time."""
    return lines(
        both("Bồn phải tính lại", "Subjects to work out again"),
        explained("Vì số đo đến muộn.", "Because readings came late."),
        [series(_over_time('max("dirty_subjects")'), alias=BY_INSTANCE)],
        unit="short",
        soft_minimum=0,
    )


def store_timeline() -> Panel:
    """Return when the store took data; blank is the program's silence, which a broken store causes too."""
    return timeline(
        both("Kho số đo theo thời gian", "Time-series store over time"),
        explained(
            "Trống là lúc không ghi được gì, kể cả điểm này.",
            "Blank is time when nothing could be written, not even this point.",
        ),
        [series(_over_time('last("store_ok")'), alias=BY_INSTANCE)],
        [STORE],
    )


def _count(title: str, name: str, steps: Steps, description: str) -> Panel:
    return stat(
        title,
        description,
        [influx_table(_newest(name))],
        unit="short",
        shown=f"/^{name}$/",
        steps=steps,
        no_value=SILENT,
    )


def _newest(name: str) -> str:
    """Return the question for a present figure; `samples` is in every point."""
    return (
        f'SELECT last("samples") AS "samples", "{name}" FROM "ingest" '  # noqa: S608  InfluxQL, constants
        f'WHERE {CHOSEN} AND time > now() - {HEARD} GROUP BY "instance"'
    )


def _over_time(expression: str) -> str:
    return (
        f'SELECT {expression} FROM "ingest" WHERE {CHOSEN} AND $timeFilter '  # noqa: S608
        'GROUP BY time($__interval), "instance" fill(null)'
    )


def _rates(*names: str) -> str:
    columns = ", ".join(f'non_negative_derivative(max("{name}"), 1s) AS "{name}"' for name in names)
    return _of_counters(columns)


def _rises(*names: str) -> str:
    columns = ", ".join(f'non_negative_difference(max("{name}")) AS "{name}"' for name in names)
    return _of_counters(columns)


def _of_counters(columns: str) -> str:
    return (
        f'SELECT {columns} FROM "ingest" WHERE {CHOSEN} AND $timeFilter '  # noqa: S608
        'GROUP BY time($__interval), "instance" fill(none)'
    )
