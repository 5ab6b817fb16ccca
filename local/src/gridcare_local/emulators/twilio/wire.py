"""Twilio's JSON: messages and errors."""

import re
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache
from typing import Any, Final

from gridcare_local.emulators.twilio.messages import Message

LAST_OF_THE_BASIC_PLANE: Final = 0xFFFF  # characters beyond it take two UTF-16 units
API: Final = "/2010-04-01"
_GSM_BASIC: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_EXTENSION: Final = frozenset("\f^{}\\[~]|€")
_E164: Final = re.compile(r"\+[1-9]\d{6,14}")

REFUSALS: Final = {
    20001: "A parameter is not valid",
    20003: "Authenticate",
    20404: "The requested resource was not found",
    20429: "Too Many Requests",
    20500: "Internal Server Error",
    21211: "The 'To' number is not a valid phone number.",
    21602: "Message body is required.",
    21603: "A 'From' phone number is required.",
    21604: "A 'To' phone number is required.",
    21609: "The StatusCallback URL is not a valid URL.",
    21610: "Attempt to send to unsubscribed recipient",
    21614: "'To' number is not a valid mobile number",
    21617: "The concatenated message body exceeds the 1600 character limit",
}
OUTCOMES: Final = {
    30003: "Unreachable destination handset",
    30005: "Unknown destination handset",
    30007: "Message filtered",
    30008: "Unknown error",
    30036: "Validity period expired",
}


def is_e164(number: str) -> bool:
    """Return whether a number is `+` and 7 to 15 digits."""
    return _E164.fullmatch(number) is not None


def segments(body: str) -> int:
    """Return the number of parts of a text: GSM-7 160/153 septets, else UCS-2 70/67 units (3GPP TS 23.038, 23.040)."""
    if all(char in _GSM_BASIC or char in _GSM_EXTENSION for char in body):
        costs, single, joined = [2 if char in _GSM_EXTENSION else 1 for char in body], 160, 153
    else:
        costs, single, joined = [2 if ord(char) > LAST_OF_THE_BASIC_PLANE else 1 for char in body], 70, 67
    if sum(costs) <= single:
        return 1
    parts, room = 1, joined
    for cost in costs:  # an escape sequence or a surrogate pair is never split
        if cost > room:
            parts, room = parts + 1, joined
        room -= cost
    return parts


def moment(at_s: float | None) -> str | None:
    """Format a moment as Twilio does: RFC 2822, in whole seconds."""
    return None if at_s is None else _rfc_2822(int(at_s))


@lru_cache(maxsize=16)
def _rfc_2822(second: int) -> str:
    return format_datetime(datetime.fromtimestamp(second, UTC))


def message_json(message: Message, account_sid: str) -> dict[str, Any]:
    """Return a message's JSON object with its current state."""
    uri = f"{API}/Accounts/{account_sid}/Messages/{message.sid}"
    return {
        "account_sid": account_sid,
        "api_version": API[1:],
        "body": message.body,
        "date_created": moment(message.created_s),
        "date_sent": moment(message.sent_s),
        "date_updated": moment(message.updated_s or message.created_s),
        "direction": "outbound-api",
        "error_code": message.error_code,
        "error_message": OUTCOMES.get(message.error_code or 0),
        "from": message.sender or None,
        "messaging_service_sid": message.messaging_service_sid,
        "num_media": "0",
        "num_segments": str(segments(message.body)),
        "price": None,
        "price_unit": "USD",
        "sid": message.sid,
        "status": message.status,
        "subresource_uris": {"media": f"{uri}/Media.json"},
        "to": message.to,
        "uri": f"{uri}.json",
    }


def error_json(code: int, status: int) -> dict[str, Any]:
    """Return the JSON object of a refusal."""
    message = REFUSALS.get(code, "The request was refused")
    return {
        "code": code,
        "message": message,
        "more_info": f"https://www.twilio.com/docs/errors/{code}",
        "status": status,
    }
