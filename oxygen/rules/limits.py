"""Limits of the rules, and which of several settings holds for a tank: the nearest wins.

Settings are rows that people write for a scope; each names only what it changes. Defaults: `defaults.toml`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from importlib import resources
from typing import Annotated, Any, Protocol, TypeVar

import msgspec
from msgspec import Meta

from oxygen.errors import Rejected
from oxygen.rules.severity import Severity

_DEFAULTS: Mapping[str, Mapping[str, float]] = tomllib.loads(
    resources.files(__package__).joinpath("defaults.toml").read_text(encoding="utf-8")
)

Percent = Annotated[float, Meta(ge=0, le=100)]
Hours = Annotated[float, Meta(ge=0, le=24 * 365)]
Seconds = Annotated[float, Meta(ge=0, le=7 * 86_400)]
PositiveSeconds = Annotated[float, Meta(gt=0, le=7 * 86_400)]


class Rule(StrEnum):
    """What is watched; one alarm per subject and rule can be open."""

    LOW_STOCK = "low_stock"
    STALE_DATA = "stale_data"
    SENSOR_FAULT = "sensor_fault"


class StockLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When contents are low.

    Attributes:
        reorder_percent, urgent_percent, critical_percent: Fill percent at or below which the level holds.
        hysteresis_percent: How far above its limit a raised level is left.
        reorder_margin_h: Added to the supplier's lead time; together the hours for `reorder`.
        urgent_h, critical_h: Hours to empty (p10) at or below which the level holds.
        hysteresis_h: As hysteresis_percent, for the hours.
        raise_delay_s: How long a level must hold before the alarm is raised or worsened to it.
        critical_raise_delay_s: The same for `critical`.
        clear_delay_s: How long a level must be left before the alarm improves or clears.
    """

    reorder_percent: Percent = _DEFAULTS["low_stock"]["reorder_percent"]
    urgent_percent: Percent = _DEFAULTS["low_stock"]["urgent_percent"]
    critical_percent: Percent = _DEFAULTS["low_stock"]["critical_percent"]
    hysteresis_percent: Percent = _DEFAULTS["low_stock"]["hysteresis_percent"]
    reorder_margin_h: Hours = _DEFAULTS["low_stock"]["reorder_margin_h"]
    urgent_h: Hours = _DEFAULTS["low_stock"]["urgent_h"]
    critical_h: Hours = _DEFAULTS["low_stock"]["critical_h"]
    hysteresis_h: Hours = _DEFAULTS["low_stock"]["hysteresis_h"]
    raise_delay_s: Seconds = _DEFAULTS["low_stock"]["raise_delay_s"]
    critical_raise_delay_s: Seconds = _DEFAULTS["low_stock"]["critical_raise_delay_s"]
    clear_delay_s: Seconds = _DEFAULTS["low_stock"]["clear_delay_s"]

    def delay_s(self, severity: Severity) -> float:
        """Return the raise delay of one severity, s."""
        return self.critical_raise_delay_s if severity is Severity.CRITICAL else self.raise_delay_s


class StaleLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a subject has been silent too long.

    Attributes:
        after_s: Age of the newest reading, by the server's clock, from which it counts as silent.
        raise_delay_s, clear_delay_s: As in StockLimits.
    """

    after_s: PositiveSeconds = _DEFAULTS["stale_data"]["after_s"]
    raise_delay_s: Seconds = _DEFAULTS["stale_data"]["raise_delay_s"]
    clear_delay_s: Seconds = _DEFAULTS["stale_data"]["clear_delay_s"]

    def delay_s(self, severity: Severity) -> float:
        """Return the raise delay, s."""
        return self.raise_delay_s


class FaultLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a faulty sensor is reported; attributes as in StockLimits."""

    raise_delay_s: Seconds = _DEFAULTS["sensor_fault"]["raise_delay_s"]
    clear_delay_s: Seconds = _DEFAULTS["sensor_fault"]["clear_delay_s"]

    def delay_s(self, severity: Severity) -> float:
        """Return the raise delay, s."""
        return self.raise_delay_s


RuleLimits = StockLimits | StaleLimits | FaultLimits
SHAPES: Mapping[Rule, type[RuleLimits]] = {
    Rule.LOW_STOCK: StockLimits,
    Rule.STALE_DATA: StaleLimits,
    Rule.SENSOR_FAULT: FaultLimits,
}

SCOPES = ("default", "province", "facility", "system", "tank")
"""Kinds of scope, from the farthest to the nearest."""


