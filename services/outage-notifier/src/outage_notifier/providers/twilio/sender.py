"""Twilio's Programmable Messaging: SMS sent once, and looked up.

Messages have no idempotency key. Whether a call of unknown end made one is learned from its status callback or by a look-up
(receipts/flow/resolve_unknown.py), never by sending again.
"""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Final, Self
from urllib.parse import quote

from pyreqwest.client import ClientBuilder
from pyreqwest.exceptions import RequestError
from twilio.base.exceptions import TwilioException
from twilio.rest import Client
from twilio.rest.api.v2010.account.message import MessageInstance

from gridcare.errors import Retryable
from gridcare.http.client import configured, retry_after_s
from outage_notifier.ledger.core.outcome import ListedMessage, Outcome, OutcomeKind
from outage_notifier.providers.http_client import failed
from outage_notifier.providers.twilio.http import Refused, TwilioHttp

API_URL: Final = "https://api.twilio.com"
CALLBACK_PATH: Final = "/v1/callbacks/twilio"
CALLBACK_RETRIES: Final = "rc=5&rp=all"
"""Five retries of a callback, whatever went wrong: without this Twilio calls once. It neither sends nor signs the fragment.
Source: twilio.com/docs/usage/webhooks/webhooks-connection-overrides."""
DEADLINE_S: Final = 10.0
VALIDITY_S_MIN: Final = 1
VALIDITY_S_MAX: Final = 36_000
"""Source: twilio.com/docs/messaging/api/message-resource (ValidityPeriod)."""

RECENT_MAX: Final = 1_000
"""Twilio's largest page: more messages than one number gets in the hours that a look-up may go back."""
POOL_IDLE: Final = timedelta(seconds=15)
"""Shorter than the server's: a request written to a connection that it just closed has an unknown outcome."""

_DEAD: Final = frozenset({21211, 21614})  # not a number, not a mobile
_OPTED_OUT: Final = 21610
_OURS: Final = frozenset({20003, 20404, 21408, 21603, 21606, 21609, 21659, 21660, 21661})
"""Credentials, account, a region not enabled, a sender or callback address that will not do."""

_TOO_MANY: Final = 429
_TOO_MANY_CODE: Final = 20429
_REQUEST_TIMEOUT: Final = 408
_MISCONFIGURED: Final = frozenset({401, 403, 404})
_SERVER_ERROR: Final = 500
_BAD_ANSWER: Final = Outcome(OutcomeKind.UNKNOWN, "bad-answer")


_HOSTS_APART: Final = timedelta(seconds=2)
"""The provider has many hosts, whose clocks may differ by about that."""
_DRIFT: Final = 1e-4
"""How much slower our monotonic clock may run; good ones keep within a tenth of that."""


