"""The topics' doors: tickets and payments become notices, once; supply points are projected; strangers pass by."""

import json
from dataclasses import replace
from datetime import date
from uuid import UUID, uuid4

import msgspec
import pytest

from gridcare.errors import PassedOver, Rejected
from gridcare.events import Envelope, encode, type_name
from gridcare.events.envelope import UNKNOWN
from gridcare.events.notices import NoticeScheduled
from gridcare.events.payments import BillIssued, PaymentRecorded
from gridcare.events.supply_points import SupplyPointChanged
from gridcare.events.tickets import TicketAttached, TicketEvent, TicketOpened
from gridcare.kafka.produce import Producer
from gridcare.known_supply_points import topic_supply_points
from gridcare.testing.kafka import consuming, poison
from gridcare.testing.waiting import eventually
from gridcare.values.ids import uuid7
from outage_notifier.planning import topic_payments, topic_tickets
from outage_notifier.texts.subject import subject_of

MINE = "PB11010012345"


@pytest.fixture
def ticket(clock):
    """Return a function that makes an event of a ticket."""

    def make(event=TicketOpened, **changes):
        values = {
            "version": 1,
            "ticket_id": uuid4(),
            "reference": "T-7K3M9Q",
            "customer_code": MINE,
            "supply_point_id": "SP1",
            "kind": "repair",
            "category": "no_power",
            "state": "open",
            "team_id": None,
            "outage_id": None,
            "opened_at": clock.now(),
        }
        return event(**{**values, **changes})

    return make


@pytest.fixture
def payment(clock):
    """Return a function that makes a recorded payment."""

    def make() -> PaymentRecorded:
        return PaymentRecorded(
            version=1,
            customer_code=MINE,
            payment_id=uuid4(),
            bill_id=uuid4(),
            bill_number="HD202610-0001",
            provider="vnpay",
            amount_vnd=896_125,
            paid_at=clock.now(),
            bill_outstanding_vnd=0,
        )

    return make


@pytest.fixture
def envelope(clock):
    """Return a function that puts an event, or a tombstone for an id, into an envelope."""

    def make(event) -> Envelope:
        now, source = clock.now(), "/gridcare/tests"
        if isinstance(event, str):
            return Envelope(uuid7(now), source, "gridcare.Tombstone", now, event, 0, None, None)
        return Envelope(uuid7(now), source, type_name(type(event)), now, event.key, event.version, None, event)

    return make


def _supply_point(supply_point_id: str = "SP1", version: int = 1, **changes) -> SupplyPointChanged:
    values = {
        "customer_code": MINE,
        "transformer_id": "TR1",
        "feeder_id": "FD1",
        "substation_id": "SS1",
        "ward_code": "31117",
    }
    return SupplyPointChanged(supply_point_id=supply_point_id, version=version, **{**values, **changes})


async def _notices(db):
    async with db.read() as connection:
        return await connection.fetch(
            "SELECT kind, recipient_id, lane, audience_rule, state, cause_event_id, slots FROM notice ORDER BY kind"
        )


async def test_told_once(planning, db, envelope, outbox, *, ticket, payment):
    """A ticket, an attached ticket and a payment are each one notice, however often their events come."""
    about_tickets = [envelope(ticket()), envelope(ticket(TicketAttached)), envelope(ticket(TicketEvent))]
    about_money = [envelope(payment())]
    for _ in range(2):
        await topic_tickets.subscription(planning).handle(about_tickets)
        await topic_payments.subscription(planning).handle(about_money)
    notices = await _notices(db)
    assert [row["kind"] for row in notices] == ["payment-received", "ticket-attached", "ticket-opened"]
    assert {(row["recipient_id"], row["lane"], row["audience_rule"], row["state"]) for row in notices} == {
        (MINE, "transactional", "one", "scheduled")
    }
    paid, attached, _ = (subject_of(None, json.loads(row["slots"])) for row in notices)
    assert (paid.payment_id is not None, paid.bill_id is not None, attached.ticket_id is not None) == (True, True, True)
    assert {row["cause_event_id"] for row in notices} == {about_tickets[0].id, about_tickets[1].id, about_money[0].id}
    published = [each.data for each in await outbox()]
    assert sorted(event.kind for event in published if isinstance(event, NoticeScheduled)) == [
        row["kind"] for row in notices
    ]


async def test_told_once_beyond_the_inbox(planning, db, envelope, ticket, outbox):
    """An event that is older than the inbox's memory is known by the notice that it made."""
    opened = envelope(ticket())
    await topic_tickets.subscription(planning).handle([opened])
    async with db.transaction() as tx:
        await tx.execute("DELETE FROM inbox")
    await topic_tickets.subscription(planning).handle([opened])
    assert (len(await _notices(db)), len(await outbox())) == (1, 1)