class Setting(Protocol):
    """A row that somebody wrote: what a rule's limits are for a scope; rows of `records` fit."""

    @property
    def rule(self) -> str:
        """One of Rule."""

    @property
    def scope_kind(self) -> str:
        """One of SCOPES."""

    @property
    def scope_code(self) -> str:
        """Code of the province, facility, system or tank; empty for the default."""

    @property
    def params(self) -> Mapping[str, Any]:
        """The limits that it changes, by attribute name."""

    @property
    def version(self) -> int:
        """Counts the rows of this rule and scope, from 1."""


class Origin(msgspec.Struct, frozen=True):
    """Where a limit comes from; version 0 is the built-in default."""

    scope_kind: str
    scope_code: str
    version: int


BUILT_IN = Origin("built-in", "", 0)


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that holds for one tank.

    Attributes:
        stock, stale, fault: The limits themselves.
        origins: By `rule.limit`, where each comes from; built-in when absent.
        versions: By rule: how many times a setting that applies here was written. It grows with each change.
        problems: Settings that were left out because they cannot be read; a person has to mend them.
    """

    stock: StockLimits = StockLimits()
    stale: StaleLimits = StaleLimits()
    fault: FaultLimits = FaultLimits()
    origins: Mapping[str, Origin] = {}
    versions: Mapping[str, int] = {}
    problems: tuple[str, ...] = ()

    def of(self, rule: Rule) -> RuleLimits:
        """Return one rule's limits."""
        if rule is Rule.LOW_STOCK:
            return self.stock
        return self.stale if rule is Rule.STALE_DATA else self.fault

    def version(self, rule: Rule) -> int:
        """Return a rule's version here; 0 when nobody has set anything."""
        return self.versions.get(rule, 0)

    def origin(self, rule: Rule, limit: str) -> Origin:
        """Return where one limit comes from."""
        return self.origins.get(f"{rule}.{limit}", BUILT_IN)


def check_params(rule: str, params: Mapping[str, Any]) -> None:
    """Accept the parameters of a setting, or raise Rejected naming the limit and what was expected."""
    for key, value in params.items():
        _checked(rule, key, value)


def _checked(rule: str, key: str, value: object) -> object:
    try:
        shape = SHAPES[Rule(rule)]
        if isinstance(value, bool):
            raise msgspec.ValidationError("Expected `float`, got `bool`")
        return getattr(msgspec.convert({key: value}, shape), key)
    except (ValueError, msgspec.ValidationError) as error:
        raise Rejected(
            f"limit {rule}.{key} = {value!r}: {error}",
            code="bad_rule_setting",
            rule=rule,
            key=key,
            found=repr(value),
            detail=str(error),
        ) from error


def effective_limits(
    settings: Sequence[Setting], *, province: str | None, facility: str, system: str | None, tank: str
) -> Limits:
    """Return the limits that hold for a tank, each with where it comes from.

    Args:
        settings: The newest row per rule and scope, in any order; rows of other scopes are passed over.
        province, facility, system, tank: Codes of the tank's scopes; None when it has none.
    """
    codes = {"default": "", "province": province, "facility": facility, "system": system, "tank": tank}
    applying = [
        setting
        for scope in SCOPES
        for setting in settings
        if setting.scope_kind == scope
        and codes[scope] is not None
        and (setting.scope_code or "") == codes[scope]
    ]
    values: dict[str, dict[str, object]] = {rule: {} for rule in Rule}
    origins: dict[str, Origin] = {}
    problems: list[str] = []
    for setting, key, value in _changes(applying):
        try:
            values.setdefault(setting.rule, {})[key] = _checked(setting.rule, key, value)
        except Rejected as error:
            problems.append(str(error))
            continue
        origins[f"{setting.rule}.{key}"] = Origin(
            setting.scope_kind, setting.scope_code or "", setting.version
        )
    return Limits(
        stock=_made(StockLimits, values[Rule.LOW_STOCK]),
        stale=_made(StaleLimits, values[Rule.STALE_DATA]),
        fault=_made(FaultLimits, values[Rule.SENSOR_FAULT]),
        origins=origins,
        versions={rule: sum(item.version for item in applying if item.rule == rule) for rule in Rule},
        problems=tuple(problems),
    )


def _changes(settings: Iterable[Setting]) -> Iterator[tuple[Setting, str, object]]:
    for setting in settings:
        for key, value in setting.params.items():
            yield setting, key, value


L = TypeVar("L", bound=msgspec.Struct)


def _made(shape: type[L], values: Mapping[str, object]) -> L:
    return msgspec.convert(dict(values), shape)
