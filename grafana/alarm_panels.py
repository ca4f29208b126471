"""Panels of alarms and their messages, from the records' read-only views."""

from __future__ import annotations

from grafana import texts
from grafana.panels import Column, Panel, lines, override, stat, table, thresholds
from grafana.sources import sql_series, sql_table
from grafana.texts import both, explained, of_code

CHOSEN = "facility ~ '^${facility:regex}$'"
OPEN = f"state = 'open' AND NOT late AND {CHOSEN}"

SEVERITY_COLOURS = {
    "critical": texts.RED,
    "urgent": texts.ORANGE,
    "reorder": texts.YELLOW,
    "warning": texts.BLUE,
}
RULE_COLOURS = {"low_stock": texts.PLAIN, "stale_data": texts.PLAIN, "sensor_fault": texts.PLAIN}
STATE_COLOURS = {"open": texts.ORANGE, "cleared": texts.GREEN}
OUTBOX_COLOURS = {
    "queued": texts.BLUE,
    "sending": texts.BLUE,
    "sent": texts.GREEN,
    "failed": texts.ORANGE,
    "given_up": texts.RED,
}
CHANNEL_COLOURS = {"email": texts.PLAIN, "webhook": texts.PLAIN}

_BY_SEVERITY = "array_position(ARRAY['critical', 'urgent', 'reorder', 'warning'], severity)"
_FACILITY_NAME = "coalesce(facility_name_vi || ' / ' || facility_name_en, facility) AS facility_name"
_COLOURED = {"type": "color-background", "mode": "basic"}


def open_by_severity() -> Panel:
    """Return how many alarms of each severity are open; none is a true 0 here, counted in the records."""
    counts = ", ".join(
        f"count(*) FILTER (WHERE severity = '{severity}') AS {severity}" for severity in SEVERITY_COLOURS
    )
    return stat(
        both("Báo động đang mở", "Open alarms"),
        explained("Số báo động đang mở theo mức.", "How many alarms are open, by severity."),
        [sql_table(f"SELECT {counts} FROM grafana_alarm WHERE {OPEN}")],  # noqa: S608  constants
        unit="none",
        steps=[(None, texts.GREEN), (1, texts.ORANGE)],
        overrides=[
            override(
                severity,
                {
                    "displayName": of_code(f"severity.{severity}"),
                    "thresholds": thresholds([(None, texts.GREEN), (1, colour)]),
                },
            )
            for severity, colour in SEVERITY_COLOURS.items()
        ],
    )


def unacknowledged() -> Panel:
    """Return how many open alarms nobody has taken on, and since when."""
    query = (
        "SELECT count(*) AS waiting, min(raised_at) AS since FROM grafana_alarm "  # noqa: S608
        f"WHERE {OPEN} AND NOT acknowledged"
    )
    return stat(
        both("Chưa ai nhận", "Nobody has taken on"),
        explained(
            "Báo động đang mở mà chưa ai xác nhận, và cái cũ nhất có từ bao giờ.",
            "Open alarms that nobody has acknowledged, and how old the oldest is.",
        ),
        [sql_table(query)],
        unit="none",
        shown="/.*/",
        steps=[(None, texts.GREEN), (1, texts.ORANGE)],
        no_value="–",
        overrides=[
            override("waiting", {"displayName": both("đang chờ", "waiting")}),
            override(
                "since",
                {
                    "displayName": both("cũ nhất", "oldest"),
                    "unit": "dateTimeFromNow",
                    "color": {"mode": "fixed", "fixedColor": "text"},
                },
            ),
        ],
    )


