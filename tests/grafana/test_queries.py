"""Every query is answered by the store it names, and no answer shows a stale value as a present one."""

from __future__ import annotations

from typing import Any

import asyncpg
import pytest

from grafana import tank_queries
from grafana.limits import FRESH, HEARD
from tests.grafana import demo
from tests.grafana.asking import ALL, Asker, Rows
from tests.grafana.dashboards import Json, dashboards, panels, targets, variables

TARGETS = dict(targets())
VARIABLES = dict(variables())
# One hospital and one tank that have everything, a delivery included; everything where all can be chosen.
CHOSEN = {"facility": "bv-cho-lon", "tank": demo.REFILLED, "gateway": ALL, "instance": ALL}
EVERYWHERE = {"facility": ALL}
# What is rightly empty in the demo.
SOMETIMES_ABSENT = {"acknowledged_by", "newest_sent_at", "seconds_open", "seconds_to_acknowledge"}


def since(name: str) -> str:
    """Return the time range that a target's dashboard opens with."""
    return str(dashboards()[name.split("/", 1)[0]]["time"]["from"])


def chosen_for(name: str) -> dict[str, str]:
    """Return values for the variables of a target's dashboard: all where it offers all."""
    listed = dashboards()[name.split("/", 1)[0]]["templating"]["list"]
    return {one["name"]: ALL if one["includeAll"] else CHOSEN[one["name"]] for one in listed}


def columns_with_values(rows: Rows) -> set[str]:
    return {key for row in rows for key, value in row.items() if value is not None}


def target_of(panel_title: str, uid: str, ref_id: str = "A") -> Json:
    """Return a panel's query by the English half of its title."""
    found = [panel for name, panel in panels() if name.startswith(uid) and panel_title in panel["title"]]
    assert len(found) == 1, panel_title
    return next(target for target in found[0]["targets"] if target["refId"] == ref_id)


def by_subject(rows: Rows) -> dict[str, dict[str, Any]]:
    return {row["subject"]: row for row in rows}


@pytest.mark.parametrize(("name", "target"), TARGETS.items(), ids=TARGETS)
async def test_every_query_returns_rows(asker: Asker, name: str, target: Json) -> None:
    """A column without any value would be a misspelt field, which InfluxQL answers with nulls."""
    rows = await asker.ask(target, since(name), chosen_for(name))

    assert rows
    assert {key for row in rows for key in row} - columns_with_values(rows) - SOMETIMES_ABSENT == set()


@pytest.mark.parametrize(("name", "target"), TARGETS.items(), ids=TARGETS)
async def test_every_query_narrows_to_what_is_chosen(asker: Asker, name: str, target: Json) -> None:
    """With one value of each variable the answer speaks of nothing else."""
    chosen = CHOSEN | {"gateway": "gw-cho-lon", "instance": "ingest-1"}
    rows = await asker.ask(target, since(name), chosen)

    assert {row["facility"] for row in rows if "facility" in row} <= {"bv-cho-lon"}
    assert {row["gateway"] for row in rows if "gateway" in row} <= {"gw-cho-lon"}
    tanks = {tank.subject for tank in demo.TANKS if tank.facility == "bv-cho-lon"}
    assert {row["subject"] for row in rows if "subject" in row} <= tanks


@pytest.mark.parametrize(("name", "variable"), VARIABLES.items(), ids=VARIABLES)
async def test_every_variable_offers_values(asker: Asker, name: str, variable: Json) -> None:
    """And exactly the demo's codes."""
    everything = dict.fromkeys(("facility", "tank", "gateway", "instance"), ALL)
    if variable["datasource"]["type"] == "influxdb":
        values = {row["value"] for row in asker.influxql(variable["query"], chosen=everything)}
    else:
        values = {row["__value"] for row in await asker.sql(variable["query"], chosen=everything)}

    assert values == {
        "facility": {tank.facility for tank in demo.TANKS},
        "tank": {tank.subject for tank in demo.TANKS},
        "gateway": {tank.gateway for tank in demo.TANKS},
        "instance": {"ingest-1"},
    }[variable["name"]]  # fmt: skip


