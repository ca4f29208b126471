"""docs/operations.md tells every setting there is, as it is."""

from __future__ import annotations

import msgspec
import pytest

from edge_agent import config
from edge_agent.settings import PublishSettings
from tests.deploy.settings_tables import BEGIN, END, PAGE, TABLES, defaults, meanings, written

GATEWAY_TABLES: dict[str, type[msgspec.Struct]] = {
    "[gateway]": config.GatewayTable,
    "[spool]": config.SpoolTable,
    "[poll]": config.PollTable,
    "[publish]": PublishSettings,
    "[[bus]]": config.BusTable,
    "[[tank]]": config.TankTable,
    "dp.": config.SignalTable,
    "pressure.": config.PressureTable,
}


def test_the_tables_of_settings_are_current() -> None:
    """`python -m tests.deploy.settings_tables` writes them anew."""
    page = PAGE.read_text(encoding="utf-8")
    assert BEGIN + page.partition(BEGIN)[2].partition(END)[0] + END == written()


@pytest.mark.parametrize(("name", "settings"), TABLES)
def test_every_setting_is_explained(name: str, settings: type) -> None:
    """In the docstring of its class, where the page takes it from."""
    told = meanings(settings)
    assert [key for key in defaults(settings) if not told.get(key)] == [], name


@pytest.mark.parametrize(("name", "table"), GATEWAY_TABLES.items())
def test_every_key_of_a_gateways_file_is_on_the_page(name: str, table: type[msgspec.Struct]) -> None:
    """Under the name that it has in the file."""
    page = PAGE.read_text(encoding="utf-8")
    section = page.partition("## A gateway at a hospital")[2].partition("## Settings")[0]
    prefix = "" if name.startswith("[") else name
    keys = {field.name for field in msgspec.structs.fields(table)} - {"dp", "pressure"}
    assert keys
    assert {key for key in keys if f"`{prefix}{key}`" not in section} == set()
