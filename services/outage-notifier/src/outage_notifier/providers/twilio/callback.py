"""Twilio's status callbacks: whether they are Twilio's, and what they say.

Source: twilio.com/docs/usage/security (X-Twilio-Signature).
"""

import base64
import hmac
from dataclasses import dataclass, field
from itertools import product
from typing import Final
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from outage_notifier.ledger.core.outcome import StatusCallback

FIELDS_MAX: Final = 100
_PORTS: Final = {"https": 443, "http": 80}
_MESSAGE_ID_CHARS_MAX: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class TwilioCallbacks:
    """Reads what Twilio posts to us: the address that it was given, without its query, and the tokens that it may sign with.

    There are two while the account's token is rotated: Twilio signs with the new one from one moment to the next.
    """

    address: str
    auth_tokens: tuple[str, ...] = field(repr=False)

    def verify(self, *, query: str, body: bytes, signature: str) -> bool:
        """Say whether a form post is signed with a token of ours: HMAC-SHA1 over the address and the sorted fields.

        Twilio signs the whole address that it was given, query included, with the port or without.
        """
        try:
            fields = _fields(body)
        except ValueError:
            return False
        url = f"{self.address}?{query}" if query else self.address
        signed_fields = "".join(name + value for name, value in sorted(set(fields)))
        given = signature.encode()
        fits = False
        for address, token in product(_addresses(url), self.auth_tokens):
            digest = hmac.digest(token.encode(), (address + signed_fields).encode(), "sha1")
            fits |= hmac.compare_digest(base64.b64encode(digest), given)
        return fits

    def read(self, body: bytes) -> StatusCallback | None:
        """Read a status callback's form. Return None if it is not about a message's status."""
        try:
            fields = dict(_fields(body))
        except ValueError:
            return None
        message_id = fields.get("MessageSid") or fields.get("SmsSid") or ""
        status = fields.get("MessageStatus") or fields.get("SmsStatus") or ""
        if not _code(message_id) or not _code(status):
            return None
        error_code = fields.get("ErrorCode", "")
        return StatusCallback(message_id, status, error_code if _code(error_code) else "")


def _code(text: str) -> bool:
    return 0 < len(text) <= _MESSAGE_ID_CHARS_MAX and text.isascii() and text.replace("_", "").isalnum()


def _fields(body: bytes) -> list[tuple[str, str]]:
    """Parse a form as Twilio wrote it: blank values count, and nothing is trimmed. Raises ValueError."""
    return parse_qsl(
        body.decode("ascii"), keep_blank_values=True, encoding="utf-8", errors="strict", max_num_fields=FIELDS_MAX
    )


def _addresses(url: str) -> tuple[str, str]:
    """Return the address without its port and with it: Twilio's own library tries both."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    bare = f"[{host}]" if ":" in host else host
    port = parts.port or _PORTS.get(parts.scheme, 443)
    return urlunsplit(parts._replace(netloc=bare)), urlunsplit(parts._replace(netloc=f"{bare}:{port}"))
