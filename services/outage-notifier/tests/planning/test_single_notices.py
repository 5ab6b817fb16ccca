"""What one customer is told of a ticket or a payment, and for how long it is of use."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from gridcare.events.payments import PaymentRecorded
from gridcare.events.tickets import TicketAttached, TicketEvent, TicketOpened
from outage_notifier.planning.core.single_notices import of_payment, of_ticket
from outage_notifier.texts.languages import read_texts
from outage_notifier.texts.rendering import Catalog
from outage_notifier.texts.template import TEMPLATES

AT = datetime(2026, 11, 30, 3, 0, tzinfo=UTC)


def _ticket(kind: type[TicketOpened] = TicketOpened, **changes):
    values = {
        "version": 1,
        "ticket_id": UUID(int=5),
        "reference": "T-7K3M9Q",
        "customer_code": "PB11010012345",
        "supply_point_id": "SP1",
        "kind": "repair",
        "category": "no_power",
        "state": "open",
        "team_id": None,
        "outage_id": None,
        "opened_at": AT,
    }
    return kind(**{**values, **changes})


def _payment() -> PaymentRecorded:
    return PaymentRecorded(
        version=1,
        customer_code="PB11010012345",
        payment_id=UUID(int=6),
        bill_id=UUID(int=7),
        bill_number="HD202610-0001",
        provider="vnpay",
        amount_vnd=896_125,
        paid_at=AT,
        bill_outstanding_vnd=0,
    )


def test_opened_ticket():
    """A ticket that was taken is confirmed for a day, under a tag of its own."""
    single = of_ticket(_ticket(), AT)
    assert (single.kind, single.recipient_id, single.tag) == (
        "ticket-opened",
        "PB11010012345",
        f"ticket-{UUID(int=5)}",
    )
    assert single.useful_until == AT + timedelta(hours=24)


@pytest.mark.parametrize(
    ("end", "useful"),
    [
        (timedelta(hours=5), timedelta(hours=5)),
        (timedelta(minutes=-20), timedelta(hours=2)),
        (None, timedelta(hours=24)),
    ],
)
def test_attached_ticket(end, useful):
    """An outage explains a ticket until its expected end, for two hours at least, and for a day when none is known."""
    single = of_ticket(_ticket(TicketAttached, expected_end_at=AT + end if end else None), AT)
    assert (single.kind, single.useful_until) == ("ticket-attached", AT + useful)


def test_steps_without_a_message():
    """A step of a ticket that has no message makes no notice."""
    assert of_ticket(_ticket(TicketEvent), AT) is None


@pytest.mark.parametrize("language", ["vi", "km", "zh", "en"])
@pytest.mark.parametrize("channel", ["push", "sms"])
def test_slots_fill_the_templates(language, channel):
    """Each one fills its template in every language and channel, and says what it is about."""
    catalog = Catalog(read_texts(), sender="GRIDCARE")
    told = {
        "T-7K3M9Q": [of_ticket(_ticket(), AT), of_ticket(_ticket(TicketAttached, expected_end_at=AT), AT)],
        "HD202610-0001": [of_payment(_payment(), AT)],
    }
    for word, singles in told.items():
        for single in singles:
            text = catalog.render(TEMPLATES[single.kind].name, language, channel, single.slots)
            assert word in f"{text.title} {text.body}"


def test_receipt_of_payment():
    """A receipt is of use for three days, under the payment's own tag."""
    single = of_payment(_payment(), AT)
    assert (single.tag, single.useful_until) == (f"payment-{UUID(int=6)}", AT + timedelta(days=3))
