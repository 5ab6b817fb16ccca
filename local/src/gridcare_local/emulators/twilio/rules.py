"""The rules of the Twilio emulator: what they can match and do."""

from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta, Struct

from gridcare_local.emulators.script import Match, Rule, Seconds, Status

MessageStatus = Literal["queued", "sending", "sent", "delivered", "undelivered", "failed"]
CallbackMode = Literal["lost", "doubled", "shuffled", "early"]
CallbackModes = tuple[CallbackMode, ...]


@dataclass(frozen=True, slots=True)
class SmsFacts:
    """What rules see of a create request."""

    to: str
    body: str

    @property
    def recipient(self) -> str:
        """The phone number, for sticky draws."""
        return self.to


class TwilioMatch(Match, forbid_unknown_fields=True, kw_only=True):
    """Matches create requests by number, by its prefix or by a part of the text."""

    to: str | None = None
    to_prefix: str | None = None
    body_contains: str | None = None

    def fits(self, facts: SmsFacts) -> bool:
        """Return whether number and text match."""
        return (
            (self.to is None or facts.to == self.to)
            and (self.to_prefix is None or facts.to.startswith(self.to_prefix))
            and (self.body_contains is None or self.body_contains in facts.body)
        )


class TwilioAction(Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """What happens to a create request. By default, Twilio accepts it without delay and delivers the message.

    `http_status` refuses it with that status (429 has code 20429). With `accepted`, the message is nevertheless
    accepted and only the answer is the error. `error` below 30000 refuses with 400 and that code. From 30000 on, the
    message is accepted and later gets that error, as `undelivered` unless `outcome` is `failed`. `outcome` is the last
    status.
    """

    latency_s: Seconds = 0.0
    http_status: Status | None = None
    accepted: bool = False
    retry_after_s: Annotated[int, Meta(ge=0)] | None = None
    hang: bool = False
    error: Annotated[int, Meta(ge=20000, le=39999)] | None = None
    outcome: MessageStatus | None = None
    pace_s: Seconds | None = None
    list_after_s: Seconds = 0.0
    callbacks: CallbackModes = ()
    callback_delay_s: Seconds = 0.0


TwilioRule = Rule[TwilioMatch, TwilioAction]
