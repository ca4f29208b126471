"""What has to stand in the records before the programs of `oxywatch run` are of use."""

from __future__ import annotations

import secrets

from firmware_sim.scenario import Scenario
from oxywatch.demo.registry import demo_registry, hospitals
from records import identity, messages
from records import registry as registry_records
from records.database import Database, Transaction

ACTOR = "oxywatch run"
MAIL_ADDRESS = "truc-oxy@localhost"

HASTENED_RULES: dict[str, dict[str, float]] = {
    "low_stock": {"raise_delay_s": 30, "critical_raise_delay_s": 15, "clear_delay_s": 60},
    "stale_data": {"after_s": 90, "raise_delay_s": 0, "clear_delay_s": 15},
    "sensor_fault": {"raise_delay_s": 20, "clear_delay_s": 30},
}
"""Limits for the simulated province, in which a story of days is told in minutes."""


async def prepare_records(database: Database, scenario: Scenario, now_us: int) -> str | None:
    """Register the simulated hospitals, somebody to alarm, and an administrator.

    Returns:
        The administrator's one-time password; None when the administrator has chosen a password already.
    """
    await database.migrate()
    password = secrets.token_urlsafe(12)
    async with database.write() as tx:
        await register_hospitals(tx, scenario, now_us)
        fresh = await identity.ensure_administrator(tx, password=password, now_us=now_us)
    return password if fresh else None


async def register_hospitals(tx: Transaction, scenario: Scenario, now_us: int) -> None:
    """Register the simulated hospitals and somebody to alarm, where there is nobody yet."""
    if not (await registry_records.registry(tx)).facilities:
        await registry_records.import_registry(
            tx, demo_registry(scenario, hospitals()), actor=ACTOR, now_us=now_us
        )
        await _hasten_rules(tx, now_us)
    if not await messages.contacts(tx):
        contact = messages.Contact(
            name="Trực oxy (hộp thư mô phỏng)", channel="email", address=MAIL_ADDRESS, locale="vi"
        )
        await messages.put_contact(tx, contact, actor=ACTOR, now_us=now_us)


async def _hasten_rules(tx: Transaction, now_us: int) -> None:
    for rule, params in HASTENED_RULES.items():
        await registry_records.put_rule_setting(
            tx,
            rule=rule,
            scope_kind="province",
            scope_code=hospitals().shard,
            params=params,
            actor=ACTOR,
            now_us=now_us,
        )
