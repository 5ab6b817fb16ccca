"""Creating, fetching and listing messages with Twilio's library."""

from datetime import UTC, datetime, timedelta

import pytest
import requests
from smsutil import split
from twilio.base.exceptions import TwilioRestException

from gridcare_local.emulators.control import start_emulator
from gridcare_local.emulators.twilio import ACCOUNT_SID, AUTH_TOKEN
from gridcare_local.emulators.twilio.wire import segments
from gridcare_local.testing.emulators import numbers


def create(client, to=None, **fields):
    return client.messages.create(**{"to": to or next(numbers), "from_": "GRIDCARE", "body": "Mat dien", **fields})


def test_new_messages_are_queued(sms, twilio_emulator):
    """A new message is queued and has no date_sent, and the journal contains it."""
    message = create(sms, body="Mất điện")
    assert (message.status, message.date_sent, message.num_segments) == ("queued", None, "1")
    assert (message.body, message.error_code, message.direction) == ("Mất điện", None, "outbound-api")
    line = next(line for line in twilio_emulator.journal() if line["sid"] == message.sid)
    assert (line["to"], line["from"], line["body"]) == (message.to, "GRIDCARE", "Mất điện")


def test_messages_are_delivered(sms, eventually):
    """Without a rule, a message is finally delivered and has a date_sent."""
    sid = create(sms).sid
    eventually(lambda: sms.messages(sid).fetch().status == "delivered")
    assert abs(sms.messages(sid).fetch().date_sent - datetime.now(UTC)) < timedelta(minutes=1)


def test_unknown_sids_are_404(sms):
    """Fetching an unknown message is 404 with code 20404."""
    with pytest.raises(TwilioRestException) as refused:
        sms.messages("SM" + "0" * 32).fetch()
    assert (refused.value.status, refused.value.code) == (404, 20404)


def test_wrong_credentials_are_refused(twilio_emulator, connect_twilio):
    """A wrong auth token is 401 with code 20003, and nothing is created."""
    before = twilio_emulator.counts().get("accepted", 0)
    with pytest.raises(TwilioRestException) as refused:
        create(connect_twilio(twilio_emulator, auth_token="wrong"))
    assert (refused.value.status, refused.value.code) == (401, 20003)
    assert twilio_emulator.counts().get("accepted", 0) == before


def test_lists_are_newest_first(sms):
    """The library's paging returns all messages to a number, newest first, and no others."""
    to = next(numbers)
    sids = [create(sms, to).sid for _ in range(7)]
    create(sms)
    assert [message.sid for message in sms.messages.list(to=to, page_size=3)] == sids[::-1]


def test_pages_ignore_newer_messages(sms):
    """The next page continues after the last message seen, even if newer ones were created meanwhile."""
    to = next(numbers)
    sids = [create(sms, to).sid for _ in range(4)]
    first = sms.messages.page(to=to, page_size=2)
    assert [message.sid for message in first] == sids[:1:-1]
    create(sms, to)
    assert [message.sid for message in first.next_page()] == sids[1::-1]


def test_date_filters_hide_queued_messages(sms, twilio_emulator):
    """A message without date_sent is listed by number, but not with a DateSent filter."""
    twilio_emulator.script([{"match": {}, "action": {"outcome": "queued"}}])
    to = next(numbers)
    sid = create(sms, to).sid
    yesterday = datetime.now(UTC) - timedelta(days=1)
    assert [message.sid for message in sms.messages.list(to=to)] == [sid]
    assert sms.messages.list(to=to, date_sent_after=yesterday) == []


def test_date_filters_use_days(sms, eventually):
    """A sent message is listed from the day before on, but not up to the day before."""
    to = next(numbers)
    sid = create(sms, to).sid
    eventually(lambda: sms.messages(sid).fetch().date_sent)
    day = timedelta(days=1)
    now = datetime.now(UTC)
    assert len(sms.messages.list(to=to, date_sent_after=now - day)) == 1
    assert sms.messages.list(to=to, date_sent_before=now - day) == []


def test_messages_may_be_listed_late(sms, twilio_emulator, eventually):
    """With `list_after_s`, a message can be fetched at once but is listed only later."""
    twilio_emulator.script([{"match": {}, "action": {"list_after_s": 1.5}}])
    to = next(numbers)
    sid = create(sms, to).sid
    assert sms.messages(sid).fetch().sid == sid
    assert sms.messages.list(to=to) == []
    eventually(lambda: [message.sid for message in sms.messages.list(to=to)] == [sid])