def open_table() -> Panel:
    """Return the open alarms, worst and oldest first."""
    query = (
        f"SELECT severity, rule, {_FACILITY_NAME}, subject, raised_at, raised_at AS age, "  # noqa: S608
        f"acknowledged, acknowledged_by FROM grafana_alarm WHERE {OPEN} ORDER BY {_BY_SEVERITY}, raised_at"
    )
    return table(
        both("Các báo động đang mở", "The open alarms"),
        explained(
            "Nặng nhất và cũ nhất ở trên. Xác nhận trên trang của OxyWatch, không ở đây.",
            "Worst and oldest first. Acknowledge on OxyWatch's own page, not here.",
        ),
        [sql_table(query)],
        [
            _severity(),
            _code_column("rule", both("Báo động", "Alarm"), "rules", RULE_COLOURS),
            Column("facility_name", both("Bệnh viện", "Hospital")),
            _subject(),
            Column("raised_at", both("Bắt đầu", "Since"), "dateTimeAsIso"),
            Column("age", both("Đã", "For"), "dateTimeFromNow"),
            _acknowledged(),
            Column("acknowledged_by", both("Người nhận", "By"), properties=_absent("–")),
        ],
        no_value=both("không có báo động nào đang mở", "no alarm is open"),
    )


def history_table() -> Panel:
    """Return the alarms raised within the dashboard's time range."""
    query = (
        f"SELECT severity, rule, {_FACILITY_NAME}, subject, raised_at, cleared_at, state, late, "  # noqa: S608
        "EXTRACT(EPOCH FROM acknowledged_at - raised_at) AS seconds_to_acknowledge, "
        "EXTRACT(EPOCH FROM cleared_at - raised_at) AS seconds_open "
        f"FROM grafana_alarm WHERE $__timeFilter(raised_at) AND {CHOSEN} ORDER BY raised_at DESC LIMIT 500"
    )
    late = texts.yes_no(yes=(both("thấy sau", "found late"), texts.BLUE), no=("–", texts.PLAIN))
    return table(
        both("Báo động trong khoảng thời gian", "Alarms in the time range"),
        explained(
            "Mọi báo động bắt đầu trong khoảng đang xem, mới nhất ở trên, nhiều nhất 500. "
            "“Thấy sau”: thấy trong số đo đến muộn, không báo cho ai.",
            "Every alarm that began in the range shown, newest first, 500 at most. “Found late”: seen in "
            "readings that arrived late, nobody was called.",
        ),
        [sql_table(query)],
        [
            _severity(),
            _code_column("rule", both("Báo động", "Alarm"), "rules", RULE_COLOURS),
            Column("facility_name", both("Bệnh viện", "Hospital")),
            _subject(),
            Column("raised_at", both("Bắt đầu", "Began"), "dateTimeAsIso"),
            Column("cleared_at", both("Hết lúc", "Over"), "dateTimeAsIso", _absent("–")),
            _code_column("state", both("Tình trạng", "State"), "alarm_state", STATE_COLOURS),
            Column("late", both("Thấy sau", "Late"), properties={"mappings": [late]}),
            Column("seconds_to_acknowledge", both("Nhận sau", "Taken on after"), "s", _absent("–")),
            Column("seconds_open", both("Kéo dài", "Lasted"), "s", _absent("–")),
        ],
        no_value=both("không có báo động nào", "no alarm"),
    )


def raised_per_day() -> Panel:
    """Return alarms raised per local day and severity."""
    query = (
        "SELECT date_trunc('day', raised_at AT TIME ZONE 'Asia/Ho_Chi_Minh') "  # noqa: S608
        "AT TIME ZONE 'Asia/Ho_Chi_Minh' AS \"time\", severity AS metric, count(*) AS alarms "
        f"FROM grafana_alarm WHERE $__timeFilter(raised_at) AND NOT late AND {CHOSEN} "
        "GROUP BY 1, 2 ORDER BY 1"
    )
    names = [
        override(
            severity,
            {
                "displayName": of_code(f"severity.{severity}"),
                "color": {"mode": "fixed", "fixedColor": colour},
            },
        )
        for severity, colour in SEVERITY_COLOURS.items()
    ]
    return lines(
        both("Số báo động mỗi ngày", "Alarms per day"),
        explained("Bắt đầu trong ngày, theo mức nặng nhất đã có.", "Begun on the day, by severity reached."),
        [sql_series(query)],
        unit="none",
        draw="bars",
        soft_minimum=0,
        overrides=names,
        step="1d",
    )