def test_the_tanks_on_offer_are_those_of_the_hospital(asker: Asker) -> None:
    """Choosing a hospital leaves its own tanks."""
    query = VARIABLES["oxywatch-tank/$tank"]["query"]
    offered = {row["value"] for row in asker.influxql(query, chosen={"facility": "bv-thu-duc"})}
    assert offered == {"tank:thu-duc-1"}


async def test_a_silent_tank_keeps_its_age_and_loses_its_figures(asker: Asker) -> None:
    """It is known, with the time of its last reading, and absent from the fresh answer: null once joined."""
    table = "State of the tanks"
    known = by_subject(await asker.ask(target_of(table, "oxywatch-fleet", "known"), "now-24h", EVERYWHERE))
    fresh = by_subject(await asker.ask(target_of(table, "oxywatch-fleet", "fresh"), "now-24h", EVERYWHERE))

    assert set(known) == {tank.subject for tank in demo.TANKS}
    assert set(known) - set(fresh) == {demo.SILENT}


async def test_a_broken_wire_leaves_no_contents_though_minutes_ago_there_were(asker: Asker) -> None:
    """The newest point alone counts; a plain last() over the same minutes would bring an old value back."""
    target = target_of("State of the tanks", "oxywatch-fleet", "fresh")
    row = by_subject(await asker.ask(target, "now-24h", EVERYWHERE))[demo.BROKEN]

    assert row["quality"] == "bad"
    assert row["reason"] == "wire_break"
    assert row["fill_percent"] is None
    assert row["mass_kg"] is None
    naive = f'SELECT last("fill_percent") FROM "derived" WHERE "subject" = \'{demo.BROKEN}\''
    assert asker.influxql(f"{naive} AND time > now() - 15m")[0]["last"] > 50


@pytest.mark.parametrize(
    "column", ["fill_percent", "hours_to_empty_p10", "mass_kg", "draw_kg_per_h", "pressure"]
)
async def test_a_silent_tanks_own_page_shows_no_present_figure(asker: Asker, column: str) -> None:
    """Each present figure's query comes back empty, which the panel shows in grey words."""
    queries = [
        panel["targets"][0]
        for name, panel in panels()
        if name.startswith("oxywatch-tank/") and panel["type"] == "stat" and column in str(panel["targets"])
    ]
    assert len(queries) == 1
    assert await asker.ask(queries[0], "now-7d", {"tank": demo.SILENT}) == []


async def test_a_silent_tanks_own_page_tells_when_it_was_read(asker: Asker) -> None:
    rows = await asker.ask(target_of("Last read", "oxywatch-tank"), "now-7d", {"tank": demo.SILENT})
    assert len(rows) == 1


async def test_tanks_are_counted_as_known_fresh_and_silent(asker: Asker) -> None:
    """Six are known, and one of them is silent."""
    (row,) = await asker.ask(target_of("Silent tanks", "oxywatch-fleet"), "now-24h", EVERYWHERE)
    assert (row["known"], row["fresh"], row["silent"]) == (6, 5, 1)


@pytest.mark.parametrize("uid", ["oxywatch-fleet", "oxywatch-facility"])
async def test_when_every_tank_is_silent_all_are_counted_silent(asker: Asker, uid: str) -> None:
    """Nothing fresh at all must not read as nothing silent."""
    target = target_of("Silent tanks", uid)
    nothing_is_fresh = {**target, "query": target["query"].replace(f"- {FRESH}", "+ 1h")}
    (row,) = await asker.ask(nothing_is_fresh, "now-24h", EVERYWHERE)
    assert (row["known"], row["fresh"], row["silent"]) == (6, 0, 6)


