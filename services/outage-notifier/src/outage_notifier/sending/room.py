"""What the use cases of sending work in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from gridcare.events.notices import Channel
from gridcare.postgres.database import Database
from gridcare.postgres.poison.guard import Guard
from gridcare.values.clock import Clock
from outage_notifier.contacts.vault import Vault
from outage_notifier.ledger.core.outcome import Outcome
from outage_notifier.sending.breaker import Breaker
from outage_notifier.sending.core.quiet_hours import QuietHours
from outage_notifier.sending.rate import Rate
from outage_notifier.sending.render import MessageRenderer


class PushSender(Protocol):
    """Sends pushes."""

    async def send(self, body: bytes) -> Outcome:
        """Send one; `body` is the whole FCM v1 request as JSON. Never tries twice."""
        ...


class SmsSender(Protocol):
    """Sends SMS."""

    async def send(self, *, to: str, body: str, callback_ref: str, validity_s: int) -> Outcome:
        """Send one; the status callback's address carries `callback_ref`. Never tries twice.

        After `validity_s`, which is cut to the provider's limits, the provider gives up.
        """
        ...

    def provider_time(self) -> datetime | None:
        """Return what the provider's clock shows now, at least, by its own answers; None before the first one."""
        ...


@dataclass(frozen=True, slots=True)
class SendLimits:
    """How long things may take and how many go on at once in a batch.

    `call_timeout_s` is less than `lease_s`: no call starts that could end after the lease. `push_concurrency` calls of a
    batch are under way at once. `sms_chunk_size` attempts are committed before their calls start; a crash leaves at most
    that many in doubt. A process sends `batches_at_once` at once, in each lane of a channel. `first_look` is how long after a
    call of unknown end the provider is first asked about it.
    """

    lease_s: float = 30
    call_timeout_s: float = 10
    push_concurrency: int = 300
    sms_chunk_size: int = 50
    record_interval_s: float = 0.25
    batches_at_once: Mapping[Channel, int] = field(default_factory=lambda: {"push": 4, "sms": 2})
    first_look: timedelta = timedelta(seconds=90)


@dataclass(frozen=True, slots=True)
class Waiting:
    """Where the batches are looked after that wait for a stopped channel; no provider is called."""

    db: Database
    clock: Clock
    guard: Guard
    first_look: timedelta


@dataclass(frozen=True, slots=True)
class Sending:
    """What a sender works with; each channel has a rate and a breaker of its own."""

    db: Database
    clock: Clock
    guard: Guard
    push: PushSender
    sms: SmsSender
    renderer: MessageRenderer
    vault: Vault
    rates: Mapping[Channel, Rate]
    quiet_hours: QuietHours
    limits: SendLimits
    breakers: Mapping[Channel, Breaker]
