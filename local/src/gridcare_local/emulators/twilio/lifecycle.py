"""Messages go their way: statuses in their time, each journaled, then told to the status callback."""

import asyncio
from collections.abc import Callable
from typing import Any, Final

from gridcare_local.emulators.twilio.callbacks import Callback, CallbackPoster
from gridcare_local.emulators.twilio.messages import TERMINAL, Message, Step

# Twilio tells of no initial status, and `sending` is passed in silence.
TOLD: Final = TERMINAL | {"sent"}
EARLY_WAIT_S: Final = 10.0

Record = Callable[[str, dict[str, Any]], dict[str, Any]]


class Lifecycle:
    """Moves messages along their steps on the running loop."""

    def __init__(self, account_sid: str, poster: CallbackPoster, record: Record, now_s: Callable[[], float]) -> None:
        self._account_sid = account_sid
        self._poster = poster
        self._record = record
        self._now_s = now_s
        self._held: dict[str, list[Callback]] = {}

    def follow(self, message: Message) -> None:
        """Let a message take its next steps when they fall due."""
        if message.steps:
            due_s = message.created_s + message.steps[0].after_s - self._now_s()
            asyncio.get_running_loop().call_later(max(0.0, due_s), self._step_and_follow, message)

    async def hurry(self, message: Message) -> None:
        """Take all steps at once and wait until the callbacks were answered (bounded)."""
        answered: list[asyncio.Future[None]] = []
        while message.steps:
            self._step(message, answered)
        if answered:
            await asyncio.wait(answered, timeout=EARLY_WAIT_S)

    def tell_again(self, message: Message, status: str, error_code: int | None) -> None:
        """Queue a callback that a killed process left untold; it has waited long enough."""
        self._poster.put(self._callback(message, Step(status, 0.0, error_code), []))

    def _step_and_follow(self, message: Message) -> None:
        if message.steps:
            self._step(message, [])
            self.follow(message)

    def _step(self, message: Message, answered: list[asyncio.Future[None]]) -> None:
        step = message.steps.pop(0)
        message.reach(step.status, step.error_code, self._now_s())
        self._record("status", {"sid": message.sid, "status": step.status, "error_code": step.error_code})
        if step.status in TOLD and message.callback_url and "lost" not in message.callback_modes:
            self._tell(message, step, answered)

    def _tell(self, message: Message, step: Step, answered: list[asyncio.Future[None]]) -> None:
        for _ in range(2 if "doubled" in message.callback_modes else 1):
            callback = self._callback(message, step, answered)
            if "shuffled" in message.callback_modes:
                self._held.setdefault(message.sid, []).append(callback)
            else:
                self._put(message, callback)
        if not message.steps:
            for callback in reversed(self._held.pop(message.sid, [])):  # the last first: the worst order there is
                self._put(message, callback)

    def _put(self, message: Message, callback: Callback) -> None:
        if message.callback_delay_s:
            asyncio.get_running_loop().call_later(message.callback_delay_s, self._poster.put, callback)
        else:
            self._poster.put(callback)

    def _callback(self, message: Message, step: Step, answered: list[asyncio.Future[None]]) -> Callback:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        answered.append(future)

        def done(status: int | None) -> None:
            self._record("callback", {"sid": message.sid, "status": step.status, "answered": status})
            if not future.done():
                future.set_result(None)

        fields = {
            "AccountSid": self._account_sid,
            "ApiVersion": "2010-04-01",
            "From": message.sender,
            "MessageSid": message.sid,
            "MessageStatus": step.status,
            "SmsSid": message.sid,
            "SmsStatus": step.status,
            "To": message.to,
        }
        if message.messaging_service_sid:
            fields["MessagingServiceSid"] = message.messaging_service_sid
        if step.error_code is not None:
            fields["ErrorCode"] = str(step.error_code)
        return Callback(message.callback_url, message.sid, fields, done)
