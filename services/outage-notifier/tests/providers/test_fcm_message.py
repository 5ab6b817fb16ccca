"""The push message: valid by FCM's discovery document, whatever fills it, and within its limits."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import googleapiclient
import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from outage_notifier.providers.fcm.message import MessageUnfit, PushMessage, push_message

EXPIRES_AT = datetime(2026, 11, 25, 1, 0, tzinfo=UTC)
TAG = "outage:0192f0c1-2345-7000-8000-000000000001"
NOTICE_ID = "0192f0c1-2345-7000-8000-000000000002"
DATA = {"notice_id": NOTICE_ID, "outage_id": TAG[7:], "revision": "3", "kind": "announcement"}


def built(**changes: Any) -> PushMessage:
    fields = {
        "title": "Thông báo ngừng cung cấp điện",
        "text": "Ngày 25/11, 08:00 đến 16:00, phường Ninh Kiều ⚡ “bảo trì”.",
        "tag": TAG,
        "data": DATA,
        "ttl": timedelta(hours=5),
        "expires_at": EXPIRES_AT,
        "urgent": False,
    }
    return push_message(**{**fields, **changes})


@pytest.fixture(scope="session")
def check_request() -> Callable[[object], None]:
    """Return a check against FCM's own SendMessageRequest, in which unknown names are refused too."""
    path = Path(googleapiclient.__file__).parent / "discovery_cache/documents/fcm.v1.json"
    text = path.read_text().replace('"$ref": "', '"$ref": "#/definitions/').replace('"type": "any"', '"title": "any"')
    definitions = json.loads(text)["schemas"]
    for schema in definitions.values():
        del schema["id"]  # it would make each a document of its own
        if "properties" in schema:
            schema.setdefault("additionalProperties", False)
    schema = {"allOf": [{"$ref": "#/definitions/SendMessageRequest"}], "definitions": definitions}
    validator = jsonschema.Draft4Validator(schema)

    def check(body: object) -> None:
        validator.validate(body)

    return check


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)


@given(
    texts=st.tuples(texts, texts),
    device=st.tuples(st.sampled_from(["fid", "token"]), texts),
    urgent=st.booleans(),
    ttl_s=st.integers(-10, 10**9),
)
def test_every_body_is_valid(check_request, texts, device, urgent, ttl_s):
    """Any text and registration make a body that FCM's discovery document allows, and come back out of it."""
    (title, text), (kind, registration) = texts, device
    delivery_id = f"{NOTICE_ID}.17"
    message = built(title=title, text=text, urgent=urgent, ttl=timedelta(seconds=ttl_s))
    body = json.loads(message.body(kind=kind, registration=registration, delivery_id=delivery_id))
    check_request(body)
    sent = body["message"]
    assert sent[kind] == registration
    assert ("fid" in sent) + ("token" in sent) == 1
    assert sent["data"] == {**DATA, "delivery_id": delivery_id}
    assert sent["notification"] == {"title": title, "body": text}


def test_schema_is_strict(check_request):
    """The oracle is strict: a misspelt field is refused."""
    body = json.loads(built().body(kind="fid", registration="a", delivery_id="b"))
    body["message"]["android"]["colapse_key"] = "x"
    with pytest.raises(jsonschema.ValidationError):
        check_request(body)


def test_one_tag_replaces():
    """The tag is Android's notification tag and iOS's collapse id."""
    sent = json.loads(built().body(kind="fid", registration="a", delivery_id="b"))["message"]
    assert sent["android"]["notification"]["tag"] == TAG
    assert sent["apns"]["headers"]["apns-collapse-id"] == TAG


@pytest.mark.parametrize(("urgent", "android", "apns"), [(True, "HIGH", "10"), (False, "NORMAL", "5")])
def test_urgent_wakes_a_device(urgent, android, apns):
    """Urgency is the priority of both platforms."""
    sent = json.loads(built(urgent=urgent).body(kind="fid", registration="a", delivery_id="b"))["message"]
    assert (sent["android"]["priority"], sent["apns"]["headers"]["apns-priority"]) == (android, apns)


@pytest.mark.parametrize(
    ("ttl", "android"),
    [(timedelta(hours=2), "7200s"), (timedelta(days=90), "2419200s"), (timedelta(seconds=-5), "0s")],
)
def test_time_to_live(ttl, android):
    """The time to live is cut to FCM's four weeks; iOS gets the moment it ends."""
    sent = json.loads(built(ttl=ttl).body(kind="fid", registration="a", delivery_id="b"))["message"]
    assert sent["android"]["ttl"] == android
    assert sent["apns"]["headers"]["apns-expiration"] == str(int(EXPIRES_AT.timestamp()))


@pytest.mark.parametrize(
    "changes",
    [
        {"text": "đ" * 2000},
        {"tag": "x" * 65},
        {"data": {**DATA, "revision": 3}},
        {"text": "\ue000the delivery id\ue000", "data": {**DATA, "kind": "\ue000the delivery id\ue000"}},
    ],
)
def test_unfit_message_is_refused(changes):
    """Over 4,096 bytes, a tag over 64, a value that is no string, a text that looks like our mark."""
    with pytest.raises(MessageUnfit):
        built(**changes)
