"""The requests and errors of FCM v1."""

from typing import Any, Final

from msgspec import Struct

from gridcare_local.emulators.http import Answer, json_answer

PAYLOAD_BYTES_MAX: Final = 4096
ERRORS: Final = {  # FcmError.ErrorCode: (HTTP status, google.rpc status, message)
    "UNREGISTERED": (404, "NOT_FOUND", "Requested entity was not found."),
    "INVALID_ARGUMENT": (400, "INVALID_ARGUMENT", "The registration token is not a valid FCM registration token"),
    "SENDER_ID_MISMATCH": (403, "PERMISSION_DENIED", "SenderId mismatch"),
    "QUOTA_EXCEEDED": (429, "RESOURCE_EXHAUSTED", "Quota exceeded for quota metric 'Messages'."),
    "UNAVAILABLE": (503, "UNAVAILABLE", "The service is currently unavailable."),
    "INTERNAL": (500, "INTERNAL", "Internal error encountered."),
    "THIRD_PARTY_AUTH_ERROR": (401, "UNAUTHENTICATED", "Auth error from APNS or Web Push Service"),
}
QUOTA_RETRY_AFTER_S: Final = 60


class Message(Struct):
    """The fields of a message that decide where it goes."""

    token: str | None = None
    fid: str | None = None
    topic: str | None = None
    condition: str | None = None
    data: dict[str, str] | None = None


class SendRequest(Struct):
    """The body of `messages:send`."""

    message: Message | None = None
    validateOnly: bool = False  # noqa: N815 - FCM's own name
    validate_only: bool = False


def fault(status: int, status_name: str, message: str, details: list[dict[str, Any]], **answer: Any) -> Answer:
    """Return an error in the form of Google's APIs."""
    error = {"code": status, "message": message, "status": status_name, "details": details}
    return json_answer({"error": error}, status, **answer)


def fcm_fault(code: str, *, retry_after_s: int | None = None, after_s: float = 0.0) -> Answer:
    """Return one of FCM's errors, with the FcmError detail that contains its code."""
    status, status_name, message = ERRORS[code]
    details = [{"@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": code}]
    if code == "QUOTA_EXCEEDED" and retry_after_s is None:
        retry_after_s = QUOTA_RETRY_AFTER_S
    headers = () if retry_after_s is None else (("retry-after", str(retry_after_s)),)
    return fault(status, status_name, message, details, headers=headers, after_s=after_s)


def bad_request(field: str, description: str) -> Answer:
    """Return FCM's answer to an invalid request, with the details FcmError and BadRequest."""
    details: list[dict[str, Any]] = [
        {"@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": "INVALID_ARGUMENT"},
        {
            "@type": "type.googleapis.com/google.rpc.BadRequest",
            "fieldViolations": [{"field": field, "description": description}],
        },
    ]
    return fault(400, "INVALID_ARGUMENT", description, details)


def unauthenticated() -> Answer:
    """Return the answer to a missing, foreign, revoked or expired access token."""
    message = (
        "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid "
        "authentication credential."
    )
    details = [
        {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "ACCESS_TOKEN_EXPIRED",
            "domain": "googleapis.com",
            "metadata": {"service": "fcm.googleapis.com", "method": "google.firebase.fcm.v1.FcmService.SendMessage"},
        }
    ]
    return fault(401, "UNAUTHENTICATED", message, details, headers=(("www-authenticate", 'Bearer realm="FCM"'),))
