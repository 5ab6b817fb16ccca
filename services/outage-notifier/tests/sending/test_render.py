"""Notices as the messages that senders send."""

import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from outage_notifier_testing.world import SLOTS

from outage_notifier.ledger.core.notice import Content
from outage_notifier.sending.render import MessageRenderer
from outage_notifier.texts.kept import TEXTS_KEPT_MAX, KeptTexts
from outage_notifier.texts.languages import LANGUAGES
from outage_notifier.texts.rendering import TemplateBroken
from outage_notifier.texts.template import TEMPLATES

ID, BILL = str(UUID(int=8)), str(UUID(int=9))
END = datetime(2026, 12, 6, 4, 30, tzinfo=UTC)


@pytest.fixture
def renderer(catalog) -> MessageRenderer:
    """Return a renderer of the production texts."""
    return MessageRenderer(KeptTexts(catalog), "gridcare://")


def content(template: str = "announcement", number: int = 7, **changes) -> Content:
    values = {"outage_id": UUID(int=1), "revision": 2, "slots": SLOTS, "tag": "outage-1", **changes}
    return Content(
        notice_id=UUID(int=number),
        kind=template,
        template=template,
        template_version=1,
        useful_until=END,
        superseded=False,
        **values,
    )


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_longest_push_fits(renderer, template, language):
    """The longest slots that the API takes still fit into 4,096 bytes, in every language."""
    windows = [[(END + timedelta(days=d)).isoformat()] * 2 for d in range(20)]
    slots = {**SLOTS, "place": "ភ" * 200, "cause": "ភ" * 200, "windows": windows}
    push = renderer.push(content(template, slots=slots), language, ttl_s=3600)
    message = json.loads(push.body(kind="token", registration="r", delivery_id="n-1"))["message"]
    assert message["notification"]["title"]
    assert message["token"] == "r"


def test_push_carries_its_data(renderer):
    """Tag on both platforms, ids, the delivery id, and how long it is of use."""
    push = renderer.push(content(), "vi", ttl_s=3600)
    message = json.loads(push.body(kind="fid", registration="f", delivery_id="n-1"))["message"]
    assert message["fid"] == "f"
    assert message["data"] == {
        "notice_id": str(UUID(int=7)),
        "kind": "announcement",
        "outage_id": str(UUID(int=1)),
        "revision": "2",
        "link": f"gridcare://outages/{UUID(int=1)}",
        "delivery_id": "n-1",
    }
    assert message["android"]["notification"]["tag"] == "outage-1"
    assert message["android"]["ttl"] == "3600s"
    assert message["apns"]["headers"]["apns-collapse-id"] == "outage-1"
    assert message["apns"]["headers"]["apns-expiration"] == str(int(END.timestamp()))


@pytest.mark.parametrize(
    ("template", "slots", "path"),
    [
        ("ticket-opened", {"reference": "T-1", "ticket_id": ID}, f"tickets/{ID}"),
        (
            "payment-received",
            {"amount_vnd": 1, "bill_number": "B", "bill_id": BILL, "payment_id": ID},
            f"payments/{ID}",
        ),
    ],
)
def test_push_links_its_subject(renderer, template, slots, path):
    """The ids of what happened, and a link that opens it; no key without a value, nothing that is no string."""
    push = renderer.push(content(template, slots=slots, outage_id=None, revision=None), "vi", ttl_s=60)
    data = json.loads(push.body(kind="fid", registration="f", delivery_id="n-1"))["message"]["data"]
    ids = {name: value for name, value in slots.items() if name.endswith("_id")}
    told = {"notice_id": str(UUID(int=7)), "kind": template, "delivery_id": "n-1"}
    assert data == {**told, **ids, "link": f"gridcare://{path}"}


@pytest.mark.parametrize(("template", "priority"), [("emergency", "HIGH"), ("announcement", "NORMAL")])
def test_urgent_kinds_wake_devices(renderer, template, priority):
    """The lane decides."""
    push = renderer.push(content(template), "vi", ttl_s=60)
    message = json.loads(push.body(kind="token", registration="r", delivery_id="n-1"))["message"]
    assert message["android"]["priority"] == priority


def test_text_is_rendered_once(renderer):
    """The same text object comes back; other languages and channels have their own."""
    first = renderer._text(content(), "vi", "sms")
    assert renderer._text(content(), "vi", "sms") is first
    assert renderer.sms(content(), "vi") == first.body
    assert renderer.sms(content(), "en") != first.body
    assert renderer._text(content(), "vi", "push").title


def test_texts_do_not_pile_up(renderer):
    """A process that lives for months keeps a bounded number of texts."""
    for number in range(TEXTS_KEPT_MAX + 50):
        renderer.sms(content("payment-received", number), "vi")
    assert len(renderer.texts._texts) == TEXTS_KEPT_MAX


def test_missing_slots_are_raised(renderer):
    """It is raised, not sent with holes."""
    with pytest.raises(TemplateBroken):
        renderer.sms(content(slots={}), "vi")
