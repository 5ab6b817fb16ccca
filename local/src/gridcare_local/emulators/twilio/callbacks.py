"""Status callbacks: signed form posts, several at a time, but those of one message in order."""

import asyncio
import base64
import hashlib
import hmac
import logging
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from urllib.parse import parse_qs, urldefrag, urlencode

from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import PyreqwestError

WORKERS: Final = 16
TIMEOUT_S: Final = 15.0  # Twilio's own limit for a callback
RETRIES_MAX: Final = 5  # Twilio's own limit for `rc`
SERVER_ERROR: Final = 500

logger = logging.getLogger(__name__)


def sign(url: str, fields: Mapping[str, str], auth_token: str) -> str:
    """Return X-Twilio-Signature: the HMAC-SHA1 of the URL and the sorted names and values, in base64."""
    signed = url + "".join(name + fields[name] for name in sorted(fields))
    return base64.b64encode(hmac.new(auth_token.encode(), signed.encode(), hashlib.sha1).digest()).decode()


@dataclass(frozen=True, slots=True)
class Callback:
    """A post to send. `done` is called with the HTTP status of the answer, or None if there was none."""

    url: str
    sid: str
    fields: Mapping[str, str]
    done: Callable[[int | None], None]


class CallbackPoster:
    """Posts callbacks. Messages are spread over workers; a message's callbacks go to one worker, in order."""

    def __init__(self, auth_token: str) -> None:
        self._auth_token = auth_token
        self._queues: list[asyncio.Queue[Callback]] = []
        self._workers: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Start the workers on the running loop."""
        client = ClientBuilder().timeout(timedelta(seconds=TIMEOUT_S)).follow_redirects(enable=False).build()
        self._queues = [asyncio.Queue() for _ in range(WORKERS)]
        self._workers = [asyncio.create_task(self._work(client, queue)) for queue in self._queues]

    def put(self, callback: Callback) -> None:
        """Queue a callback after the earlier ones of its message."""
        self._queues[zlib.crc32(callback.sid.encode()) % WORKERS].put_nowait(callback)

    async def _work(self, client: Client, queue: asyncio.Queue[Callback]) -> None:
        while True:
            callback = await queue.get()
            status: int | None = None
            try:
                status = await self._post(client, callback)
            except Exception:
                # the worker goes on, since other callbacks are waiting
                logger.exception("callback of %s", callback.sid)
            callback.done(status)

    async def _post(self, client: Client, callback: Callback) -> int | None:
        """Post a callback, with as many retries as `#rc=` in the URL says (by default none); return the HTTP status."""
        url, fragment = urldefrag(callback.url)
        retries = parse_qs(fragment).get("rc", ["0"])[0]
        tries = 1 + min(int(retries) if retries.isdecimal() else 0, RETRIES_MAX)
        headers = {
            "content-type": "application/x-www-form-urlencoded; charset=utf-8",
            "user-agent": "TwilioProxy/1.1",
            "x-twilio-signature": sign(url, callback.fields, self._auth_token),
        }
        status: int | None = None
        for _ in range(tries):
            try:
                request = client.post(url).headers(headers).body_text(urlencode(callback.fields)).build()
                status = (await request.send()).status
            except PyreqwestError:
                status = None  # no answer, or too late; the journal says so
            if status is not None and status < SERVER_ERROR:
                break
        return status
