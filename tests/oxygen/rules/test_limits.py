"""Limits: the nearest setting wins, each says where it comes from, and bad ones never stop the watch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from oxygen.errors import Rejected
from oxygen.rules.limits import BUILT_IN, Limits, Origin, Rule, check_params, effective_limits


@dataclass(frozen=True)
class Written:
    """A setting as the records return it."""

    scope_kind: str
    scope_code: str
    params: Mapping[str, Any]
    rule: str = "low_stock"
    version: int = 1
    other: str = field(default="ignored")


def effective(*settings: Written, system: str | None = "cho-lon-main", tank: str = "cho-lon-1") -> Limits:
    return effective_limits(settings, province="hcm", facility="bv-cho-lon", system=system, tank=tank)


def test_without_settings_the_recommended_limits_hold() -> None:
    limits = effective()

    stock = limits.stock
    assert (stock.reorder_percent, stock.urgent_percent, stock.critical_percent) == (30, 20, 10)
    assert (stock.reorder_margin_h, stock.urgent_h, stock.critical_h) == (24, 24, 8)
    assert (stock.hysteresis_percent, stock.hysteresis_h) == (2, 2)
    assert (stock.raise_delay_s, stock.critical_raise_delay_s) == (600, 60)
    assert limits.stale.after_s == 900
    assert limits.fault.raise_delay_s == 60
    assert limits.origin(Rule.LOW_STOCK, "urgent_h") == BUILT_IN
    assert limits.version(Rule.LOW_STOCK) == 0


def test_the_nearest_scope_wins_limit_by_limit_whatever_the_order() -> None:
    limits = effective(
        Written("tank", "cho-lon-1", {"urgent_percent": 26}, version=4),
        Written("default", "", {"urgent_percent": 21, "urgent_h": 30}),
        Written("province", "hcm", {"urgent_percent": 22, "reorder_percent": 35}),
        Written("system", "cho-lon-main", {"urgent_percent": 25, "critical_percent": 12}),
        Written("facility", "bv-cho-lon", {"urgent_percent": 24, "critical_percent": 13}),
    )

    assert (limits.stock.urgent_percent, limits.stock.critical_percent) == (26, 12)
    assert (limits.stock.reorder_percent, limits.stock.urgent_h) == (35, 30)
    assert limits.origin(Rule.LOW_STOCK, "urgent_percent") == Origin("tank", "cho-lon-1", 4)
    assert limits.origin(Rule.LOW_STOCK, "critical_percent") == Origin("system", "cho-lon-main", 1)


def test_settings_of_other_tanks_do_not_apply() -> None:
    limits = effective(
        Written("tank", "cho-lon-2", {"urgent_percent": 99}),
        Written("system", "", {"urgent_percent": 98}),
        system=None,
    )

    assert limits == Limits(versions=dict.fromkeys(Rule, 0))


def test_the_version_grows_with_every_setting_that_applies() -> None:
    province = Written("province", "hcm", {"urgent_h": 20}, version=2)
    tank = Written("tank", "cho-lon-1", {"urgent_h": 22}, version=1)

    versions = [effective(*rows).version(Rule.LOW_STOCK) for rows in ([], [province], [province, tank])]

    assert versions == [0, 2, 3]


@pytest.mark.parametrize(
    ("rule", "params"),
    [
        ("low_stock", {"urgent_percent": "many"}),
        ("low_stock", {"urgent_percent": 140}),
        ("low_stock", {"urgent_percent": True}),
        ("low_stock", {"urgnet_percent": 20}),
        ("stale_data", {"after_s": 0}),
        ("no_such_rule", {"after_s": 10}),
    ],
)
def test_a_setting_that_cannot_be_read_is_refused_by_name_and_left_out_when_stored(
    rule: str, params: dict[str, Any]
) -> None:
    with pytest.raises(Rejected) as refused:
        check_params(rule, params)
    limits = effective(Written("tank", "cho-lon-1", {**params}, rule=rule))

    assert refused.value.params["key"] == next(iter(params))
    assert limits.stock == effective().stock
    assert limits.stale == effective().stale
    assert next(iter(params)) in limits.problems[0]
