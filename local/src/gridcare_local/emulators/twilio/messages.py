"""The messages of the emulated Twilio, and the statuses that each will reach."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from gridcare_local.emulators.twilio.rules import CallbackModes, TwilioAction

ASYNCHRONOUS_ERRORS_FROM: Final = 30000
VALIDITY_EXPIRED: Final = 30036
PATH: Final = ("queued", "sending", "sent", "delivered")
TERMINAL: Final = frozenset({"delivered", "undelivered", "failed"})


@dataclass(frozen=True, slots=True)
class StatusChange:
    """A status that a message will reach `after_s` seconds after its creation."""

    status: str
    after_s: float
    error_code: int | None = None


@dataclass(slots=True, kw_only=True)
class Message:
    """An accepted message. `changes` are the statuses that it has not reached yet."""

    sid: str
    to: str
    sender: str
    messaging_service_sid: str | None
    body: str
    created_s: float
    callback_url: str
    changes: list[StatusChange]
    listed_from_s: float
    callback_modes: CallbackModes
    callback_delay_s: float
    status: str = "queued"
    error_code: int | None = None
    sent_s: float | None = None
    updated_s: float = 0.0

    def reach(self, status: str, error_code: int | None, at_s: float) -> None:
        """Set the status. The first one from `sent` on sets the date sent."""
        self.status, self.error_code, self.updated_s = status, error_code, at_s
        if self.sent_s is None and status not in {"queued", "sending", "failed"}:
            self.sent_s = at_s


def plan(action: TwilioAction | None, *, pace_s: float, validity_s: int) -> list[StatusChange]:
    """Return the statuses after `queued`. A message that is not handed on within its validity fails at its end."""
    action = action or TwilioAction()
    pace_s = pace_s if action.pace_s is None else action.pace_s
    code = action.error if action.error is not None and action.error >= ASYNCHRONOUS_ERRORS_FROM else None
    last = action.outcome or ("undelivered" if code else "delivered")
    names = [*PATH[1:-1], last] if last in TERMINAL else list(PATH[1 : PATH.index(last) + 1])
    if last == "failed":
        names.remove("sent")
    changes = [StatusChange(name, pace_s * at) for at, name in enumerate(names, 1)]
    if last in {"undelivered", "failed"}:
        changes[-1] = StatusChange(last, changes[-1].after_s, code)
    handed_on_s = next((change.after_s for change in changes if change.status != "sending"), float("inf"))
    if handed_on_s > validity_s:
        changes = [change for change in changes if change.after_s <= validity_s]
        changes.append(StatusChange("failed", validity_s, VALIDITY_EXPIRED))
    return changes


class MessageBook:
    """All messages by sid and by number, in the order of creation."""

    def __init__(self) -> None:
        self._by_sid: dict[str, Message] = {}
        self._by_to: dict[str, dict[str, Message]] = {}

    def add(self, message: Message) -> None:
        """Add a message."""
        self._by_sid[message.sid] = message
        self._by_to.setdefault(message.to, {})[message.sid] = message

    def get(self, sid: str) -> Message | None:
        """Return the message with a sid, or None."""
        return self._by_sid.get(sid)

    def newest_first(self, to: str | None = None) -> Iterator[Message]:
        """Yield all messages, or those to one number, newest first."""
        return iter(reversed((self._by_sid if to is None else self._by_to.get(to, {})).values()))

    def newest(self, count: int) -> list[Message]:
        """Return the newest `count` messages."""
        return list(islice(self.newest_first(), count))

    def unfinished(self) -> list[Message]:
        """Return the messages that have not reached all their statuses."""
        return [message for message in self._by_sid.values() if message.changes]
