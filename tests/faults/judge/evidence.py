"""What the judge reads: the databases, the topics' journal, the providers' journals, and what the campaign was answered."""

import asyncio
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import msgspec
from tests.faults.rig.journal import Journal
from tests.faults.rig.rig import Rig
from tests.faults.rig.topics import Seen, TopicsJournal, is_dead_letter

from gridcare_local.emulators.journal import read_lines

NOTIFIER, REPAIR, BILLING = "outage-notifier", "repair-intake", "billing-gateway"
SERVICES = (NOTIFIER, REPAIR, BILLING)
OF_TOMORROW = "OfTomorrow"
GROUPS = (NOTIFIER, f"{NOTIFIER}-sender", REPAIR, BILLING)

QUERIES: dict[str, tuple[str, str]] = {
    "tickets": (REPAIR, "SELECT ticket_id, version, customer_code, client_ref, state FROM ticket"),
    "known_outages": (REPAIR, "SELECT outage_id, version, ended FROM outage"),
    "bills": (BILLING, "SELECT bill_id, bill_number, customer_code, amount_vnd FROM bill"),
    "payments": (BILLING, "SELECT payment_id, bill_id, order_reference, amount_vnd, state FROM payment"),
    "money": (
        BILLING,
        (
            "SELECT transaction_id, kind, bill_id, payment_id, provider, provider_transaction_number AS number, reason"
            " FROM ledger_transaction"
        ),
    ),
    "entries": (
        BILLING,
        "SELECT e.transaction_id, e.bill_id, e.amount_vnd, a.kind FROM entry e JOIN account a USING (account_id)",
    ),
    "provider_events": (BILLING, "SELECT order_reference, transaction_number, outcome, handled_at FROM provider_event"),
    "outages": (NOTIFIER, "SELECT outage_id, status, revision, version, document FROM outage"),
    "notices": (
        NOTIFIER,
        (
            "SELECT notice_id, outage_id, revision, kind, tag, state, audience, audience_rule, due_at, cause_event_id,"
            " superseded_at, plan_cursor FROM notice"
        ),
    ),
    "deliveries": (
        NOTIFIER,
        (
            "SELECT notice_id, recipient_id, number, state, reason, channel, home_batch_id, next_attempt_at,"
            " follow_up_batch_id FROM delivery"
        ),
    ),
    "batches": (NOTIFIER, "SELECT * FROM batch"),
    "attempts": (
        NOTIFIER,
        "SELECT batch_id, place, try, notice_id, recipient_id, channel, outcome, provider_message_id FROM attempt",
    ),
    "receipts": (NOTIFIER, "SELECT receipt_id FROM receipt WHERE applied_at IS NULL AND apply_at <= received_at"),
    "steps": (NOTIFIER, "SELECT notice_id, recipient_id, was, became, reason FROM faults.step ORDER BY n"),
    "changes": (BILLING, "SELECT what FROM faults.change"),
}
EVERYWHERE = {
    "inbox": "SELECT consumer, event_id FROM inbox",
    "outbox": "SELECT event_id, topic FROM outbox",
    "points": "SELECT supply_point_id, version FROM supply_point",
    "put_aside": "SELECT topic, reason FROM dead_letter",
}


@dataclass
class Evidence:
    """Everything, read once the stack is quiet. Tables are lists of rows, by name; `of` are those that each service has."""

    rig: Rig
    journal: Journal
    records: list[Seen]
    hits: list[str]
    tables: dict[str, list[asyncpg.Record]]
    of: dict[str, dict[str, list[asyncpg.Record]]]
    pushes: list[dict[str, Any]]
    texts: list[dict[str, Any]]
    texts_refused: list[dict[str, Any]]
    callbacks: list[dict[str, Any]]
    moved: list[dict[str, Any]]
    committed: dict[str, dict[Any, int]] = field(default_factory=dict)
    ends: dict[Any, int] = field(default_factory=dict)

    def __getitem__(self, table: str) -> list[asyncpg.Record]:
        return self.tables[table]

    def events(self, topic: str) -> list[Seen]:
        """Return the first record of each event id on a topic, in the order of offsets within a partition."""
        seen: set[str] = set()
        first = []
        for record in self.records:
            if record.type.endswith(OF_TOMORROW):
                continue  # the campaign's own, of a release that is not there yet: nobody made it, nobody applies it
            if record.topic == topic and record.event_id and record.event_id not in seen:
                seen.add(record.event_id)
                first.append(record)
        return first

    @property
    def repeated(self) -> int:
        """How many records repeat an event that was published before."""
        ids = [each.event_id for each in self.records if each.event_id and not is_dead_letter(each.topic)]
        return len(ids) - len(set(ids))

    def figures(self) -> str:
        """Return in a line what was done and what was judged."""
        tally = self.rig.tally
        events = len({each.event_id for each in self.records if each.event_id})
        succeeded = sum(row["state"] == "succeeded" for row in self["payments"])
        return (
            f"{len(self['tickets'])} tickets, {len(self['outages'])} outages, {len(self['deliveries'])} deliveries, "
            f"{len(self.pushes)} pushes, {len(self.texts)} SMS, {succeeded} payments, {events} events, "
            f"{self.repeated} records repeated, {tally.kills.total()} kills"
        )


