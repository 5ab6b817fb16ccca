"""The closed vocabulary of log fields and span attributes, and how their values are cleaned.

A field whose name is not listed here is dropped. A new field must hold no personal data and no text that a caller wrote.
Values are numbers, ids and codes; prose is refused.
"""

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from enum import Enum
from typing import Final
from uuid import UUID

TEXT_MAX: Final = 300
ITEMS_MAX: Final = 20

_VOCABULARY: Final = """
event level logger message time service process version host port pid loop command
request_id trace_id route method status duration_ms duration_s code reason outcome caller_roles
error_class error_code error_frames error_causes error_constraint dropped_fields
outage_id notice_id batch_id delivery_id recipient_id attempt_id ticket_id incident_id team_id bill_id payment_id
refund_id reading_id supply_point_id provider_event_id event_id aggregate_id key_id template template_version
revision generation kind state channel lane language provider provider_status provider_code provider_message_id
step action notices topic topics partition offset group shard shards consumer event_type lag_records records crashes fate
count total done rows accepted refused skipped failed planned batches members page pages line size_bytes limit
attempt attempts tries grace_s backoff_s lease_s wait_s age_s timeout_s late_s deadline_s rate_per_s segments
pool_size pool_in_use due_at until since next_attempt_at resumed stopped signal migration dry_run
"""
ALLOWED: Final = frozenset(_VOCABULARY.split())

_CODE: Final = re.compile(r"[!-~]*")
"""Printable ASCII without spaces: codes, ids, topics and routes look like this, people's names do not."""

_ID: Final = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{16,}|\b[A-Z]{2}\d{11}(?!\d)"
"""UUIDs, trace and provider ids and customer codes are left whole, even if digits in them look like a phone number."""

_PHONE: Final = r"(?:\+\d|(?<!\d)(?:84|0)\d)(?:[ .\-()]{0,2}\d){6,13}(?!\d)"
_ID_OR_PHONE: Final = re.compile(f"(?P<id>{_ID})|{_PHONE}")


def mask(text: str) -> str:
    """Return `text` with every phone number masked except for its last two digits; ids are left whole."""

    def hide(match: re.Match[str]) -> str:
        return match[0] if match["id"] else f"***{match[0][-2:]}"

    return _ID_OR_PHONE.sub(hide, text)


def clean(value: object) -> object:
    """Return a value in a form that may be logged: plain, short and masked.

    Prose becomes `<text>`, since it may quote somebody, and a value of an unknown type becomes its class name.
    """
    cleaned: object = f"<{type(value).__name__}>"
    if value is None or isinstance(value, bool | float):
        cleaned = value
    elif isinstance(value, int):
        shown = mask(str(value))  # a phone number that somebody read as one integer is still a phone number
        cleaned = value if shown == str(value) else shown
    elif isinstance(value, Enum):
        cleaned = clean(value.value)
    elif isinstance(value, UUID):
        cleaned = str(value)
    elif isinstance(value, datetime | date):
        cleaned = value.isoformat()
    elif isinstance(value, timedelta):
        cleaned = value.total_seconds()
    elif isinstance(value, str):
        cleaned = text(value) if _CODE.fullmatch(value) else "<text>"
    elif isinstance(value, Mapping):
        cleaned = {key: clean(item) for key, item in list(value.items())[:ITEMS_MAX] if key in ALLOWED}
    elif isinstance(value, list | tuple | set | frozenset):
        cleaned = [clean(item) for item in list(value)[:ITEMS_MAX]]
    return cleaned


def text(value: str) -> str:
    """Return `value` masked and then cut to the length limit; cut first, half a phone number could slip through."""
    return mask(value[: 2 * TEXT_MAX])[:TEXT_MAX]
