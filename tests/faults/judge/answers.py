"""I1, I2: what was answered 2xx is there, and once."""

from collections import Counter
from collections.abc import Iterator

from tests.faults.judge.evidence import Evidence

ID_OF = {"ticket": "ticket_id", "bill": "bill_id", "payment": "payment_id", "draft": "outage_id"}
TABLE_OF = {"ticket": "tickets", "bill": "bills", "payment": "payments", "draft": "outages"}
CHANGES = ("publish", "revise", "cancel", "restore")


def acknowledged_are_there(evidence: Evidence) -> Iterator[str]:
    """I1: every ticket, bill, payment and outage that was answered 2xx is in its database."""
    there = {kind: {str(row[ID_OF[kind]]) for row in evidence[table]} for kind, table in TABLE_OF.items()}
    for operation in evidence.journal.of(*ID_OF):
        if operation.acknowledged and operation.answer:
            made = str(operation.answer[ID_OF[operation.kind]])
            if made not in there[operation.kind]:
                yield f"{operation.kind} {made} was answered {operation.status} and is not there"
    revisions = {str(row["outage_id"]): row["revision"] for row in evidence["outages"]}
    for operation in evidence.journal.of(*CHANGES):
        if operation.acknowledged and operation.answer:
            outage = operation.answer["outage"]
            if revisions.get(outage["outage_id"], 0) < outage["revision"]:
                yield f"{operation.kind} of {outage['outage_id']} was answered {operation.status} and is not there"


def asked_once_made_once(evidence: Evidence) -> Iterator[str]:
    """I2: one ticket for a client's reference, one bill for a number, one thing for an Idempotency-Key."""
    tickets = Counter((row["customer_code"], row["client_ref"]) for row in evidence["tickets"] if row["client_ref"])
    yield from (f"{count} tickets of client_ref {ref}" for (_, ref), count in tickets.items() if count > 1)
    bills = Counter(row["bill_number"] for row in evidence["bills"])
    yield from (f"{count} bills of number {number}" for number, count in bills.items() if count > 1)
    for operation in evidence.journal.of(*ID_OF):
        if not operation.acknowledged or not operation.answer:
            continue
        name = ID_OF[operation.kind]
        for status, answer in operation.again:
            if status >= 300 or answer.get(name) != operation.answer[name]:
                yield f"{operation.kind} {operation.answer[name]} asked again under its key: {status} {answer.get(name)}"
    begun = Counter(str(row["bill_id"]) for row in evidence["payments"])
    asked = Counter(str(each.asked["bill_id"]) for each in evidence.journal.of("payment"))
    yield from (
        f"bill {bill}: {count} payments begun by {asked[bill]} requests"
        for bill, count in begun.items()
        if bill in asked and count > asked[bill]
    )