def test_validity_periods_end(sms, twilio_emulator, eventually):
    """A message that is still queued when its ValidityPeriod ends fails with 30036."""
    twilio_emulator.script([{"match": {}, "action": {"pace_s": 60}}])
    sid = create(sms, validity_period=1).sid
    eventually(lambda: sms.messages(sid).fetch().status == "failed")
    assert sms.messages(sid).fetch().error_code == 30036


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"to": "0901234567"}, 21211),
        ({"body": ""}, 21602),
        ({"from_": ""}, 21603),
        ({"body": "a" * 1601}, 21617),
        ({"status_callback": "not a url"}, 21609),
        ({"validity_period": 36_001}, 20001),
    ],
)
def test_invalid_requests_are_refused(sms, twilio_emulator, fields, code):
    """An invalid create request is refused with Twilio's code and not journaled."""
    before = twilio_emulator.counts().get("accepted", 0)
    with pytest.raises(TwilioRestException) as refused:
        create(sms, **fields)
    assert (refused.value.status, refused.value.code) == (400, code)
    assert twilio_emulator.counts().get("accepted", 0) == before


@pytest.mark.parametrize(
    "text",
    [
        "a" * 160,
        "a" * 161,
        "a" * 306,
        "a" * 307,
        "ắ" * 70,
        "ắ" * 71,
        "ắ" * 135,
        "[" * 80,
        "[" * 81,
        "😀" * 36,
        "a" * 152 + "€€",
    ],
)
def test_parts_are_counted(text):
    """The number of parts is the one that smsutil finds."""
    assert segments(text) == len(split(text).parts)


@pytest.mark.server
def test_business_time_is_offset(tmp_path, connect_twilio):
    """With a clock offset, messages have dates in business time."""
    emulator = start_emulator("twilio", tmp_path, clock_offset_s=30 * 86_400)
    try:
        created = create(connect_twilio(emulator)).date_created
    finally:
        emulator.stop()
    assert abs(created - datetime.now(UTC) - timedelta(days=30)) < timedelta(minutes=1)


def test_the_outbox_escapes_texts(sms, twilio_emulator):
    """The outbox is a page with numbers and texts, in which texts are escaped."""
    to = next(numbers)
    create(sms, to, body="<b>Mất điện</b>")
    page = requests.get(f"{twilio_emulator.url}/_emulator/outbox", timeout=5)
    assert page.headers["content-type"].startswith("text/html")
    assert to in page.text
    assert "&lt;b&gt;Mất điện&lt;/b&gt;" in page.text


def test_the_journal_is_served(sms, twilio_emulator):
    """GET journal?after=N returns the lines after number N."""
    before = len(twilio_emulator.journal(None))
    sid = create(sms).sid
    answer = requests.get(f"{twilio_emulator.url}/_emulator/journal", params={"after": before}, timeout=5)
    assert sid in answer.text
    assert answer.text.count("\n") < 10


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "", 400),
        ("GET", "?PageSize=0", 400),
        ("GET", "?PageSize=some", 400),
        ("GET", "?DateSent%3E=yesterday", 400),
        ("DELETE", "", 404),
    ],
)
def test_rubbish_is_refused(twilio_emulator, method, path, status):
    """A bad form, bad paging, a bad date and an unknown method are refused with an error in Twilio's form."""
    url = f"{twilio_emulator.url}/2010-04-01/Accounts/{ACCOUNT_SID}/Messages.json{path}"
    answer = requests.request(method, url, data=b"\xff=%ff", auth=(ACCOUNT_SID, AUTH_TOKEN), timeout=5)
    assert (answer.status_code, answer.json()["status"]) == (status, status)


def test_bad_admin_requests_are_refused(twilio_emulator):
    """A journal position that is no number, rules that are no JSON, and an unknown path are refused."""
    admin = f"{twilio_emulator.url}/_emulator"
    assert requests.get(f"{admin}/journal?after=x", timeout=5).status_code == 422
    assert requests.put(f"{admin}/script", data=b"{", timeout=5).status_code == 422
    assert requests.get(f"{admin}/nothing", timeout=5).status_code == 404


def test_credentials_are_required(twilio_emulator):
    """A request without a valid Authorization header is 401."""
    url = f"{twilio_emulator.url}/2010-04-01/Accounts/{ACCOUNT_SID}/Messages.json"
    for authorization in ("", "Basic ###", f"Bearer {AUTH_TOKEN}"):
        answer = requests.post(url, data={}, headers={"authorization": authorization}, timeout=5)
        assert answer.status_code == 401
