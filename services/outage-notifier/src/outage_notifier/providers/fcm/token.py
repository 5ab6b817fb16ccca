"""Access tokens of a service account, renewed in the background before they expire."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import google.auth.exceptions
import google.auth.transport
from google.oauth2.service_account import Credentials
from pyreqwest.client import SyncClient
from pyreqwest.exceptions import PyreqwestError

from gridcare.errors import SettingsError
from gridcare.observability.logging import get_logger
from gridcare.values.addresses import is_safe
from outage_notifier.ledger.core.outcome import Outcome, OutcomeKind

SCOPE: Final = "https://www.googleapis.com/auth/firebase.messaging"
LIFETIME_S: Final = 3600.0
RENEW_BEFORE_END_S: Final = 300.0
END_MARGIN_S: Final = 10.0
"""A token this close to its expiry is no longer used: it could expire on the way."""

AFTER_FAILURE_S: Final = 5.0
"""For this long after a failed renewal the same failure is returned: senders must not hammer the token endpoint."""

logger = get_logger()


class NoToken(Exception):
    """There is no access token; `outcome` is what a call comes to without one."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.code)
        self.outcome = outcome


def read_service_account(path: str) -> Credentials:
    """Read a service-account file. Raises SettingsError if it is not one."""
    try:
        account: dict[str, Any] = json.loads(Path(path).read_bytes())
        credentials: Credentials = Credentials.from_service_account_info(account, scopes=[SCOPE])
    except (OSError, ValueError, google.auth.exceptions.GoogleAuthError) as error:
        raise SettingsError(f"the FCM credentials file cannot be used: {type(error).__name__}") from None
    if not credentials.project_id:
        raise SettingsError("the FCM credentials file cannot be used: it names no project")
    if not is_safe(account["token_uri"]):
        raise SettingsError("the FCM credentials file cannot be used: its token_uri must be https")
    return credentials


class AccessTokens:
    """The current access token. One renewal at a time, in a thread: google-auth blocks.

    `authorization` is the header's value, or None while there is no token; then `wait()` for one.
    """

    def __init__(self, credentials: Credentials, client: SyncClient) -> None:
        self._credentials = credentials
        self._request = _Request(client)
        self._renewal: asyncio.Task[str] | None = None
        self._failed: tuple[float, Outcome] | None = None
        self._doubted = False
        self._trial: str | None = None
        self._renew_at_s = 0.0
        self._end: asyncio.TimerHandle | None = None
        self.authorization: str | None = None

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Keep a token for as long as the block lasts."""
        keeper = asyncio.create_task(self._keep())
        try:
            yield
        finally:
            for task in (keeper, self._renewal):
                if task is not None:
                    task.cancel()
                    with contextlib.suppress(asyncio.CancelledError, NoToken):
                        await task
            if self._end is not None:
                self._end.cancel()

    async def wait(self) -> str:
        """Return the header's value, after a renewal when there is none. Raises NoToken."""
        if self.authorization is not None:
            return self.authorization
        now_s = asyncio.get_running_loop().time()
        if self._failed is not None and now_s < self._failed[0] + AFTER_FAILURE_S:
            raise NoToken(self._failed[1])
        return await self._renew()

    def refused(self, authorization: str) -> bool:
        """Note a 401. Return True if there is or will be another token, so that trying again makes sense.

        A token that is refused is given up and a new one fetched. If that one is refused before anything was accepted
        with it, the credentials are wrong, not the token.
        """
        wrong = authorization == self._trial
        if authorization == self.authorization:
            self.authorization = None
            self._doubted = True
            if wrong:
                self._failed = (asyncio.get_running_loop().time(), Outcome(OutcomeKind.MISCONFIGURED, "token-refused"))
        return not wrong

    def accepted(self, authorization: str) -> None:
        """Note that a token was accepted."""
        if authorization == self._trial:
            self._trial = None

    @property
    def on_trial(self) -> bool:
        """Whether the current token replaced a refused one and was not accepted yet."""
        return self._trial is not None

    async def _renew(self) -> str:
        if self._renewal is None or self._renewal.done():
            self._renewal = asyncio.create_task(self._fetch())
        return await asyncio.shield(self._renewal)

    async def _fetch(self) -> str:
        loop = asyncio.get_running_loop()
        try:
            await asyncio.to_thread(self._credentials.refresh, self._request)
        except google.auth.exceptions.GoogleAuthError as error:
            outcome = _failure(error)
            self._failed = (loop.time(), outcome)
            logger.warning("access_token_not_renewed", provider="fcm", outcome=outcome.kind.value)
            raise NoToken(outcome) from error
        expiry: datetime | None = self._credentials.expiry  # without a zone, in UTC
        lifetime_s = (expiry.replace(tzinfo=UTC) - datetime.now(UTC)).total_seconds() if expiry else LIFETIME_S
        authorization = f"Bearer {self._credentials.token}"
        self._trial = authorization if self._doubted else None
        self._doubted, self._failed = False, None
        self.authorization = authorization
        self._renew_at_s = loop.time() + max(lifetime_s - RENEW_BEFORE_END_S, lifetime_s / 2)
        if self._end is not None:
            self._end.cancel()
        self._end = loop.call_later(max(lifetime_s - END_MARGIN_S, lifetime_s / 2), self._ended, authorization)
        return authorization

    def _ended(self, authorization: str) -> None:
        if self.authorization == authorization:
            self.authorization = None

    async def _keep(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                await self._renew()
            except NoToken:
                await asyncio.sleep(AFTER_FAILURE_S)
                continue
            while (wait_s := self._renew_at_s - loop.time()) > 0:  # noqa: ASYNC110 - a renewal after a 401 moves it
                await asyncio.sleep(wait_s)


def _failure(error: google.auth.exceptions.GoogleAuthError) -> Outcome:
    """Return what a failed renewal comes to: Google refused the key, or its endpoint could not be reached."""
    refused = isinstance(error, google.auth.exceptions.RefreshError) and not error.retryable
    kind = OutcomeKind.MISCONFIGURED if refused else OutcomeKind.RETRY
    return Outcome(kind, "token-refused" if refused else "token-unavailable")


class _Response(google.auth.transport.Response):
    """An answer as google-auth wants it."""

    def __init__(self, status: int, headers: Mapping[str, str], data: bytes) -> None:
        self._status, self._headers, self._data = status, headers, data

    @property
    def status(self) -> int:
        return self._status

    @property
    def headers(self) -> Mapping[str, str]:
        return self._headers

    @property
    def data(self) -> bytes:
        return self._data


class _Request(google.auth.transport.Request):
    """Google-auth's requests over the same kind of client as everything else, so that one CA file serves both.

    (The `requests` library would let REQUESTS_CA_BUNDLE of the environment overrule the session's own CA file.)
    """

    def __init__(self, client: SyncClient) -> None:
        self._client = client

    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        **kwargs: Any,
    ) -> _Response:
        del timeout, kwargs  # the client has its own deadline
        try:
            response = (
                self._client.request(method, url).headers(dict(headers or {})).body_bytes(body or b"").build().send()
            )
            return _Response(response.status, dict(response.headers), bytes(response.bytes()))
        except PyreqwestError as error:
            raise google.auth.exceptions.TransportError(type(error).__name__) from error