def delivery_failures() -> Panel:
    """Return how many messages fail or were given up, and since when the oldest waits."""
    waiting = "state IN ('queued', 'sending', 'failed')"
    query = (
        "SELECT coalesce(sum(messages) FILTER (WHERE state = 'failed'), 0)::bigint AS failed, "  # noqa: S608
        "coalesce(sum(messages) FILTER (WHERE state = 'given_up'), 0)::bigint AS given_up, "
        f"coalesce(sum(messages) FILTER (WHERE {waiting}), 0)::bigint AS waiting, "
        f"min(oldest_created_at) FILTER (WHERE {waiting}) AS oldest FROM grafana_delivery"
    )
    fails = thresholds([(None, texts.GREEN), (1, texts.ORANGE)])
    given_up = thresholds([(None, texts.GREEN), (1, texts.RED)])
    plain = {"color": {"mode": "fixed", "fixedColor": "text"}}
    return stat(
        both("Tin báo chưa đến nơi", "Messages not delivered"),
        explained(
            "Tin báo chưa gửi được, đã thôi gửi, còn chờ; và tin chờ lâu nhất.",
            "Messages that failed, were given up, or wait; and how old the oldest waiting one is.",
        ),
        [sql_table(query)],
        unit="none",
        shown="/.*/",
        steps=[(None, texts.GREEN)],
        no_value="–",
        overrides=[
            override("failed", {"displayName": of_code("outbox_state.failed"), "thresholds": fails}),
            override("given_up", {"displayName": of_code("outbox_state.given_up"), "thresholds": given_up}),
            override("waiting", {"displayName": of_code("outbox_state.queued"), **plain}),
            override(
                "oldest",
                {"displayName": both("chờ lâu nhất", "oldest"), "unit": "dateTimeFromNow", **plain},
            ),
        ],
    )


def delivery_table() -> Panel:
    """Return the messages by state and way."""
    query = (
        "SELECT state, channel, messages, most_attempts, oldest_created_at, newest_sent_at "
        "FROM grafana_delivery "
        "ORDER BY array_position(ARRAY['given_up', 'failed', 'sending', 'queued', 'sent'], state), channel"
    )
    state = {"mappings": [texts.codes("outbox_state", OUTBOX_COLOURS)], "custom.cellOptions": _COLOURED}
    return table(
        both("Tin báo theo tình trạng", "Messages by state"),
        explained("Mọi tin báo trong hộp thư đi.", "Every message of the outbox."),
        [sql_table(query)],
        [
            Column("state", both("Tình trạng", "State"), properties=state),
            _code_column("channel", both("Đường gửi", "Way"), "channel", CHANNEL_COLOURS),
            Column("messages", both("Số tin", "Messages")),
            Column("most_attempts", both("Thử nhiều nhất", "Most attempts")),
            Column("oldest_created_at", both("Cũ nhất", "Oldest"), "dateTimeFromNow"),
            Column("newest_sent_at", both("Gửi gần nhất", "Last sent"), "dateTimeFromNow", _absent("–")),
        ],
        no_value=both("chưa có tin nào", "no message yet"),
    )


def _severity() -> Column:
    shown = {"mappings": [texts.codes("severity", SEVERITY_COLOURS)], "custom.cellOptions": _COLOURED}
    return Column("severity", both("Mức", "Severity"), properties=shown)


def _subject() -> Column:
    url = "/d/oxywatch-tank?var-tank=${__value.raw}&${__url_time_range}"
    link = {"title": both("Mở bồn", "Open the tank"), "url": url, "targetBlank": False}
    return Column("subject", both("Đối tượng", "Subject"), properties={"links": [link]})


def _acknowledged() -> Column:
    shown = texts.yes_no(
        yes=(both("đã nhận", "taken on"), texts.GREEN), no=(both("chưa", "not yet"), texts.ORANGE)
    )
    return Column("acknowledged", both("Đã nhận", "Taken on"), properties={"mappings": [shown]})


def _code_column(name: str, heading: str, section: str, colours: texts.Colours) -> Column:
    return Column(name, heading, properties={"mappings": [texts.codes(section, colours)]})


def _absent(shown: str) -> dict[str, object]:
    return {"mappings": [texts.absent(shown)]}
