"""What is committed is what is built, and every panel says what it shows and in which unit."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from grafana.build import build, contents
from grafana.provisioning import ENVIRONMENT
from grafana.sources import INFLUX, RECORDS
from tests.grafana.dashboards import Json, dashboards, panels, strings, targets, variables

PANELS = dict(panels())
PRESENT = {name: panel for name, panel in PANELS.items() if panel["type"] in {"stat", "table"}}
VIETNAMESE = re.compile(
    r"[àáảãạăâằắẳẵặầấẩẫậèéẻẽẹêềếểễệìíỉĩịòóỏõọôồốổỗộơờớởỡợùúủũụưừứửữựỳýỷỹỵđ]", re.IGNORECASE
)
# Grafana's units: ids of its list, or the project's own after "suffix:".
UNITS = {"none", "short", "percent", "s", "bytes", "dateTimeFromNow", "dateTimeAsIso"}


def test_the_committed_files_are_current(repository: Path) -> None:
    """After a change of a panel: `oxywatch grafana build`, and commit deploy/grafana with it."""
    folder = repository / "deploy" / "grafana"
    committed = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    made = contents()

    assert committed == set(made)
    assert [name for name in made if (folder / name).read_text(encoding="utf-8") != made[name]] == []


def test_building_writes_every_file_and_removes_a_dashboard_no_longer_made(tmp_path: Path) -> None:
    """A dashboard that was taken out would otherwise stay in Grafana for ever; other people's stay."""
    old, foreign = tmp_path / "dashboards" / "oxywatch-old.json", tmp_path / "dashboards" / "hospital.json"
    old.parent.mkdir()
    old.write_text("{}")
    foreign.write_text("{}")

    written = build(tmp_path)

    assert {path.relative_to(tmp_path).as_posix() for path in written} == set(contents())
    assert all(path.stat().st_size > 0 for path in written)
    assert not old.exists()
    assert foreign.exists()


def test_uids_are_unique_and_files_named_after_them() -> None:
    made = [json.loads(text) for name, text in contents().items() if name.endswith(".json")]
    assert len({dashboard["uid"] for dashboard in made}) == len(made) == 6
    assert all(f"dashboards/{dashboard['uid']}.json" in contents() for dashboard in made)


@pytest.mark.parametrize("uid", dashboards())
def test_panels_have_ids_of_their_own_and_do_not_overlap(uid: str) -> None:
    """Two panels on one place would be pushed about by Grafana."""
    listed = dashboards()[uid]["panels"]
    taken: set[tuple[int, int]] = set()
    for panel in listed:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken
        assert place["x"] + place["w"] <= 24
        taken |= cells
    assert len({panel["id"] for panel in listed}) == len(listed)


@pytest.mark.parametrize(("name", "panel"), PANELS.items(), ids=PANELS)
def test_every_panel_says_what_it_shows_in_both_languages(name: str, panel: Json) -> None:
    """Title and description in Vietnamese and English, and a unit on every panel and column."""
    assert " / " in panel["title"]
    assert VIETNAMESE.search(panel["description"].split("\n\n")[0])
    assert len(panel["description"].split("\n\n")) == 2
    units = [panel["fieldConfig"]["defaults"]["unit"]]
    if panel["type"] == "table":
        by_column = [
            {one["id"]: one["value"] for one in column["properties"]}
            for column in panel["fieldConfig"]["overrides"]
        ]
        assert all(column["displayName"] for column in by_column)
        units += [column["unit"] for column in by_column]
    assert [unit for unit in units if unit not in UNITS and not unit.startswith("suffix:")] == []


@pytest.mark.parametrize(("name", "panel"), PRESENT.items(), ids=PRESENT)
def test_a_present_value_that_is_absent_is_grey_words(name: str, panel: Json) -> None:
    """Null never looks like a number, and never takes the colour of a threshold."""
    defaults = panel["fieldConfig"]["defaults"]
    null = defaults["mappings"][0]
    assert (null["type"], null["options"]["match"]) == ("special", "null")
    assert null["options"]["result"]["color"] == "#8e8e8e"
    assert null["options"]["result"]["text"] == defaults["noValue"]
    assert not re.search(r"\d", defaults["noValue"])


