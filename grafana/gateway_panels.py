"""Panels of gateways' health, from the points that ingest writes about each gateway every 10 s.

Such a point repeats what the gateway said last. Whether the gateway is there and how old its word is are
read from the newest point; everything else only while it is online and its word is young. The last will
says offline.
"""

from __future__ import annotations

from grafana import texts
from grafana.limits import HEARD, KNOWN
from grafana.panels import PRESENCE, Column, Panel, joined, lines, table, thresholds, timeline
from grafana.sources import influx_table, presence, series
from grafana.texts import both, explained

GATEWAYS_OF_FACILITY = '"facility" =~ /^${facility:regex}$/'
CHOSEN_GATEWAYS = f'{GATEWAYS_OF_FACILITY} AND "gateway" =~ /^${{gateway:regex}}$/'
BY_GATEWAY = "$tag_gateway"

LONGEST_SILENCE_S = 60
"""A gateway publishes its state every 10 s; an older one is not its present state."""

ONLINE = texts.yes_no(
    yes=(both("đang nối", "online"), texts.GREEN), no=(both("mất nối", "offline"), texts.ORANGE)
)
CLOCK = texts.yes_no(
    yes=(both("đã chỉnh", "synchronised"), texts.GREEN), no=(both("chưa chỉnh", "not set"), texts.ORANGE)
)


def heard_at(where: str) -> str:
    """Return the question for the time of the newest point about each gateway, however old."""
    return _newest("heard", where, KNOWN)


def written_or_not(where: str) -> str:
    """Return the question about which gateways ingest writes now; see `presence`."""
    return presence(heard_at(where), _newest("present", where, HEARD), '"facility", "gateway"')


def _newest(name: str, where: str, window: str) -> str:
    return (
        f'SELECT last("state_age_s") AS "{name}" FROM "gateway" '  # noqa: S608  InfluxQL, constants
        f'WHERE {where} AND time > now() - {window} GROUP BY "facility", "gateway"'
    )


def now_question(where: str) -> str:
    """Return the question whether each gateway is there, and how old its own word is."""
    return (
        f'SELECT last("state_age_s") AS "state_age_s", "online" FROM "gateway" '  # noqa: S608
        f'WHERE {where} AND time > now() - {HEARD} GROUP BY "facility", "gateway"'
    )


def young_question(where: str) -> str:
    """Return the question for what gateways say of themselves, null unless it is their present word."""
    columns = (
        '"spool_rows", "spool_hours_left", "oldest_unstored_s", "clock_synchronised", '
        '"buses_answering", "buses", "software"'
    )
    return (
        f'SELECT last("last_seq") AS "last_seq", {columns} FROM "gateway" '  # noqa: S608
        f'WHERE {where} AND "online" = true AND "state_age_s" < {LONGEST_SILENCE_S} '
        f'AND time > now() - {HEARD} GROUP BY "facility", "gateway"'
    )


def state_table(where: str) -> Panel:
    """Return the table of gateways."""
    unwanted = {
        "known": ("heard",),
        "presence": ("Time", "facility", "known", "silent"),
        "now": ("Time", "facility"),
        "young": ("Time", "facility"),
    }
    return table(
        both("Tình trạng thiết bị thu thập", "State of the gateways"),
        explained(
            "Tuổi là của lời báo cuối cùng từ thiết bị. Con số chỉ hiện khi thiết bị đang nối và vừa báo; "
            "dòng xám: chương trình tiếp nhận không ghi gì về thiết bị này.",
            "The age is that of the gateway's own last word. Figures show only while it is online and has "
            "just spoken; a grey row: ingest writes nothing about this gateway.",
        ),
        [
            influx_table(heard_at(where), ref_id="known"),
            influx_table(written_or_not(where), ref_id="presence"),
            influx_table(now_question(where), ref_id="now"),
            influx_table(young_question(where), ref_id="young"),
        ],
        _columns(),
        transformations=joined("gateway", unwanted),
    )


