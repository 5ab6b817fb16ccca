"""FCM v1's answers as outcomes.

Source: firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode. Only UNREGISTERED says that a device is gone: a 404
without it is a wrong project or address, and must not cost anybody their registration. A refusal (a
SENDER_ID_MISMATCH, an answer of Apple's, …) is about one device as long as the others are served; if it is about all of them,
ledger/core/breaker.py sees it.
"""

from datetime import datetime
from typing import Final

import msgspec
from msgspec import Struct

from gridcare.http.client import retry_after_s
from outage_notifier.ledger.core.outcome import Outcome, OutcomeKind

QUOTA_PAUSE_S: Final = 60.0
"""FCM asks for a wait of at least a minute after a QUOTA_EXCEEDED that names no time."""

BAD_ANSWER: Final = Outcome(OutcomeKind.UNKNOWN, "bad-answer")

_MEANINGS: Final = {
    "UNREGISTERED": Outcome(OutcomeKind.REFUSED, "UNREGISTERED", contact_dead=True),
    "INVALID_ARGUMENT": Outcome(OutcomeKind.REFUSED, "INVALID_ARGUMENT"),
    "SENDER_ID_MISMATCH": Outcome(OutcomeKind.REFUSED, "SENDER_ID_MISMATCH", contact_foreign=True),
    "THIRD_PARTY_AUTH_ERROR": Outcome(OutcomeKind.REFUSED, "THIRD_PARTY_AUTH_ERROR"),
    "QUOTA_EXCEEDED": Outcome(OutcomeKind.RETRY, "QUOTA_EXCEEDED", retry_after_s=QUOTA_PAUSE_S),
    "UNAVAILABLE": Outcome(OutcomeKind.RETRY, "UNAVAILABLE"),
    "INTERNAL": Outcome(OutcomeKind.UNKNOWN, "INTERNAL"),
}
_BY_STATUS: Final = {400: OutcomeKind.REFUSED, 413: OutcomeKind.REFUSED, 429: OutcomeKind.RETRY, 503: OutcomeKind.RETRY}
_REQUEST_TIMEOUT: Final = 408
_CLIENT_ERRORS: Final = range(300, 500)


class _Detail(Struct):
    error_code: str = msgspec.field(name="errorCode", default="")


class _Error(Struct):
    status: str = ""
    details: list[_Detail] = []


class _Refusal(Struct):
    error: _Error


_decode = msgspec.json.Decoder(_Refusal).decode


def error_code(body: bytes) -> str:
    """Find FcmError's code in an answer; empty when it has none (a proxy's page, another API's error)."""
    try:
        error = _decode(body).error
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    return next((detail.error_code for detail in error.details if detail.error_code), "")


def refused(status: int, body: bytes, retry_after: str | None, now: datetime) -> Outcome:
    """Say what an answer other than 200 means; `retry_after` is its header, `now` the machine's time."""
    meaning = _MEANINGS.get(error_code(body)) or _by_status(status)
    if meaning.kind is not OutcomeKind.RETRY:
        return meaning
    wait_s = retry_after_s(retry_after, now)
    return meaning if wait_s is None else msgspec.structs.replace(meaning, retry_after_s=wait_s)


def _by_status(status: int) -> Outcome:
    """Judge an answer that is not FCM's own: a client error was certainly not taken, and is not the device's fault."""
    kind = _BY_STATUS.get(status)
    if kind is None:
        sure = status in _CLIENT_ERRORS and status != _REQUEST_TIMEOUT
        kind = OutcomeKind.MISCONFIGURED if sure else OutcomeKind.UNKNOWN
    return Outcome(kind, f"http-{status}")
