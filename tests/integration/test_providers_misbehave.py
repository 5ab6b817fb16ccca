"""Providers refuse, hang and ask us to wait, and their callbacks come late, twice, in the wrong order or never."""

from datetime import datetime, timedelta

import pytest
from tests.integration.support.judge import Verdict, judge_outage
from tests.integration.support.together import wait_until

from gridcare_local.demo.cut import NOTIFIER

LOST = {"callbacks": ["lost"]}
RETRY_AFTER_S = 12
"""Longer than our own first wait of ten seconds, so that the test shows it is obeyed."""

DELIVERY = """
SELECT d.state, d.channel, d.reason FROM delivery d JOIN notice n USING (notice_id)
WHERE n.outage_id = $1 AND d.recipient_id = $2
"""
STATES_BY_SMS = """
SELECT d.state, count(*) FROM delivery d JOIN notice n USING (notice_id)
WHERE n.outage_id = $1 AND d.channel = 'sms' GROUP BY 1
"""


def _tell(whole, mark: str, feeder_ids: list[str]) -> tuple[str, Verdict]:
    outage_id = whole.draft(mark=mark, feeder_ids=feeder_ids)
    whole.change(outage_id, "publish")
    whole.wait_told(outage_id)
    return outage_id, judge_outage(whole, outage_id)


def test_unregistered_devices_get_sms(whole):
    """A customer whose devices are all unregistered gets one SMS instead, and the devices are deleted."""
    people = whole.on_push()[10:13]
    gone = [device.registration for person in people for device in person.devices]
    whole.script("fcm", [{"match": {"registration": each}, "action": {"error": "UNREGISTERED"}} for each in gone])
    outage_id, verdict = _tell(whole, "GONE", sorted({person.feeder_id for person in people}))
    assert verdict.wrong == []
    for person in people:
        ((state, channel, _),) = whole.query(NOTIFIER, DELIVERY, outage_id, person.code)
        assert (state, channel) == ("delivered", "sms")
        (text,) = [line for line in whole.journal("twilio") if _is_to(line, person, "GONE")]
        assert text["body"]
        assert not whole.query(NOTIFIER, "SELECT FROM device_customer WHERE customer_code = $1", person.code)


@pytest.mark.parametrize(
    "action",
    [
        {"hang": True},
        {"hang": True, **LOST},
        {"hang": True, "list_after_s": 1.0, **LOST},
        {"http_status": 500, "accepted": True, **LOST},
        {"http_status": 500},
        {"http_status": 429, "retry_after_s": 1},
    ],
    ids=["hangs", "hangs-silently", "hangs-and-is-listed-late", "500-but-taken", "500", "429"],
)
def test_unknown_sms_is_sent_once(whole, request, action):
    """Whatever Twilio answers, the message is found at Twilio, or proved missing and sent again: one SMS in all."""
    person = whole.on_sms()[6]
    whole.script("twilio", [{"match": {"to": person.contacts[0].phone}, "action": action, "times": 1}])
    mark = f"UNKNOWN {request.node.callspec.id}."
    outage_id, verdict = _tell(whole, mark, [person.feeder_id])
    assert verdict.wrong == []
    assert len([line for line in whole.journal("twilio") if _is_to(line, person, mark)]) == 1
    ((state, channel, _),) = whole.query(NOTIFIER, DELIVERY, outage_id, person.code)
    assert channel == "sms"
    assert state in {"accepted", "delivered"}


def test_retry_after_is_obeyed(whole):
    """FCM answers many pushes with 503 and 429: none is retried before Retry-After, none is missed or repeated."""
    storm = [
        {"match": {"every": 2}, "action": {"error": "UNAVAILABLE", "retry_after_s": RETRY_AFTER_S}, "times": 150},
        {"match": {}, "action": {"error": "QUOTA_EXCEEDED", "retry_after_s": RETRY_AFTER_S}, "times": 100},
    ]
    whole.script("fcm", storm)
    _, verdict = _tell(whole, "STORM", [])
    assert verdict.wrong == []
    assert verdict.pushes_repeated <= verdict.pushes_unknown
    assert verdict.states["failed"] == 0
    refused = {_call(line): datetime.fromisoformat(line["at"]) for line in whole.journal("fcm", "refused")}
    waits = [
        datetime.fromisoformat(line["at"]) - refused[_call(line)]
        for line in whole.journal("fcm")
        if _call(line) in refused
    ]
    assert len(waits) > 100
    assert min(waits) >= timedelta(seconds=RETRY_AFTER_S)


def test_disordered_callbacks_settle_sms(whole):
    """Doubled, shuffled and early callbacks deliver an SMS, 30003 fails it, and a lost one leaves it accepted."""
    people = whole.on_sms()[8:11]
    failing = [
        {"match": {"to": person.contacts[0].phone}, "action": {"error": 30003, "callbacks": ["doubled", "shuffled"]}}
        for person in people
    ]
    modes = [["lost"], ["doubled"], ["shuffled"], ["early"], ["doubled", "shuffled", "early"]]
    others = [
        {"match": {"probability": 0.4, "seed": number}, "action": {"callbacks": mode}}
        for number, mode in enumerate(modes)
    ]
    whole.script("twilio", [*failing, *others])
    outage_id, verdict = _tell(whole, "CALLBACKS", [])
    _wait_delivered(whole, outage_id)
    verdict = judge_outage(whole, outage_id)
    assert verdict.wrong == []
    assert verdict.in_state["failed"] == {person.code for person in people}
    lost = [line for line in whole.journal("twilio") if _lost(line) and "CALLBACKS" in line["body"]]
    by_sms = dict(tuple(row) for row in whole.query(NOTIFIER, STATES_BY_SMS, outage_id))
    assert by_sms["failed"] == len(people)
    assert 0 < by_sms["accepted"] <= len(lost), "a call that timed out is looked up and may turn out to be delivered"
    assert sum(by_sms.values()) == verdict.texts


def _wait_delivered(whole, outage_id: str) -> None:
    """Wait until every callback for these messages has been answered and applied."""

    def answered() -> bool:
        texts = {line["sid"] for line in whole.journal("twilio") if "CALLBACKS" in line["body"] and not _lost(line)}
        told = {
            line["sid"]
            for line in whole.journal("twilio", "callback")
            if line["status"] in {"delivered", "undelivered", "failed"} and line["answered"] is not None
        }
        return texts <= told

    wait_until(answered, what="Twilio has made its callbacks")
    wait_until(whole.receipts_applied, what="every receipt is applied")


def _lost(line) -> bool:
    return "lost" in (line["action"] or {}).get("callbacks", [])


def _is_to(line, person, mark: str) -> bool:
    return line["to"] == person.contacts[0].phone and mark in line["body"]


def _call(line) -> tuple[str, str]:
    """Return what identifies a push call: the delivery and the device."""
    message = line["body"]["message"]
    return message["data"]["delivery_id"], message.get("token") or message["fid"]