@pytest.mark.parametrize(("name", "panel"), PRESENT.items(), ids=PRESENT)
def test_an_override_of_the_words_keeps_the_grey(name: str, panel: Json) -> None:
    """An override replaces the mappings as a whole; those of columns that may be null begin with null's."""
    may_be_null = {"quality", "reason", "online", "filling", "clock_synchronised", "fresh"}
    for override in panel["fieldConfig"]["overrides"]:
        if override["matcher"]["options"] not in may_be_null:
            continue
        mappings = next(one["value"] for one in override["properties"] if one["id"] == "mappings")
        assert mappings[0]["options"]["match"] == "null"
        assert mappings[0]["options"]["result"]["color"] == "#8e8e8e"


@pytest.mark.parametrize(("name", "panel"), PRESENT.items(), ids=PRESENT)
def test_coloured_words_can_be_read(name: str, panel: Json) -> None:
    """Transparent is for backgrounds; as the colour of letters it would hide them."""
    for override in panel["fieldConfig"]["overrides"]:
        set_to = {one["id"]: one["value"] for one in override["properties"]}
        if set_to.get("custom.cellOptions", {}).get("type") == "color-text":
            assert "transparent" not in set(strings(set_to))


def test_present_values_are_the_last_even_when_that_is_missing() -> None:
    """Grafana's usual `lastNotNull` would look for an older value."""
    calcs = {
        calc
        for panel in PANELS.values()
        for calc in panel["options"].get("reduceOptions", {}).get("calcs", [])
    }
    assert calcs == {"last"}


def test_present_values_do_not_depend_on_the_time_range_shown() -> None:
    """Somebody who looks at last month must not take its values for today's."""
    influx = [
        target["query"]
        for panel in PRESENT.values()
        for target in panel["targets"]
        if target["datasource"] == INFLUX
    ]
    assert influx
    assert [query for query in influx if "$timeFilter" in query or "time > now() - " not in query] == []


def test_no_query_asks_for_smoothed_contents() -> None:
    """They go on with the last trusted value when the level is lost."""
    assert [name for name, target in targets() if "smoothed_kg" in target.get("query", "")] == []


def test_links_between_dashboards_lead_somewhere() -> None:
    """Every /d/UID is a dashboard that is built, and every variable a link sets exists there."""
    for dashboard in dashboards().values():
        for text in strings(dashboard):
            for uid in re.findall(r"/d/([\w-]+)", text):
                names = {variable["name"] for variable in dashboards()[uid]["templating"]["list"]}
                assert set(re.findall(r"var-(\w+)=", text)) <= names


def test_every_dashboard_links_to_all_the_others() -> None:
    for uid, dashboard in dashboards().items():
        assert {link["url"] for link in dashboard["links"]} == {
            f"/d/{one}" for one in dashboards() if one != uid
        }


def test_queries_use_only_variables_that_the_dashboard_has() -> None:
    for uid, dashboard in dashboards().items():
        names = {variable["name"] for variable in dashboard["templating"]["list"]}
        used = {name for text in strings(dashboard["panels"]) for name in re.findall(r"\$\{(\w+):", text)}
        assert used <= names, uid


def test_every_panel_and_variable_names_a_provisioned_source() -> None:
    text = contents()["provisioning/datasources/oxywatch.yaml"]
    provisioned = {(one["type"], one["uid"]) for one in yaml.safe_load(text)["datasources"]}
    named = [panel["datasource"] for panel in PANELS.values()]
    named += [target["datasource"] for _, target in targets()]
    named += [variable["datasource"] for _, variable in variables()]

    assert provisioned == {(INFLUX["type"], INFLUX["uid"]), (RECORDS["type"], RECORDS["uid"])}
    assert {(one["type"], one["uid"]) for one in named} == provisioned


def test_provisioning_holds_no_secret_and_lists_its_environment() -> None:
    """Secrets, accounts and addresses come from Grafana's environment."""
    text = contents()["provisioning/datasources/oxywatch.yaml"]
    assert set(re.findall(r"\$__env\{(\w+)\}", text)) == set(ENVIRONMENT)
    for source in yaml.safe_load(text)["datasources"]:
        assert all("$__env{" in value for value in source["secureJsonData"].values())
        assert source["url"].startswith("$__env{")


def test_provisioned_dashboards_cannot_be_changed_in_grafana() -> None:
    """Otherwise the files and what people see would drift apart."""
    (provider,) = yaml.safe_load(contents()["provisioning/dashboards/oxywatch.yaml"])["providers"]
    assert provider["allowUiUpdates"] is False
    assert provider["options"]["path"] == "/etc/grafana/dashboards"
