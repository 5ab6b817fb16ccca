"""The rules of the FCM emulator: what they can match and do."""

from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta, Struct

from gridcare_local.emulators.script import Match, Rule, Seconds, Status

ErrorCode = Literal[
    "UNREGISTERED",
    "INVALID_ARGUMENT",
    "SENDER_ID_MISMATCH",
    "QUOTA_EXCEEDED",
    "UNAVAILABLE",
    "INTERNAL",
    "THIRD_PARTY_AUTH_ERROR",
]


@dataclass(frozen=True, slots=True)
class PushFacts:
    """What rules see of a send request."""

    registration: str
    delivery_id: str

    @property
    def recipient(self) -> str:
        """The registration, for sticky draws."""
        return self.registration


class FcmMatch(Match, forbid_unknown_fields=True, kw_only=True):
    """Matches send requests by registration (`token` or `fid`), by its prefix or by `data.delivery_id`."""

    registration: str | None = None
    registration_prefix: str | None = None
    delivery_id: str | None = None

    def fits(self, facts: PushFacts) -> bool:
        """Return whether registration and delivery match."""
        return (
            (self.registration is None or facts.registration == self.registration)
            and (self.registration_prefix is None or facts.registration.startswith(self.registration_prefix))
            and (self.delivery_id is None or self.delivery_id == facts.delivery_id)
        )


class FcmAction(Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """What happens to a send request.

    `error` refuses it as FCM does, and `http_status` with a bare status, as a proxy would. With `accepted`, the message
    is nevertheless accepted and only the answer is the error.
    """

    latency_s: Seconds = 0.0
    error: ErrorCode | None = None
    http_status: Status | None = None
    retry_after_s: Annotated[int, Meta(ge=0)] | None = None
    accepted: bool = False
    hang: bool = False


FcmRule = Rule[FcmMatch, FcmAction]
