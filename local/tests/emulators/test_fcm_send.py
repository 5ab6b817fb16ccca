"""Sending pushes with google-auth's credentials, with errors that Firebase's library understands."""

import json
import time
from datetime import timedelta

import pytest
import requests
from firebase_admin import messaging
from firebase_admin._utils import handle_platform_error_from_requests
from firebase_admin.exceptions import InternalError, InvalidArgumentError, UnavailableError
from pyreqwest.client import ClientBuilder

from gridcare_local.testing.emulators import registrations

FCM_ERROR = "type.googleapis.com/google.firebase.fcm.v1.FcmError"


def accepted(emulator, registration):
    lines = emulator.journal()
    return [line for line in lines if registration in {line["body"]["message"].get(kind) for kind in ("token", "fid")}]


@pytest.mark.parametrize("kind", ["token", "fid"])
def test_pushes_are_journaled_unchanged(fcm_emulator, push, kind):
    """A message to a token or a fid gets a name, and the journal has its whole body."""
    registration = next(registrations)
    data = {"delivery_id": "d-1", "text": "Mất điện"}
    other = {"token": None} if kind == "fid" else {}
    answer = push(registration, **{**other, kind: registration, "data": data})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    line = accepted(fcm_emulator, registration)[0]
    assert line["name"] == answer.json()["name"]
    assert line["body"]["message"]["data"] == data


def test_indented_bodies_are_one_line(fcm_emulator, connect_fcm):
    """Indented JSON becomes one line of the journal."""
    registration = next(registrations)
    body = json.dumps({"message": {"token": registration}}, indent=2)
    url = f"{fcm_emulator.url}/v1/projects/gridcare-local/messages:send"
    assert connect_fcm(fcm_emulator).post(url, data=body).status_code == 200
    assert len(accepted(fcm_emulator, registration)) == 1


async def test_it_speaks_http_2(fcm_emulator, connect_fcm):
    """A client that offers HTTP/2 over TLS uses it."""
    session = connect_fcm(fcm_emulator)
    session.post(f"{fcm_emulator.url}/v1/projects/gridcare-local/messages:send", json={})  # gets a token
    certificate = fcm_emulator.ca_file.read_bytes()
    builder = ClientBuilder().http2(enable=True).add_root_certificate_pem(certificate).timeout(timedelta(seconds=5))
    async with builder.build() as client:
        request = client.post(f"{fcm_emulator.url}/v1/projects/gridcare-local/messages:send").bearer_auth(
            session.credentials.token
        )
        answer = await request.body_json({"message": {"token": next(registrations)}}).build().send()
        assert (answer.version, answer.status) == ("HTTP/2.0", 200)


def test_validate_only_accepts_nothing(fcm_emulator, connect_fcm):
    """A dry run is answered but not journaled."""
    registration = next(registrations)
    url = f"{fcm_emulator.url}/v1/projects/gridcare-local/messages:send"
    body = {"validateOnly": True, "message": {"token": registration}}
    assert connect_fcm(fcm_emulator).post(url, json=body).status_code == 200
    assert accepted(fcm_emulator, registration) == []


@pytest.mark.parametrize(
    ("code", "status", "exception"),
    [
        ("UNREGISTERED", 404, messaging.UnregisteredError),
        ("INVALID_ARGUMENT", 400, InvalidArgumentError),
        ("SENDER_ID_MISMATCH", 403, messaging.SenderIdMismatchError),
        ("QUOTA_EXCEEDED", 429, messaging.QuotaExceededError),
        ("UNAVAILABLE", 503, UnavailableError),
        ("INTERNAL", 500, InternalError),
        ("THIRD_PARTY_AUTH_ERROR", 401, messaging.ThirdPartyAuthError),
    ],
)
def test_an_error_reads_as_fcms(fcm_emulator, push, code, status, exception):
    """A scripted error has FCM's status and detail, Firebase's library understands it, and nothing is accepted."""
    registration = next(registrations)
    fcm_emulator.script([{"match": {"registration": registration}, "action": {"error": code}}])
    answer = push(registration)
    assert answer.status_code == status
    assert answer.json()["error"]["details"] == [{"@type": FCM_ERROR, "errorCode": code}]
    with pytest.raises(requests.HTTPError) as raised:
        answer.raise_for_status()
    read = messaging._MessagingService._build_fcm_error_requests
    assert type(handle_platform_error_from_requests(raised.value, read)) is exception
    assert accepted(fcm_emulator, registration) == []
    assert fcm_emulator.journal("refused")[-1]["code"] == code


