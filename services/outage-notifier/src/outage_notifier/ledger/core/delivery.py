"""A delivery: one notice to one recipient, always in exactly one state.

    planned ─▶ held, retrying, unknown, awaiting          open
            └▶ accepted, delivered, failed, unreachable, opted_out, superseded, expired, covered, unresolved   settled

A sender's outcome moves open states only (decision.py). A receipt raises the rank accepted < failed < delivered of any state.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Final, Literal
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from gridcare.events.notices import Channel
from outage_notifier.ledger.core.delivery_id import DeliveryId

DeliveryChannel = Literal["push", "sms", "none"]
"""How somebody is told; `none`: settled when it was planned, so that nothing is sent."""

DeliveryKey = tuple[UUID, str]
"""Names a delivery: its notice and its recipient."""


def name_of(key: DeliveryKey) -> str:
    """Return a delivery's key in one word, for the guard."""
    return "-".join(map(str, key))


class State(StrEnum):
    """The closed list of states."""

    PLANNED = "planned"
    HELD = "held"
    RETRYING = "retrying"
    UNKNOWN = "unknown"
    AWAITING = "awaiting"
    ACCEPTED = "accepted"
    DELIVERED = "delivered"
    FAILED = "failed"
    UNREACHABLE = "unreachable"
    OPTED_OUT = "opted_out"
    SUPERSEDED = "superseded"
    EXPIRED = "expired"
    COVERED = "covered"
    UNRESOLVED = "unresolved"


OPEN: Final = frozenset({State.PLANNED, State.HELD, State.RETRYING, State.UNKNOWN, State.AWAITING})
RECORDED: Final = tuple(state for state in State if state is not State.PLANNED)
"""The states that have a row, in the order of the ledger's columns."""

TOLD: Final = frozenset(
    {State.UNKNOWN, State.AWAITING, State.ACCEPTED, State.DELIVERED, State.COVERED, State.UNRESOLVED}
)
"""Who heard of a notice, or may have: they are told when it changes."""

APP_CONTACT: Final = "app"
"""Stands for the masked contact where the app told, and how many of its devices is not known any more."""

_PUSHED: Final = frozenset({State.AWAITING, State.ACCEPTED, State.DELIVERED})
_RANK: Final[Mapping[State, int]] = {State.ACCEPTED: 1, State.FAILED: 2, State.DELIVERED: 3}


class Delivery(Struct, frozen=True, gc=False):
    """A delivery as it is recorded, its fields named as the columns of its table.

    `contact` is masked, or says how many devices; empty where there is none. `told_devices` took the push where
    others of the recipient did not, or not yet; None when all did, or none. `told_by_push`: a push was accepted before the
    SMS that `channel` and `contact` tell of.
    """

    notice_id: UUID
    recipient_id: str
    number: int
    home_batch_id: UUID
    language: str
    state: State
    reason: str
    channel: DeliveryChannel
    contact: str
    covered_by: str | None
    tries: int
    looks: int
    next_attempt_at: datetime | None
    next_channel: Channel | None
    follow_up_batch_id: UUID | None
    recorded_at: datetime
    told_devices: Sequence[str] | None = None
    told_by_push: bool = False

    @property
    def pushed(self) -> bool:
        """Say whether a push of it was accepted: then the recipient is told, whatever becomes of an SMS after it."""
        return self.told_by_push or (self.channel == "push" and self.state in _PUSHED)

    @property
    def key(self) -> DeliveryKey:
        """Its notice and its recipient."""
        return (self.notice_id, self.recipient_id)

    @property
    def delivery_id(self) -> DeliveryId:
        """Its name as a device sees it."""
        return DeliveryId(self.notice_id, self.number)


def settled(row: Delivery, state: State, *, reason: str, now: datetime) -> Delivery:
    """Return a delivery in a settled state: nothing more is tried."""
    return replace(
        row,
        state=state,
        reason=reason,
        next_attempt_at=None,
        next_channel=None,
        follow_up_batch_id=None,
        recorded_at=now,
    )


def raised(current: State, receipt: State) -> State:
    """Return the state after a receipt: the higher rank wins, in any order and any number of times."""
    return receipt if _RANK.get(receipt, 0) > _RANK.get(current, 0) else current


def after_sms(row: Delivery, receipt: State, *, code: str, now: datetime) -> Delivery | None:
    """Return a delivery after a receipt of an SMS, with nothing more to be tried; None if the receipt changes nothing.

    `code` is the provider's, empty without one. A failure does not undo that a push was accepted before: the recipient
    stays told by it. The caller fills in the contact of a delivery that is told by SMS only now.
    """
    if receipt is State.FAILED and row.pushed:
        if row.state is State.DELIVERED or (row.state is State.ACCEPTED and row.channel == "push"):
            return None
        kept = settled(row, State.ACCEPTED, reason=f"sms-{code or 'failed'}", now=now)
        return kept if row.channel == "push" else replace(kept, channel="push", contact=APP_CONTACT)
    following = raised(row.state, receipt)
    if following is row.state:
        return None
    return replace(settled(row, following, reason=code or "receipt", now=now), channel="sms")