async def gather(rig: Rig, journal: Journal, topics: TopicsJournal) -> Evidence:
    """Read everything."""
    tables: dict[str, list[asyncpg.Record]] = {}
    of: dict[str, dict[str, list[asyncpg.Record]]] = {}
    for service in SERVICES:
        own = {name: sql for name, (owner, sql) in QUERIES.items() if owner == service}
        every = {name: sql for name, sql in EVERYWHERE.items() if not (name == "points" and service == BILLING)}
        rows = await rig.snapshot(service, own | every)
        tables |= {name: rows[name] for name in own}
        of[service] = {name: rows[name] for name in every}
    ends = await topics.ends()
    return Evidence(
        rig=rig,
        journal=journal,
        records=list(topics.records),
        hits=list(topics.hits),
        tables=tables,
        of=of,
        pushes=lines_of(rig, "fcm", "accepted"),
        texts=lines_of(rig, "twilio", "accepted"),
        texts_refused=lines_of(rig, "twilio", "refused"),
        callbacks=lines_of(rig, "twilio", "callback"),
        moved=_moved(rig),
        committed={group: await offsets_of(rig, group) for group in GROUPS},
        ends=ends,
    )


def lines_of(rig: Rig, provider: str, kind: str) -> list[dict[str, Any]]:
    """Return the lines of a kind in an emulator's journal."""
    path = rig.catalog.emulator_dir(provider) / "journal.jsonl"
    lines: Iterable[dict[str, Any]] = (msgspec.json.decode(line) for line in read_lines(path))
    return [line for line in lines if line["kind"] == kind]


def _moved(rig: Rig) -> list[dict[str, Any]]:
    path = rig.root / "vnpay.jsonl"
    return [line for line in (json.loads(line) for line in read_lines(path)) if line["kind"] == "payment"]


async def offsets_of(rig: Rig, group: str) -> dict[Any, int]:
    """Return what a consumer group has committed, by partition."""
    from aiokafka.admin import AIOKafkaAdminClient  # noqa: PLC0415 - importing it emits warnings

    admin = AIOKafkaAdminClient(bootstrap_servers=f"127.0.0.1:{rig.kafka.port}")
    try:
        async with asyncio.timeout(20):
            await admin.start()
            offsets = await admin.list_consumer_group_offsets(group)
    finally:
        await admin.close()
    return {partition: each.offset for partition, each in offsets.items()}


WITNESSES = {
    NOTIFIER: """
CREATE SCHEMA IF NOT EXISTS faults;
CREATE TABLE IF NOT EXISTS faults.step (
    n bigint GENERATED ALWAYS AS IDENTITY, notice_id uuid, recipient_id text, was text, became text, reason text);
CREATE OR REPLACE FUNCTION faults.note_step() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO faults.step (notice_id, recipient_id, was, became, reason)
    VALUES (NEW.notice_id, NEW.recipient_id, OLD.state, NEW.state, NEW.reason);
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER faults_note_step AFTER UPDATE ON delivery
    FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION faults.note_step();
GRANT USAGE ON SCHEMA faults TO PUBLIC; GRANT SELECT ON faults.step TO PUBLIC;
""",
    BILLING: """
CREATE SCHEMA IF NOT EXISTS faults;
CREATE TABLE IF NOT EXISTS faults.change (n bigint GENERATED ALWAYS AS IDENTITY, what text);
CREATE OR REPLACE FUNCTION faults.note_change() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO faults.change (what) VALUES (TG_OP || ' of ' || TG_TABLE_NAME);
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER faults_note_entry AFTER UPDATE OR DELETE ON entry
    FOR EACH ROW EXECUTE FUNCTION faults.note_change();
CREATE OR REPLACE TRIGGER faults_note_transaction AFTER UPDATE OR DELETE ON ledger_transaction
    FOR EACH ROW EXECUTE FUNCTION faults.note_change();
GRANT USAGE ON SCHEMA faults TO PUBLIC; GRANT SELECT ON faults.change TO PUBLIC;
""",
}
"""Triggers of the campaign's own: every step of a delivery, and every change of what must never change."""


async def call_witnesses(rig: Rig) -> None:
    """Put the campaign's triggers into the databases, as the superuser."""
    for service, script in WITNESSES.items():
        await rig.administer(service, script)