@pytest.mark.parametrize(
    ("title", "uid", "window", "key"),
    [
        ("State of the tanks", "oxywatch-fleet", FRESH, "subject"),
        ("State of the gateways", "oxywatch-gateways", HEARD, "gateway"),
    ],
)
async def test_every_row_of_a_table_knows_whether_it_is_fresh(
    asker: Asker, title: str, uid: str, window: str, key: str
) -> None:
    """The column that greys a row has a number for each, also when nothing is fresh."""
    target = target_of(title, uid, "presence")
    chosen = {"facility": ALL, "gateway": ALL}
    nothing_is_fresh = {**target, "query": target["query"].replace(f"- {window}", "+ 1h")}
    known = {row[key] for row in await asker.ask(target_of(title, uid, "known"), "now-24h", chosen)}

    now = {row[key]: row["fresh"] for row in await asker.ask(target, "now-24h", chosen)}
    silent = {row[key]: row["fresh"] for row in await asker.ask(nothing_is_fresh, "now-24h", chosen)}

    assert set(now) == set(silent) == known
    assert {name for name, fresh in now.items() if fresh == 0} == (
        {demo.SILENT} if key == "subject" else set()
    )
    assert set(silent.values()) == {0}


async def test_an_offline_gateway_shows_nothing_it_said_before(asker: Asker) -> None:
    """Its last will carries zeros; they must not be read as an empty spool."""
    chosen = {"facility": ALL, "gateway": ALL}
    here = await asker.ask(target_of("State of the gateways", "oxywatch-gateways", "now"), "now-24h", chosen)
    young = await asker.ask(
        target_of("State of the gateways", "oxywatch-gateways", "young"), "now-24h", chosen
    )

    assert {row["gateway"]: row["online"] for row in here}[demo.OFFLINE] is False
    assert {row["gateway"] for row in here} - {row["gateway"] for row in young} == {demo.OFFLINE}


async def test_a_last_wills_zeros_are_not_shown_as_an_empty_spool(asker: Asker) -> None:
    """Just after the loss, too: the figures are its last word while online, gone within a minute."""
    chosen = {"facility": ALL, "gateway": demo.JUST_OFFLINE}
    here = await asker.ask(target_of("State of the gateways", "oxywatch-gateways", "now"), "now-24h", chosen)
    young = await asker.ask(
        target_of("State of the gateways", "oxywatch-gateways", "young"), "now-24h", chosen
    )

    assert [row["online"] for row in here] == [False]
    assert [row["spool_rows"] for row in young if row["spool_rows"] < 3] == []


async def test_a_delivery_is_found_with_its_amount(asker: Asker) -> None:
    """Within what the tank gives off while it is being filled."""
    rows = await asker.ask(target_of("Delivered per day", "oxywatch-tank"), "now-7d", {"tank": demo.REFILLED})
    assert sum(row["kg"] for row in rows if row["kg"]) == pytest.approx(demo.DELIVERED_KG, rel=0.12)


def test_a_curve_has_a_gap_where_nothing_was_measured(asker: Asker) -> None:
    """Empty steps come back as null, not left out, so that the line is broken there."""
    query = tank_queries.over_time('mean("fill_percent")', f"\"subject\" = '{demo.SILENT}'")
    values = [row["mean"] for row in asker.influxql(query, "now-1h")]
    assert values[-30:] == [None] * 30
    assert any(value is not None for value in values)


async def test_open_alarms_are_counted_by_severity(asker: Asker) -> None:
    """Cleared and late ones do not count; none is 0."""
    rows = await asker.ask(target_of("Open alarms", "oxywatch-alarms"), "now-30d", EVERYWHERE)
    assert rows == [{"critical": 0, "urgent": 1, "reorder": 0, "warning": 2}]


async def test_messages_that_did_not_arrive_are_counted(asker: Asker) -> None:
    row = (await asker.ask(target_of("Messages not delivered", "oxywatch-alarms"), "now-30d", EVERYWHERE))[0]
    assert (row["failed"], row["given_up"], row["waiting"]) == (1, 1, 2)


@pytest.mark.parametrize(
    "statement", ["SELECT * FROM alarm", "SELECT * FROM account", "SELECT address FROM outbox"]
)
async def test_grafanas_role_reads_the_views_alone(asker: Asker, statement: str) -> None:
    """Accounts, contacts and secrets are out of its reach."""
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await asker.sql(statement)


async def test_grafanas_role_changes_nothing(asker: Asker) -> None:
    with pytest.raises(asyncpg.PostgresError):
        await asker.sql("DELETE FROM grafana_alarm")
