"""What a script may match and do at the Twilio emulator."""

from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta, Struct

from gridcare_local.emulators.script import Match, Rule, Seconds, Status

MessageStatus = Literal["queued", "sending", "sent", "delivered", "undelivered", "failed"]
CallbackMode = Literal["lost", "doubled", "shuffled", "early"]
CallbackModes = tuple[CallbackMode, ...]


@dataclass(frozen=True, slots=True)
class SmsFacts:
    """What a rule sees of a create request."""

    to: str
    body: str

    @property
    def recipient(self) -> str:
        """The phone number: what sticky draws go by."""
        return self.to


class TwilioMatch(Match, forbid_unknown_fields=True, kw_only=True):
    """Which create requests: by number, by its beginning, by a piece of the text."""

    to: str | None = None
    to_prefix: str | None = None
    body_contains: str | None = None

    def fits(self, facts: SmsFacts) -> bool:
        """Tell whether number and text are the ones asked for."""
        return (
            (self.to is None or facts.to == self.to)
            and (self.to_prefix is None or facts.to.startswith(self.to_prefix))
            and (self.body_contains is None or self.body_contains in facts.body)
        )


class TwilioAction(Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """What happens to a create request; all defaults together are Twilio on a good day.

    `http_status` refuses with it (429 as code 20429), unless `accepted`: then the message is taken all the same and
    only the answer is that error. `error` below 30000 refuses with 400 and that code; from 30000 on the message is
    accepted and ends so, `undelivered` unless `outcome` says failed. `outcome` is the last status it ever reaches.
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
