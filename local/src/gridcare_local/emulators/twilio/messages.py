"""The messages that the emulated Twilio knows, and the path of statuses each will go."""

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
class Step:
    """A status that a message will reach, `after_s` seconds from its creation."""

    status: str
    after_s: float
    error_code: int | None = None


@dataclass(slots=True, kw_only=True)
class Message:
    """One accepted message; `steps` are those still ahead."""

    sid: str
    to: str
    sender: str
    messaging_service_sid: str | None
    body: str
    created_s: float
    callback_url: str
    steps: list[Step]
    listed_from_s: float
    callback_modes: CallbackModes
    callback_delay_s: float
    status: str = "queued"
    error_code: int | None = None
    sent_s: float | None = None
    updated_s: float = 0.0

    def reach(self, status: str, error_code: int | None, at_s: float) -> None:
        """Note a status; a message is sent from `sent` on."""
        self.status, self.error_code, self.updated_s = status, error_code, at_s
        if self.sent_s is None and status not in {"queued", "sending", "failed"}:
            self.sent_s = at_s


def plan(action: TwilioAction | None, *, pace_s: float, validity_s: int) -> list[Step]:
    """Lay out the statuses after `queued`, cut where the message's validity ends before it was handed on."""
    action = action or TwilioAction()
    pace_s = pace_s if action.pace_s is None else action.pace_s
    code = action.error if action.error is not None and action.error >= ASYNCHRONOUS_ERRORS_FROM else None
    last = action.outcome or ("undelivered" if code else "delivered")
    names = [*PATH[1:-1], last] if last in TERMINAL else list(PATH[1 : PATH.index(last) + 1])
    if last == "failed":
        names.remove("sent")
    steps = [Step(name, pace_s * at) for at, name in enumerate(names, 1)]
    if last in {"undelivered", "failed"}:
        steps[-1] = Step(last, steps[-1].after_s, code)
    handed_on_s = next((step.after_s for step in steps if step.status != "sending"), float("inf"))
    if handed_on_s > validity_s:
        steps = [step for step in steps if step.after_s <= validity_s] + [Step("failed", validity_s, VALIDITY_EXPIRED)]
    return steps


class MessageBook:
    """All messages, by sid and by number, each list in the order of creation."""

    def __init__(self) -> None:
        self._by_sid: dict[str, Message] = {}
        self._by_to: dict[str, dict[str, Message]] = {}

    def add(self, message: Message) -> None:
        """Take a message in."""
        self._by_sid[message.sid] = message
        self._by_to.setdefault(message.to, {})[message.sid] = message

    def get(self, sid: str) -> Message | None:
        """Find a message by its sid."""
        return self._by_sid.get(sid)

    def newest_first(self, to: str | None = None) -> Iterator[Message]:
        """Go through the messages, or those to one number, newest first."""
        return iter(reversed((self._by_sid if to is None else self._by_to.get(to, {})).values()))

    def newest(self, count: int) -> list[Message]:
        """Give the newest few."""
        return list(islice(self.newest_first(), count))

    def unfinished(self) -> list[Message]:
        """Give the messages that have statuses ahead of them."""
        return [message for message in self._by_sid.values() if message.steps]
