"""FCM's answers, each with its one meaning."""

import json
from datetime import UTC, datetime

import pytest

from outage_notifier.ledger.core.outcome import OutcomeKind
from outage_notifier.providers.fcm.errors import QUOTA_PAUSE_S, refused

NOW = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)
REFUSED, RETRY, UNKNOWN, WRONG = (
    OutcomeKind.REFUSED,
    OutcomeKind.RETRY,
    OutcomeKind.UNKNOWN,
    OutcomeKind.MISCONFIGURED,
)


def answer(code: str | None, status: str = "STATUS") -> bytes:
    details = [{"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": []}]
    if code:
        details.append({"@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": code})
    return json.dumps({"error": {"code": 0, "message": "m", "status": status, "details": details}}).encode()


@pytest.mark.parametrize(
    ("status", "code", "kind", "dead", "foreign"),
    [
        (404, "UNREGISTERED", REFUSED, True, False),
        (400, "INVALID_ARGUMENT", REFUSED, False, False),
        (403, "SENDER_ID_MISMATCH", REFUSED, False, True),
        (401, "THIRD_PARTY_AUTH_ERROR", REFUSED, False, False),
        (429, "QUOTA_EXCEEDED", RETRY, False, False),
        (503, "UNAVAILABLE", RETRY, False, False),
        (500, "INTERNAL", UNKNOWN, False, False),
    ],
)
def test_each_error_code(status, code, kind, dead, foreign):
    """FcmError's code decides: UNREGISTERED alone says that the device is gone, and none of them is our credential's fault."""
    outcome = refused(status, answer(code), None, NOW)
    assert (outcome.kind, outcome.code, outcome.contact_dead, outcome.contact_foreign) == (kind, code, dead, foreign)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (301, WRONG),
        (400, REFUSED),
        (403, WRONG),
        (404, WRONG),
        (408, UNKNOWN),
        (413, REFUSED),
        (418, WRONG),
        (429, RETRY),
        (500, UNKNOWN),
        (502, UNKNOWN),
        (503, RETRY),
        (504, UNKNOWN),
        (599, UNKNOWN),
    ],
)
@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff\xfe", answer(None), answer("A_NEW_CODE")])
def test_foreign_answers_by_status(status, body, kind):
    """A proxy's page, or a 404 of a wrong project, never costs a device its registration."""
    outcome = refused(status, body, None, NOW)
    assert (outcome.kind, outcome.code, outcome.contact_dead) == (kind, f"http-{status}", False)


@pytest.mark.parametrize(
    ("code", "header", "wait_s"),
    [
        ("QUOTA_EXCEEDED", None, QUOTA_PAUSE_S),
        ("QUOTA_EXCEEDED", "5", 5.0),
        ("UNAVAILABLE", None, None),
        ("UNAVAILABLE", "Mon, 23 Nov 2026 05:01:30 GMT", 90.0),
        ("INTERNAL", "5", None),
    ],
)
def test_retry_after_is_kept(code, header, wait_s):
    """What FCM asks for is kept; a quota that names no time waits a minute."""
    assert refused(503, answer(code), header, NOW).retry_after_s == wait_s