def test_retry_after_is_sent(fcm_emulator, push):
    """QUOTA_EXCEEDED has 60 seconds by default; UNAVAILABLE has what the script says, or nothing."""
    fcm_emulator.script([{"match": {}, "action": {"error": "QUOTA_EXCEEDED"}}])
    assert push().headers["retry-after"] == "60"
    fcm_emulator.script([{"match": {}, "action": {"error": "UNAVAILABLE", "retry_after_s": 2}}])
    assert push().headers["retry-after"] == "2"
    fcm_emulator.script([{"match": {}, "action": {"error": "UNAVAILABLE"}}])
    assert "retry-after" not in push().headers


def test_bare_statuses_have_no_body(fcm_emulator, push):
    """http_status answers without an FCM error, as a proxy would."""
    fcm_emulator.script([{"match": {}, "action": {"http_status": 502}}])
    answer = push()
    assert (answer.status_code, answer.content) == (502, b"")


def test_rules_match_fields(fcm_emulator, push):
    """registration_prefix and delivery_id apply only to the messages that match."""
    fcm_emulator.script(
        [
            {"match": {"registration_prefix": "gone-"}, "action": {"error": "UNREGISTERED"}},
            {"match": {"delivery_id": "d-7"}, "action": {"error": "UNAVAILABLE"}, "times": 1},
        ]
    )
    assert push("gone-1").status_code == 404
    sent = [push(next(registrations), data={"delivery_id": name}).status_code for name in ("d-6", "d-7", "d-7")]
    assert sent == [200, 503, 200]


def test_errors_may_hide_acceptance(fcm_emulator, push):
    """With `accepted`, the answer is the error but the message is accepted."""
    registration = next(registrations)
    fcm_emulator.script([{"match": {}, "action": {"error": "INTERNAL", "accepted": True}}])
    assert push(registration).status_code == 500
    assert len(accepted(fcm_emulator, registration)) == 1


def test_a_hang_comes_after_accepting(fcm_emulator, push, eventually):
    """With `hang`, the sender times out but the message is accepted."""
    registration = next(registrations)
    push(registration)
    fcm_emulator.script([{"match": {"registration": registration}, "action": {"hang": True}}])
    with pytest.raises(requests.exceptions.ReadTimeout):
        push(registration, timeout_s=0.3)
    eventually(lambda: len(accepted(fcm_emulator, registration)) == 2)


def test_latency_delays_the_answer(fcm_emulator, push):
    """With `latency_s`, the answer comes later."""
    push()
    fcm_emulator.script([{"match": {}, "action": {"latency_s": 0.25}}])
    began = time.monotonic()
    assert push().status_code == 200
    assert 0.25 <= time.monotonic() - began < 5


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"message":{}}',
        b'{"message":{"token":"a","fid":"b"}}',
        b'{"message":{"token":"a","data":{"n":1}}}',
        b'{"message":{"token":"a","name":"\xff"}}',
        json.dumps({"message": {"token": "a", "data": {"text": "x" * 4096}}}).encode(),
        b'{"message":{"token":"' + b"a" * (1 << 20) + b'"}}',
    ],
    ids=["nothing", "torn", "list", "no message", "no target", "two targets", "number", "not UTF-8", "too big", "huge"],
)
def test_invalid_requests_are_refused(fcm_emulator, connect_fcm, body):
    """An invalid request is answered with INVALID_ARGUMENT and not journaled."""
    session = connect_fcm(fcm_emulator)
    before = fcm_emulator.counts().get("accepted", 0)
    answer = session.post(f"{fcm_emulator.url}/v1/projects/gridcare-local/messages:send", data=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["details"][0] == {"@type": FCM_ERROR, "errorCode": "INVALID_ARGUMENT"}
    assert fcm_emulator.counts().get("accepted", 0) == before


def test_another_project_is_forbidden(fcm_emulator, connect_fcm):
    """Sending to another project than the account's is 403."""
    answer = connect_fcm(fcm_emulator).post(f"{fcm_emulator.url}/v1/projects/other/messages:send", json={})
    assert (answer.status_code, answer.json()["error"]["status"]) == (403, "PERMISSION_DENIED")


def test_the_outbox_shows_messages(fcm_emulator, push):
    """The outbox is a page with the registrations, titles and texts of the newest messages, escaped."""
    registration = next(registrations)
    push(registration, notification={"title": "Mất điện <i>", "body": "từ 07:30"})
    session = requests.Session()
    session.trust_env, session.verify = False, str(fcm_emulator.ca_file)
    with session:
        text = session.get(f"{fcm_emulator.url}/_emulator/outbox").text
    assert registration in text
    assert "Mất điện &lt;i&gt;" in text