class ProviderClock:
    """The provider's clock, read from its answers and carried on by our monotonic clock: our time of day plays no part."""

    def __init__(self, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._monotonic_s = monotonic_s
        self._read: tuple[datetime, float] | None = None

    def heed(self, created_at: datetime) -> None:
        """Note when the provider says that it made what it answers with just now."""
        self._read = (created_at, self._monotonic_s())

    def at_least(self) -> datetime | None:
        """Return what it shows now, at least; None before the first answer."""
        if self._read is None:
            return None
        created_at, heeded_s = self._read
        passed = timedelta(seconds=(self._monotonic_s() - heeded_s) * (1 - _DRIFT))
        return created_at + passed - _HOSTS_APART


class TwilioSmsSender:
    """Sends as one account and sender. It never retries by itself."""

    def __init__(self, client: Client, *, sender: str, callback_url: str) -> None:
        self._client = client
        self._sender = sender
        self._callback_url = callback_url
        self._clock = ProviderClock()

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        *,
        account_sid: str,
        auth_token: str,
        sender: str,
        public_url: str,
        api_url: str = API_URL,
        ca_file: str | None = None,
        deadline_s: float = DEADLINE_S,
    ) -> AsyncIterator[Self]:
        """Open the pool. `public_url` is the base of our addresses as Twilio sees them."""
        builder = configured(ClientBuilder(), url=api_url, deadline_s=deadline_s, ca_file=ca_file)
        async with builder.pool_idle_timeout(POOL_IDLE).build() as http:
            client = Client(
                account_sid,
                auth_token,
                http_client=TwilioHttp(http),
                environment={"TWILIO_EDGE": "", "TWILIO_REGION": ""},  # the process's own must not move the address
            )
            client.api.base_url = api_url.rstrip("/")
            yield cls(client, sender=sender, callback_url=callback_address(public_url))

    async def send(self, *, to: str, body: str, callback_ref: str, validity_s: int) -> Outcome:
        """Create a message; the status callback's address carries `callback_ref`. Never tries twice."""
        try:
            message = await self._client.messages.create_async(
                to=to,
                from_=self._sender,
                body=body,
                status_callback=f"{self._callback_url}?attempt={quote(callback_ref, safe='')}#{CALLBACK_RETRIES}",
                validity_period=min(max(validity_s, VALIDITY_S_MIN), VALIDITY_S_MAX),
            )
        except Refused as error:
            return refusal(error.status, error.code, error.retry_after, datetime.now(UTC))
        except RequestError as error:
            return failed(error)
        except (TwilioException, ValueError, AttributeError, TypeError):
            return _BAD_ANSWER  # the library could not read an answer of 2xx: the message may well exist
        if not message.sid:
            return _BAD_ANSWER
        if message.date_created:
            self._clock.heed(message.date_created)
        return Outcome(OutcomeKind.ACCEPTED, message_id=message.sid)

    def provider_time(self) -> datetime | None:
        """Return what Twilio's clock shows now, at least, by its own answers; None before the first one."""
        return self._clock.at_least()

    async def recent(self, to: str) -> list[ListedMessage]:
        """List the newest messages to a number, newest first. Raises Retryable.

        There is no date filter: Twilio's filters whole days by DateSent, which a queued message does not have yet.
        """
        try:
            messages = await self._client.messages.list_async(to=to, limit=RECENT_MAX, page_size=RECENT_MAX)
        except (Refused, RequestError, TwilioException, ValueError, AttributeError, TypeError) as error:
            raise Retryable(f"twilio: {type(error).__name__}") from None  # its text may quote the number
        return [_listed(message) for message in messages]


def _listed(message: MessageInstance) -> ListedMessage:
    """Read a listed message. Raises Retryable if it cannot be read: leaving it out would say that it does not exist."""
    if not message.sid or not message.date_created:
        raise Retryable("twilio: a listed message cannot be read")
    code = None if message.error_code is None else str(message.error_code)
    return ListedMessage(message.sid, message.body or "", str(message.status), code, message.date_created)


def callback_address(public_url: str) -> str:
    """Return the address of status callbacks, without its query."""
    return f"{public_url.rstrip('/')}{CALLBACK_PATH}"


def refusal(status: int, code: int, retry_after: str | None, now: datetime) -> Outcome:
    """Say what an answer other than 2xx to a create means; `code` is Twilio's, 0 when it gave none.

    Source: twilio.com/docs/api/errors. A 4xx was certainly not created; a 5xx may have been.
    What Twilio says of a number is that contact's alone, whatever the status. 21612 is about the
    number with our sender, and marks no number.
    """
    text = str(code or f"http-{status}")
    if status == _TOO_MANY or code == _TOO_MANY_CODE:
        return Outcome(OutcomeKind.RETRY, text, retry_after_s=retry_after_s(retry_after, now))
    if status >= _SERVER_ERROR or status == _REQUEST_TIMEOUT:
        return Outcome(OutcomeKind.UNKNOWN, text)
    dead, opted_out = code in _DEAD, code == _OPTED_OUT
    if not dead and not opted_out and (code in _OURS or status in _MISCONFIGURED or not code):
        return Outcome(OutcomeKind.MISCONFIGURED, text)
    return Outcome(OutcomeKind.REFUSED, text, contact_dead=dead, opted_out=opted_out)
