"""I3, I4, I13, I15: events are published, arrive and keep their order. The topics' journal is the witness: the outbox forgets."""

from collections import defaultdict
from collections.abc import Iterator

import msgspec
from tests.faults.judge.evidence import BILLING, NOTIFIER, REPAIR, Evidence
from tests.faults.rig.topics import Seen

ENDED = ("OutageCancelled", "OutageRestored")
TOLD_TICKETS = ("TicketOpened", "TicketAttached")


def _data(record: Seen) -> dict[str, object]:
    data: dict[str, object] = msgspec.json.decode(record.value or b"{}")
    return data


def _is(record: Seen, *names: str) -> bool:
    return record.type.rpartition(".")[2] in names


def events_are_published(evidence: Evidence) -> Iterator[str]:
    """I3: every change has exactly one event, and nothing stays in an outbox."""
    for service, tables in evidence.of.items():
        if tables["outbox"]:
            yield f"{service}: {len(tables['outbox'])} events stay in the outbox"
    of_ticket: dict[str, list[int]] = defaultdict(list)
    for record in evidence.events("tickets.v1"):
        of_ticket[record.key].append(record.version)
    known = {str(row["ticket_id"]): row["version"] for row in evidence["tickets"]}
    for ticket, version in known.items():
        if sorted(of_ticket[ticket]) != list(range(1, version + 1)):
            yield f"ticket {ticket} is at version {version}, its events are {sorted(of_ticket[ticket])}"
    yield from (f"events of a ticket {ticket} that is not there" for ticket in of_ticket.keys() - known.keys())
    yield from _money_is_published(evidence)
    yield from _outages_are_published(evidence)


def _outages_are_published(evidence: Evidence) -> Iterator[str]:
    newest: dict[str, int] = defaultdict(int)
    for record in evidence.events("outages.v1"):
        newest[record.key] = max(newest[record.key], record.version)
    for row in evidence["outages"]:
        if row["version"] != newest[str(row["outage_id"])]:
            yield f"outage {row['outage_id']} is at version {row['version']}, published is {newest[str(row['outage_id'])]}"
    completed = [record.key for record in evidence.events("notices.v1") if _is(record, "NoticeCompleted")]
    for row in evidence["notices"]:
        count = completed.count(str(row["notice_id"])) if row["state"] == "completed" else 1
        if count != 1:
            yield f"notice {row['notice_id']} is completed and has {count} NoticeCompleted"


def _money_is_published(evidence: Evidence) -> Iterator[str]:
    issued: dict[str, int] = defaultdict(int)
    paid: dict[str, int] = defaultdict(int)
    for record in evidence.events("payments.v1"):
        if _is(record, "BillIssued"):
            issued[str(_data(record)["bill_id"])] += 1
        elif _is(record, "PaymentRecorded"):
            paid[str(_data(record)["payment_id"])] += 1
    for row in evidence["bills"]:
        if (count := issued.pop(str(row["bill_id"]), 0)) != 1:
            yield f"bill {row['bill_id']} has {count} BillIssued"
    yield from (f"BillIssued of a bill {bill} that is not there" for bill in issued)
    recorded: dict[str, int] = defaultdict(int)
    for row in evidence["money"]:
        if row["kind"] in {"payment_recorded", "suspense_released"}:
            recorded[str(row["payment_id"])] += 1
    for payment in recorded.keys() | paid.keys():
        if recorded[payment] != paid[payment]:
            yield f"payment {payment}: {recorded[payment]} movements, {paid[payment]} PaymentRecorded"


def events_arrive(evidence: Evidence) -> Iterator[str]:
    """I4: what was published was applied by each consumer, and nothing was applied that was not published."""
    published = {record.event_id for record in evidence.records}
    for service, tables in evidence.of.items():
        for row in tables["inbox"]:
            if str(row["event_id"]) not in published:
                yield f"{service} applied {row['event_id']}, which is on no topic"
    told = {str(row["cause_event_id"]) for row in evidence["notices"] if row["cause_event_id"]}
    known = {str(row["event_id"]) for row in evidence.of[NOTIFIER]["inbox"]}
    for topic, names in (("tickets.v1", TOLD_TICKETS), ("payments.v1", ("PaymentRecorded",))):
        for record in evidence.events(topic):
            if _is(record, *names) and record.event_id not in told:
                inboxed = "is in the inbox" if record.event_id in known else "was not applied"
                yield f"{record.type} {record.event_id} {inboxed} and has no notice"
    yield from _projections(evidence)


def _projections(evidence: Evidence) -> Iterator[str]:
    last: dict[str, Seen] = {}
    for record in evidence.events("outages.v1"):
        if record.key not in last or record.version >= last[record.key].version:
            last[record.key] = record
    held = {str(row["outage_id"]): (row["version"], row["ended"]) for row in evidence["known_outages"]}
    for outage, record in last.items():
        expected = (record.version, _is(record, *ENDED))
        if held.get(outage) != expected:
            yield f"repair-intake has outage {outage} as {held.get(outage)}, published is {expected}"
    points: dict[str, int] = {}
    for record in evidence.events("supply-points.v1"):
        points[record.key] = max(record.version, points.get(record.key, 0))
    for service in (NOTIFIER, REPAIR):
        of_service = {row["supply_point_id"]: row["version"] for row in evidence.of[service]["points"]}
        if wrong := sum(of_service.get(point) != version for point, version in points.items()):
            yield f"{service} lacks the newest version of {wrong} supply points"


def order_is_kept(evidence: Evidence) -> Iterator[str]:
    """I13: within an aggregate, versions rise in the order of the topic, and come without gaps."""
    newest: dict[tuple[str, str, str], int] = {}
    for topic in ("outages.v1", "tickets.v1", "payments.v1"):
        for record in evidence.events(topic):
            about = record.key
            if topic == "payments.v1":
                data = _data(record)
                about = f"payment {data['payment_id']}" if "payment_id" in data else f"bill {data.get('bill_id')}"
            before = newest.get((topic, record.key, about), 0)
            if record.version < before:
                yield f"{topic}: version {record.version} of {about} came after {before}"
            newest[topic, record.key, about] = max(before, record.version)


def offsets_are_honest(evidence: Evidence) -> Iterator[str]:
    """I15: when all is quiet, every group has committed to the end of what it reads, and not beyond."""
    for group, committed in evidence.committed.items():
        for partition, offset in committed.items():
            end = evidence.ends.get(partition, 0)
            if offset > end:
                yield f"{group} committed {offset} of {end} on {partition.topic}-{partition.partition}"
            elif 0 <= offset < end:
                yield f"{group} lags {end - offset} behind on {partition.topic}-{partition.partition}"
    for service in (NOTIFIER, REPAIR, BILLING):
        for row in evidence.of[service]["put_aside"]:
            if row["reason"] == "bug":
                yield f"{service} put a record of {row['topic']} aside as a bug"