async def test_bills_are_no_news(planning, db, envelope):
    """What is said of bills has no message."""
    bill = BillIssued(
        version=1,
        customer_code=MINE,
        bill_id=UUID(int=1),
        bill_number="HD202610-0001",
        period="2026-10",
        amount_vnd=1,
        paid_vnd=0,
        due_on=date(2026, 12, 1),
    )
    await topic_payments.subscription(planning).handle([envelope(bill)])
    assert await _notices(db) == []


async def test_strangers_are_passed_over(planning, db, envelope, ticket, payment):
    """An event that a later release may put on the topic is passed over; a tombstone where none belongs is rejected."""
    of_tickets, of_payments = topic_tickets.subscription(planning), topic_payments.subscription(planning)
    of_points = topic_supply_points.subscription(db)
    for door, stranger in ((of_tickets, payment()), (of_payments, ticket()), (of_points, ticket())):
        with pytest.raises(PassedOver, match=type(stranger).__name__):
            await door.handle([envelope(stranger)])
    for door in (of_tickets, of_payments):
        with pytest.raises(Rejected, match="no-event-data"):
            await door.handle([envelope("7")])


async def test_later_values_are_told(planning, db, envelope, ticket, payment):
    """A value that a later release has stands in no message's way."""
    await topic_tickets.subscription(planning).handle(
        [
            envelope(ticket(event, **{field: UNKNOWN}))
            for event in (TicketOpened, TicketAttached)
            for field in ("kind", "state")
        ]
    )
    paid = msgspec.structs.replace(payment(), provider=UNKNOWN)
    await topic_payments.subscription(planning).handle([envelope(paid)])
    assert len(await _notices(db)) == 5


async def test_supply_points_are_projected(db, envelope):
    """Of a supply point the newest version stays, in any order; a tombstone removes it, and a newer version brings it back."""
    door = topic_supply_points.subscription(db)

    async def known() -> dict[str, tuple[int, str]]:
        async with db.read() as connection:
            rows = await connection.fetch(
                "SELECT supply_point_id, version, feeder_id FROM supply_point WHERE NOT removed"
            )
        return {row[0]: (row[1], row[2]) for row in rows}

    await door.handle([envelope(_supply_point(version=2, feeder_id="FD2")), envelope(_supply_point("SP2"))])
    await door.handle([envelope(_supply_point(version=1, feeder_id="FD1"))])
    assert await known() == {"SP1": (2, "FD2"), "SP2": (1, "FD1")}
    await door.handle([envelope(_supply_point("SP2", version=2)), envelope("SP2"), envelope("SP9")])
    assert await known() == {"SP1": (2, "FD2")}
    await door.handle([envelope("SP1"), envelope(_supply_point(version=3)), envelope(_supply_point(version=4))])
    assert await known() == {"SP1": (4, "FD1")}


async def test_followed_over_a_broker(planning, db, brokers, new_topic, *, envelope, ticket, payment):
    """Over a real broker: many supply points, tickets and payments, each twice, and one poison record among them."""
    points, tickets, payments = await new_topic(partitions=3), await new_topic(), await new_topic()
    about_tickets = [envelope(ticket()) for _ in range(3)]
    about_money = [envelope(payment()) for _ in range(2)]
    sent = [
        *(encode(envelope(_supply_point(f"SP{number}")), topic=points) for number in range(1_000)),
        encode(envelope("SP7"), topic=points),
        *(encode(each, topic=tickets) for each in [*about_tickets, *about_tickets]),
        poison(tickets),
        *(encode(each, topic=payments) for each in [*about_money, *about_money]),
    ]
    async with Producer(brokers, client_id="tests") as producer:
        await producer.send_batch(sent)
    subscriptions = [
        replace(topic_supply_points.subscription(db), topics=(points,)),
        replace(topic_tickets.subscription(planning), topics=(tickets,)),
        replace(topic_payments.subscription(planning), topics=(payments,)),
    ]

    async def done() -> bool:
        async with db.read() as connection:
            known = await connection.fetchval("SELECT count(*) FROM supply_point WHERE NOT removed")
            kinds = await connection.fetch("SELECT kind, count(*) AS n FROM notice GROUP BY kind ORDER BY kind")
        return (known, [tuple(row) for row in kinds]) == (999, [("payment-received", 2), ("ticket-opened", 3)])

    async with consuming(brokers, db, *subscriptions, group=f"test-{uuid4()}"):
        await eventually(done)
