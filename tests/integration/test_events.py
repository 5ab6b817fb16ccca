"""Repeated events are told once; records that are no valid events are put aside and block nothing."""

import uuid

import pytest
from tests.integration.support.customers import open_ticket, pay, register_bill, wait_message
from tests.integration.support.judge import judge
from tests.integration.support.records import again, dead_letters, lag, produce, records
from tests.integration.support.together import wait_until

from gridcare.events.envelope import Wire
from gridcare.events.topics import PAYMENTS, TICKETS
from gridcare_local.demo.cut import NOTIFIER

NOTICES_OF_EVENT = "SELECT count(*) FROM notice WHERE cause_event_id = $1"
TOLD_FOR_EVENT = """
SELECT FROM notice n JOIN delivery d USING (notice_id)
WHERE n.cause_event_id = $1 AND d.state IN ('accepted', 'delivered')
"""


def _events_with(bootstrap, topic, text: str):
    return [record for record in records(bootstrap, topic.name) if text.encode() in (record.value or b"")]


def test_repeated_tickets_are_told_once(whole):
    """Producing the same record three more times sends no second message."""
    kafka = whole.stack.settings.addresses["kafka"]
    person = whole.on_sms()[2]
    ticket = open_ticket(whole, person)
    notice_id = wait_message(whole, person, "ticket-opened", holds=ticket["reference"])
    (record,) = _events_with(kafka, TICKETS, ticket["ticket_id"])
    produce(kafka, [again(record)] * 3)
    wait_until(lambda: lag(kafka, NOTIFIER, TICKETS) == 0, what="the records are consumed")
    event_id = dict(record.headers)["ce_id"].decode()
    assert whole.query(NOTIFIER, NOTICES_OF_EVENT, event_id)[0][0] == 1
    verdict = judge(whole, [notice_id])
    assert verdict.wrong == []
    assert verdict.texts == 1


def test_repeated_payments_are_receipted_once(whole):
    """Producing the same PaymentRecorded again sends no second payment receipt."""
    kafka = whole.stack.settings.addresses["kafka"]
    person = whole.on_sms()[3]
    bill_id = register_bill(whole, person, number="INT-2026-0002", amount_vnd=98_700)
    assert pay(whole, person, bill_id) == ["00"]
    notice_id = wait_message(whole, person, "payment-received", holds="INT-2026-0002")
    recorded = [r for r in _events_with(kafka, PAYMENTS, bill_id) if b"PaymentRecorded" in dict(r.headers)["ce_type"]]
    produce(kafka, [again(record) for record in recorded] * 3)
    wait_until(lambda: lag(kafka, NOTIFIER, PAYMENTS) == 0, what="the records are consumed")
    assert whole.query(NOTIFIER, NOTICES_OF_EVENT, dict(recorded[0].headers)["ce_id"].decode())[0][0] == 1
    assert judge(whole, [notice_id]).texts == 1


@pytest.mark.parametrize(
    ("nth", "spoil", "reason"),
    [
        (4, lambda record: Wire(record.topic, record.key, b"\xff no event", []), "not-cloudevents"),
        (5, lambda record: Wire(record.topic, record.key, b"{}", [*record.headers]), "invalid-event-data"),
    ],
    ids=["not-an-event", "wrong-data"],
)
def test_poison_messages_are_put_aside(whole, nth, spoil, reason):
    """A dead letter gives the reason; the next record of the partition is told; the consumer has no lag."""
    kafka = whole.stack.settings.addresses["kafka"]
    person = whole.on_sms()[nth]
    ticket = open_ticket(whole, person)
    wait_message(whole, person, "ticket-opened", holds=ticket["reference"])
    (record,) = _events_with(kafka, TICKETS, ticket["ticket_id"])
    following = uuid.uuid4()
    produce(kafka, [spoil(record), _with(record, ce_id=str(following).encode())])
    wait_until(lambda: bool(whole.query(NOTIFIER, TOLD_FOR_EVENT, following)), what="the next record is told")
    assert dead_letters(kafka, TICKETS)[record.key] == reason
    wait_until(lambda: lag(kafka, NOTIFIER, TICKETS) == 0, what="nothing lags")


def _with(record, **attributes: bytes) -> Wire:
    """Return a copy of a record with some headers replaced."""
    headers = [(name, attributes.get(name, value)) for name, value in record.headers]
    return Wire(record.topic, record.key, record.value, headers)
