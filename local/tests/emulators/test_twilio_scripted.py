"""Scripted behaviour of the Twilio emulator, used with Twilio's library."""

import time
from datetime import datetime, timedelta

import pytest
import requests
from twilio.base.exceptions import TwilioRestException
from twilio.request_validator import RequestValidator

from gridcare_local.emulators.control import EmulatorError
from gridcare_local.emulators.twilio import AUTH_TOKEN
from gridcare_local.testing.emulators import numbers


def create(client, to=None, **fields):
    return client.messages.create(**{"to": to or next(numbers), "from_": "GRIDCARE", "body": "Mat dien", **fields})


def accepted(emulator, to):
    return [line for line in emulator.journal() if line["to"] == to]


@pytest.mark.parametrize("code", [21211, 21610, 21614])
def test_synchronous_errors_refuse(sms, twilio_emulator, code):
    """An error below 30000 is answered with 400 and its code, and nothing is accepted."""
    to = next(numbers)
    twilio_emulator.script([{"match": {"to": to}, "action": {"error": code}}])
    with pytest.raises(TwilioRestException) as refused:
        create(sms, to)
    assert (refused.value.status, refused.value.code) == (400, code)
    assert accepted(twilio_emulator, to) == []
    assert twilio_emulator.journal("refused")[-1]["code"] == code


@pytest.mark.parametrize(("code", "outcome"), [(30003, "undelivered"), (30005, "undelivered"), (30007, "failed")])
def test_asynchronous_errors_come_later(sms, twilio_emulator, eventually, code, outcome):
    """With an error from 30000 on, the message is accepted and later becomes undelivered or failed with its code."""
    twilio_emulator.script([{"match": {}, "action": {"error": code, "outcome": outcome}}])
    sid = create(sms).sid
    eventually(lambda: sms.messages(sid).fetch().status == outcome)
    assert sms.messages(sid).fetch().error_code == code


def test_429_has_code_20429(sms, twilio_emulator):
    """`http_status` 429 is answered with code 20429, and nothing is accepted."""
    to = next(numbers)
    twilio_emulator.script([{"match": {"to": to}, "action": {"http_status": 429, "retry_after_s": 3}, "times": 1}])
    with pytest.raises(TwilioRestException) as refused:
        create(sms, to)
    assert (refused.value.status, refused.value.code) == (429, 20429)
    assert accepted(twilio_emulator, to) == []
    assert create(sms, to).sid == accepted(twilio_emulator, to)[0]["sid"]


def test_retry_after_is_a_header(sms, twilio_emulator):
    """`retry_after_s` is sent as Retry-After."""
    twilio_emulator.script([{"match": {}, "action": {"http_status": 429, "retry_after_s": 3}}])
    url = f"{twilio_emulator.url}/2010-04-01/Accounts/{sms.username}/Messages.json"
    form = {"To": next(numbers), "From": "GRIDCARE", "Body": "x"}
    answer = requests.post(url, data=form, auth=(sms.username, AUTH_TOKEN), timeout=5)
    assert answer.headers["retry-after"] == "3"


def test_errors_may_hide_acceptance(sms, twilio_emulator):
    """With `accepted`, the answer is the error but the message exists."""
    to = next(numbers)
    twilio_emulator.script([{"match": {}, "action": {"http_status": 503, "accepted": True}}])
    with pytest.raises(TwilioRestException) as refused:
        create(sms, to)
    assert refused.value.status == 503
    assert [message.sid for message in sms.messages.list(to=to)] == [accepted(twilio_emulator, to)[0]["sid"]]


def test_a_hang_comes_after_accepting(twilio_emulator, connect_twilio, eventually):
    """With `hang`, the caller times out but the message is accepted and listed."""
    to = next(numbers)
    twilio_emulator.script([{"match": {"to": to}, "action": {"hang": True}}])
    with pytest.raises(requests.exceptions.ReadTimeout):
        create(connect_twilio(twilio_emulator, timeout_s=0.3), to)
    eventually(lambda: len(accepted(twilio_emulator, to)) == 1)
    assert len(connect_twilio(twilio_emulator).messages.list(to=to)) == 1


def test_latency_delays_the_answer(sms, twilio_emulator):
    """With `latency_s`, the answer comes later."""
    twilio_emulator.script([{"match": {}, "action": {"latency_s": 0.25}}])
    began = time.monotonic()
    create(sms)
    assert 0.25 <= time.monotonic() - began < 5


def test_rules_match_texts(sms, twilio_emulator):
    """A rule with `body_contains` applies to the requests whose text contains it."""
    twilio_emulator.script([{"match": {"body_contains": "07:30"}, "action": {"error": 21610}}])
    assert create(sms, body="tu 08:00").status == "queued"
    with pytest.raises(TwilioRestException):
        create(sms, body="tu 07:30 den 11:00")


