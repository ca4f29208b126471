"""A few alarms and messages, written through the records' own services."""

from __future__ import annotations

from oxygen.units import US_PER_DAY, US_PER_S
from records import alarms, messages, registry
from records.database import Database, Transaction
from records.messages import OutboxItem
from records.registry import Facility

FACILITIES = {
    "bv-cho-lon": ("Bệnh viện Chợ Lớn (mô phỏng)", "Cho Lon Hospital (simulated)"),
    "bv-binh-thanh": ("Bệnh viện Bình Thạnh (mô phỏng)", "Binh Thanh Hospital (simulated)"),
    "bv-thu-duc": ("Bệnh viện Thủ Đức (mô phỏng)", "Thu Duc Hospital (simulated)"),
    "bv-can-gio": ("Bệnh viện Cần Giờ (mô phỏng)", "Can Gio Hospital (simulated)"),
}
HOUR_US = 3600 * US_PER_S


async def fill(url: str, now_us: int) -> None:
    """Migrate the database and write the demo's alarms and messages."""
    database = Database(url)
    await database.migrate()
    async with database.write() as tx:
        for code, (vietnamese, english) in FACILITIES.items():
            facility = Facility(code, vietnamese, english, "hcm", simulated=True)
            await registry.put_facility(tx, facility, actor="test", now_us=now_us)
        await _alarms(tx, now_us)
        await _messages(tx, now_us)
    await database.close()


async def _alarms(tx: Transaction, now_us: int) -> None:
    await _open(tx, "tank:binh-thanh-1", "bv-binh-thanh", "low_stock", "urgent", now_us - 2 * HOUR_US)
    await _open(tx, "tank:thu-duc-1", "bv-thu-duc", "stale_data", "warning", now_us - HOUR_US // 2)
    fault = await _open(tx, "tank:can-gio-1", "bv-can-gio", "sensor_fault", "warning", now_us - HOUR_US)
    await alarms.acknowledge(tx, fault, actor="lan", now_us=now_us - HOUR_US // 2)
    past = await _open(tx, "tank:cho-lon-1", "bv-cho-lon", "low_stock", "reorder", now_us - 3 * US_PER_DAY)
    await alarms.acknowledge(tx, past, actor="minh", now_us=now_us - 3 * US_PER_DAY + HOUR_US)
    await alarms.clear_alarm(tx, past, at_us=now_us - 2 * US_PER_DAY, params={})
    await alarms.log_late_alarm(
        tx,
        subject="tank:cho-lon-2",
        facility="bv-cho-lon",
        rule="low_stock",
        rule_version=1,
        severity="reorder",
        raised_us=now_us - 5 * US_PER_DAY,
        cleared_us=None,
        params={},
        at_us=now_us,
    )


async def _open(tx: Transaction, subject: str, facility: str, rule: str, severity: str, at_us: int) -> int:
    raised = await alarms.open_alarm(
        tx,
        subject=subject,
        facility=facility,
        rule=rule,
        rule_version=1,
        severity=severity,
        at_us=at_us,
        params={},
    )
    return raised.id


async def _messages(tx: Transaction, now_us: int) -> None:
    """Leave one message sent, one failed, one given up and one waiting."""
    items = [
        OutboxItem(f"m{i}", "email", f"{i}@example.org", "vi", "alarm_raised", {}, now_us - HOUR_US)
        for i in range(3)
    ]
    await messages.enqueue(tx, items)
    sent, failed, given_up = await messages.claim_due(tx, "w", now_us, 10, 0)
    await messages.mark_sent(tx, sent.id, "250 OK", now_us=now_us)
    await messages.mark_failed(tx, failed.id, "mail_unreachable", now_us + HOUR_US)
    await messages.mark_failed(tx, given_up.id, "mail_refused", now_us, give_up=True)
    waiting = OutboxItem("m3", "webhook", "https://example.org", "vi", "alarm_raised", {}, now_us)
    await messages.enqueue(tx, [waiting])