def _columns() -> list[Column]:
    online = {"mappings": [texts.absent(both("không rõ", "unknown")), ONLINE]}
    waiting = {"thresholds": thresholds([(None, texts.GREEN), (360, texts.YELLOW), (8640, texts.ORANGE)])}
    silence = {"thresholds": thresholds([(None, texts.GREEN), (LONGEST_SILENCE_S, texts.GREY)])}
    coloured = {"custom.cellOptions": {"type": "color-text"}}
    return [
        Column("gateway", both("Thiết bị", "Gateway")),
        Column("facility", both("Bệnh viện", "Hospital")),
        Column("Time", both("Ghi lúc", "Written"), "dateTimeFromNow"),
        Column("fresh", both("Số liệu", "Figures"), properties=PRESENCE),
        Column("online", both("Kết nối", "Online"), properties=online | coloured),
        Column("state_age_s", both("Tuổi lời báo", "Age of its word"), "s", silence | coloured),
        Column("spool_rows", both("Số đo chờ gửi", "Readings waiting"), "short", waiting | coloured),
        Column("oldest_unstored_s", both("Chờ lâu nhất", "Longest wait"), "s"),
        Column("spool_hours_left", both("Bộ nhớ còn", "Spool lasts"), "suffix:h", {"decimals": 0}),
        Column(
            "clock_synchronised", both("Đồng hồ", "Clock"), properties={"mappings": [texts.absent(), CLOCK]}
        ),
        Column("buses_answering", both("Đường đo trả lời", "Buses answering")),
        Column("buses", both("Đường đo", "Buses")),
        Column("last_seq", both("Số đo cuối", "Last reading no.")),
        Column("software", both("Phần mềm", "Software")),
    ]


def online_timeline(where: str) -> Panel:
    """Return when each gateway was online."""
    return timeline(
        both("Kết nối theo thời gian", "Online over time"),
        explained(
            "Theo lời báo của thiết bị và di chúc của nó ở máy chủ tin.",
            "By the gateway's own word and its last will at the broker.",
        ),
        [series(_over_time('last("online")', where), alias=BY_GATEWAY)],
        [ONLINE],
    )


def clock_timeline(where: str) -> Panel:
    """Return when each gateway's clock was synchronised."""
    return timeline(
        both("Đồng hồ theo thời gian", "Clock over time"),
        explained(
            "Đồng hồ chưa chỉnh thì máy chủ ghi giờ lúc nhận.",
            "While the clock is not set, readings are dated on arrival.",
        ),
        [series(_over_time('last("clock_synchronised")', where), alias=BY_GATEWAY)],
        [CLOCK],
    )


def spool_over_time(where: str) -> Panel:
    """Return how many readings wait in each gateway."""
    return lines(
        both("Số đo chờ gửi", "Readings waiting"),
        explained(
            "Số đo đã ghi ở thiết bị mà trung tâm chưa xác nhận lưu.",
            "Readings kept at the gateway that the centre has not confirmed as stored.",
        ),
        [series(_over_time('max("spool_rows")', where), alias=BY_GATEWAY)],
        unit="short",
        soft_minimum=0,
    )


def spool_size_over_time(where: str) -> Panel:
    """Return the spool's size on each gateway's disk."""
    return lines(
        both("Dung lượng bộ nhớ chờ", "Spool on disk"),
        explained("Kích thước tệp chờ gửi trên đĩa.", "Size of the spool's file on disk."),
        [series(_over_time('max("spool_bytes")', where), alias=BY_GATEWAY)],
        unit="bytes",
        soft_minimum=0,
    )


def longest_wait_over_time(where: str) -> Panel:
    """Return the age of the oldest reading that waits in each gateway."""
    return lines(
        both("Số đo chờ lâu nhất", "Longest wait of a reading"),
        explained(
            "Tuổi của số đo cũ nhất chưa được xác nhận lưu.",
            "Age of the oldest reading that is not confirmed as stored.",
        ),
        [series(_over_time('max("oldest_unstored_s")', where), alias=BY_GATEWAY)],
        unit="s",
        soft_minimum=0,
    )


def silence_over_time(where: str) -> Panel:
    """Return how long each gateway has not spoken of itself."""
    return lines(
        both("Tuổi lời báo", "Age of the gateway's word"),
        explained(
            "Bao lâu rồi thiết bị không báo tình trạng.", "How long the gateway has not told its state."
        ),
        [series(_over_time('max("state_age_s")', where), alias=BY_GATEWAY)],
        unit="s",
        soft_minimum=0,
    )


def reading_rate(where: str) -> Panel:
    """Return how many readings each gateway takes."""
    query = (
        f'SELECT non_negative_derivative(max("last_seq"), 1m) FROM "gateway" WHERE {where} '  # noqa: S608
        'AND $timeFilter GROUP BY time($__interval), "gateway" fill(none)'
    )
    return lines(
        both("Số đo mỗi phút", "Readings per minute"),
        explained("Thiết bị đọc được bao nhiêu số đo.", "How many readings the gateway takes."),
        [series(query, alias=BY_GATEWAY)],
        unit="suffix:/min",
        soft_minimum=0,
    )


def _over_time(expression: str, where: str) -> str:
    return (
        f'SELECT {expression} FROM "gateway" WHERE {where} AND $timeFilter '  # noqa: S608
        'GROUP BY time($__interval), "gateway" fill(null)'
    )