def test_callbacks_are_signed(sms, receiver, eventually):
    """Callbacks have a signature over the URL with its query and the form that Twilio's validator accepts."""
    url = f"{receiver.url}/status?attempt=b1.7.1&x=a%20b"
    sid = create(sms, status_callback=url).sid
    eventually(lambda: len(receiver.posts) == 2)
    assert receiver.statuses() == ["sent", "delivered"]
    for path, form, signature in receiver.posts:
        assert path == "/status?attempt=b1.7.1&x=a%20b"
        assert form["MessageSid"] == sid
        assert RequestValidator(AUTH_TOKEN).validate(url, form, signature)
        assert not RequestValidator("another").validate(url, form, signature)


def test_failures_have_an_error_code(sms, twilio_emulator, receiver, eventually):
    """The callback of an undelivered message contains ErrorCode."""
    twilio_emulator.script([{"match": {}, "action": {"error": 30003}}])
    create(sms, status_callback=receiver.url)
    eventually(lambda: "undelivered" in receiver.statuses())
    assert receiver.posts[-1][1]["ErrorCode"] == "30003"


def test_refused_callbacks_are_not_repeated(sms, twilio_emulator, receiver, eventually):
    """A callback that is answered with 500 is journaled with that status and not posted again."""
    receiver.answers = [500, 500]
    sid = create(sms, status_callback=receiver.url).sid
    eventually(lambda: [it["answered"] for it in twilio_emulator.journal("callback") if it["sid"] == sid] == [500, 500])
    assert receiver.statuses() == ["sent", "delivered"]


def test_urls_may_request_retries(sms, receiver, eventually):
    """With `#rc=2` in its URL, a callback is posted again after a 500, as with Twilio's overrides."""
    receiver.answers = [500]
    create(sms, status_callback=f"{receiver.url}/status#rc=2")
    eventually(lambda: len(receiver.posts) == 3)
    assert receiver.statuses() == ["sent", "sent", "delivered"]


def test_lost_callbacks_never_come(sms, twilio_emulator, receiver, eventually):
    """With `lost`, the message is delivered but no callback is posted."""
    twilio_emulator.script([{"match": {}, "action": {"callbacks": ["lost"]}}])
    sid = create(sms, status_callback=receiver.url).sid
    eventually(lambda: sms.messages(sid).fetch().status == "delivered")
    assert receiver.posts == []
    assert [line for line in twilio_emulator.journal("callback") if line["sid"] == sid] == []


def test_doubled_callbacks_come_twice(sms, twilio_emulator, receiver, eventually):
    """With `doubled`, each callback is posted twice."""
    twilio_emulator.script([{"match": {}, "action": {"callbacks": ["doubled"]}}])
    create(sms, status_callback=receiver.url)
    eventually(lambda: len(receiver.posts) == 4)
    assert receiver.statuses() == ["sent", "sent", "delivered", "delivered"]


def test_shuffled_callbacks_are_reversed(sms, twilio_emulator, receiver, eventually):
    """With `shuffled`, the callback of the last status is posted first."""
    twilio_emulator.script([{"match": {}, "action": {"callbacks": ["shuffled"]}}])
    create(sms, status_callback=receiver.url)
    eventually(lambda: len(receiver.posts) == 2)
    assert receiver.statuses() == ["delivered", "sent"]


def test_early_callbacks_precede_the_answer(sms, twilio_emulator, receiver):
    """With `early`, all callbacks are posted before the create request is answered with `queued`."""
    twilio_emulator.script([{"match": {}, "action": {"callbacks": ["early"]}}])
    message = create(sms, status_callback=receiver.url)
    assert receiver.statuses() == ["sent", "delivered"]
    assert message.status == "queued"


def test_callbacks_may_be_delayed(sms, twilio_emulator, receiver, eventually):
    """With `callback_delay_s`, a callback is posted that long after its status was reached."""
    twilio_emulator.script([{"match": {}, "action": {"callback_delay_s": 0.3}}])
    sid = create(sms, status_callback=receiver.url).sid
    eventually(lambda: len([line for line in twilio_emulator.journal("callback") if line["sid"] == sid]) == 2)
    lines = [line for line in twilio_emulator.journal(None) if line.get("sid") == sid and line.get("status") == "sent"]
    reached, posted = (datetime.fromisoformat(line["at"]) for line in lines)
    assert posted - reached >= timedelta(seconds=0.29)


@pytest.mark.parametrize("outcome", ["queued", "sending", "sent"])
def test_outcomes_are_last_statuses(sms, twilio_emulator, eventually, outcome):
    """A message does not go beyond the status in `outcome`."""
    twilio_emulator.script([{"match": {}, "action": {"outcome": outcome, "pace_s": 0}}])
    sid = create(sms).sid
    eventually(lambda: sms.messages(sid).fetch().status == outcome)
    reached = [line["status"] for line in twilio_emulator.journal("status") if line["sid"] == sid]
    assert "delivered" not in reached


def test_faulty_scripts_change_nothing(twilio_emulator):
    """PUT script with an unknown field is 422 with its name, and the current rules stay."""
    twilio_emulator.script([{"match": {"nth": 5}, "action": {}}])
    with pytest.raises(EmulatorError, match=r"422.*unknown field `errror`"):
        twilio_emulator.script([{"match": {}, "action": {"errror": 21211}}])
    assert [live["rule"]["match"]["nth"] for live in twilio_emulator.script_state()] == [5]
