"""Firebase Cloud Messaging, HTTP v1: one message per request, over a few HTTP/2 connections."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import cycle
from typing import Final, Self

import msgspec
from msgspec import Struct
from pyreqwest.bytes import Bytes
from pyreqwest.client import Client, ClientBuilder, SyncClientBuilder
from pyreqwest.exceptions import RequestError

from gridcare.http.client import configured
from outage_notifier.ledger.core.outcome import Outcome, OutcomeKind
from outage_notifier.providers.fcm import errors as fcm_errors
from outage_notifier.providers.fcm.token import AccessTokens, NoToken, read_service_account
from outage_notifier.providers.http_client import failed

API_URL: Final = "https://fcm.googleapis.com"
CONNECTIONS: Final = 10
"""Each client is one connection, and FCM allows about 100 streams per connection: at 100 ms per answer, ten of them carry
FCM's quota of 10,000 messages a second."""

DEADLINE_S: Final = 10.0
"""Source: firebase.google.com/docs/cloud-messaging/scale-fcm (at least ten seconds)."""

PING_INTERVAL: Final = timedelta(seconds=15)
PING_DEADLINE: Final = timedelta(seconds=5)
OK: Final = 200
UNAUTHENTICATED: Final = 401


class _Taken(Struct):
    name: str


_decode = msgspec.json.Decoder(_Taken).decode


class FcmPushSender:
    """Sends the pushes of one Firebase project. It never retries by itself: retries are rows of the ledger."""

    def __init__(self, *, url: str, clients: list[Client], tokens: AccessTokens) -> None:
        self._url = url
        self._next_client = cycle(clients).__next__
        self._tokens = tokens

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        *,
        credentials_file: str,
        api_url: str = API_URL,
        ca_file: str | None = None,
        connections: int = CONNECTIONS,
        deadline_s: float = DEADLINE_S,
    ) -> AsyncIterator[Self]:
        """Open the connections as they are needed, and keep an access token from now on.

        `credentials_file` is a service account's JSON. Raises SettingsError when a file cannot be used.
        """
        credentials = read_service_account(credentials_file)
        async with AsyncExitStack() as stack:
            clients = [
                await stack.enter_async_context(_client(url=api_url, deadline_s=deadline_s, ca_file=ca_file))
                for _ in range(connections)
            ]
            plain = stack.enter_context(
                configured(SyncClientBuilder(), url=api_url, deadline_s=deadline_s, ca_file=ca_file).build()
            )
            tokens = AccessTokens(credentials, plain)
            await stack.enter_async_context(tokens.kept())
            url = f"{api_url.rstrip('/')}/v1/projects/{credentials.project_id}/messages:send"
            yield cls(url=url, clients=clients, tokens=tokens)

    async def send(self, body: bytes) -> Outcome:
        """Send one message; `body` is the whole request as JSON (`PushMessage.body` in message.py)."""
        tokens = self._tokens
        try:
            authorization = tokens.authorization or await tokens.wait()
            request = self._next_client().post(self._url).header("authorization", authorization)
            response = await request.body_bytes(body).build().send()
            answer = await response.bytes()
        except NoToken as error:
            return error.outcome
        except RequestError as error:
            return failed(error)
        if response.status == OK:
            if tokens.on_trial:
                tokens.accepted(authorization)
            return _taken(answer)
        if response.status == UNAUTHENTICATED and not fcm_errors.error_code(bytes(answer)):
            again = tokens.refused(authorization)
            return Outcome(OutcomeKind.RETRY if again else OutcomeKind.MISCONFIGURED, "UNAUTHENTICATED")
        return fcm_errors.refused(response.status, bytes(answer), response.get_header("retry-after"), datetime.now(UTC))


def _taken(answer: Bytes) -> Outcome:
    try:
        name = _decode(answer).name
    except (msgspec.DecodeError, UnicodeDecodeError):
        return fcm_errors.BAD_ANSWER
    return Outcome(OutcomeKind.ACCEPTED, message_id=name.rpartition("/")[2])


def _client(*, url: str, deadline_s: float, ca_file: str | None) -> Client:
    """Build a client, which is one connection: over HTTP/2 alone a client never opens a second one to a host.

    The pings notice a connection that died in silence sooner than its messages' deadlines would, one by one.
    """
    return (
        configured(ClientBuilder(), url=url, deadline_s=deadline_s, ca_file=ca_file)
        .http2_prior_knowledge()
        .http2_keep_alive_interval(PING_INTERVAL)
        .http2_keep_alive_timeout(PING_DEADLINE)
        .http2_keep_alive_while_idle(enabled=True)
        .default_headers({"content-type": "application/json"})
        .gzip(enable=False)
        .brotli(enable=False)
        .zstd(enable=False)
        .deflate(enable=False)
        .build()
    )
