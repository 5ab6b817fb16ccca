"""The lives of messages: each status is reached at its time, journaled, and posted to the status callback."""

import asyncio
from collections.abc import Callable
from typing import Any, Final

from gridcare_local.emulators.twilio.callbacks import Callback, CallbackPoster
from gridcare_local.emulators.twilio.messages import TERMINAL, Message, StatusChange

# Twilio does not post the initial status or `sending`
POSTED: Final = TERMINAL | {"sent"}
EARLY_WAIT_S: Final = 10.0

Record = Callable[[str, dict[str, Any]], dict[str, Any]]


class Lifecycle:
    """Makes messages reach their planned statuses, on the running loop."""

    def __init__(self, account_sid: str, poster: CallbackPoster, record: Record, now_s: Callable[[], float]) -> None:
        self._account_sid = account_sid
        self._poster = poster
        self._record = record
        self._now_s = now_s
        self._held: dict[str, list[Callback]] = {}

    def follow(self, message: Message) -> None:
        """Make a message reach its next statuses when they are due."""
        if message.changes:
            due_s = message.created_s + message.changes[0].after_s - self._now_s()
            asyncio.get_running_loop().call_later(max(0.0, due_s), self._change_and_follow, message)

    async def hurry(self, message: Message) -> None:
        """Make a message reach all statuses at once and wait, for a limited time, until the callbacks are answered."""
        answered: list[asyncio.Future[None]] = []
        while message.changes:
            self._change_status(message, answered)
        if answered:
            await asyncio.wait(answered, timeout=EARLY_WAIT_S)

    def tell_again(self, message: Message, status: str, error_code: int | None) -> None:
        """Queue a callback that a killed process did not post, without a further delay."""
        self._poster.put(self._callback(message, StatusChange(status, 0.0, error_code), []))

    def _change_and_follow(self, message: Message) -> None:
        if message.changes:
            self._change_status(message, [])
            self.follow(message)

    def _change_status(self, message: Message, answered: list[asyncio.Future[None]]) -> None:
        change = message.changes.pop(0)
        message.reach(change.status, change.error_code, self._now_s())
        self._record("status", {"sid": message.sid, "status": change.status, "error_code": change.error_code})
        if change.status in POSTED and message.callback_url and "lost" not in message.callback_modes:
            self._tell(message, change, answered)

    def _tell(self, message: Message, change: StatusChange, answered: list[asyncio.Future[None]]) -> None:
        for _ in range(2 if "doubled" in message.callback_modes else 1):
            callback = self._callback(message, change, answered)
            if "shuffled" in message.callback_modes:
                self._held.setdefault(message.sid, []).append(callback)
            else:
                self._put(message, callback)
        if not message.changes:
            for callback in reversed(self._held.pop(message.sid, [])):  # the last first, the worst possible order
                self._put(message, callback)

    def _put(self, message: Message, callback: Callback) -> None:
        if message.callback_delay_s:
            asyncio.get_running_loop().call_later(message.callback_delay_s, self._poster.put, callback)
        else:
            self._poster.put(callback)

    def _callback(self, message: Message, change: StatusChange, answered: list[asyncio.Future[None]]) -> Callback:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        answered.append(future)

        def done(status: int | None) -> None:
            self._record("callback", {"sid": message.sid, "status": change.status, "answered": status})
            if not future.done():
                future.set_result(None)

        fields = {
            "AccountSid": self._account_sid,
            "ApiVersion": "2010-04-01",
            "From": message.sender,
            "MessageSid": message.sid,
            "MessageStatus": change.status,
            "SmsSid": message.sid,
            "SmsStatus": change.status,
            "To": message.to,
        }
        if message.messaging_service_sid:
            fields["MessagingServiceSid"] = message.messaging_service_sid
        if change.error_code is not None:
            fields["ErrorCode"] = str(change.error_code)
        return Callback(message.callback_url, message.sid, fields, done)
