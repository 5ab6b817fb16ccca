"""What the sending flows share: clients, limits, the breaker."""

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Protocol

import structlog

from gridcare.events.notices import Channel
from gridcare.observability import metrics
from gridcare.postgres.database import Database
from gridcare.values.clock import Clock
from outage_notifier.contacts.vault import Purpose
from outage_notifier.ledger.core.notice import Content
from outage_notifier.ledger.core.outcome import Outcome, OutcomeKind, PushSender, SmsSender
from outage_notifier.sending.core.quiet_hours import QuietHours
from outage_notifier.sending.flow.take_rate import RateGrants
from outage_notifier.texts.languages import Language

logger = structlog.get_logger()


class PushBody(Protocol):
    """A push of one notice in one language, waiting for a device: the whole request as JSON."""

    def render(self, *, kind: str, registration: str, delivery_id: str) -> bytes: ...


class Renderer(Protocol):
    """Makes messages of notices."""

    def push(self, content: Content, language: Language, *, ttl_s: int) -> PushBody: ...

    def sms(self, content: Content, language: Language) -> str: ...


class Opener(Protocol):
    """Opens sealed contacts."""

    def open(self, sealed: bytes, purpose: Purpose) -> bytes: ...


@dataclass(frozen=True, slots=True)
class SendLimits:
    """How long things may take and how many go on at once in a batch.

    `call_timeout_s` is less than `lease_s`: no call starts that could end after the lease. `sms_chunk_size`: attempts that
    are committed before their calls start; a crash leaves at most so many in doubt. `batches_at_once`: how many a process
    sends at once, in each lane of a channel.
    """

    lease_s: float = 30
    call_timeout_s: float = 10
    push_concurrency: int = 300
    sms_chunk_size: int = 50
    record_interval_s: float = 0.25
    batches_at_once: Mapping[Channel, int] = field(default_factory=lambda: {"push": 4, "sms": 2})
    first_look: timedelta = timedelta(seconds=90)


BLOCKED: Final = Outcome(OutcomeKind.MISCONFIGURED, "breaker-open")
"""What a call that an open breaker forbids comes to."""

NOT_STARTED: Final = Outcome(OutcomeKind.RETRY, "not-started")
"""Stands for a call that could not be started any more: it is made later."""


@dataclass(slots=True)
class Breaker:
    """Open while our own credentials look wrong: nothing is sent and nothing is pruned until it closes by time."""

    channel: str
    pause_s: float = 60.0
    open_until_s: float = field(default=0.0)

    async def guard(self, call: Callable[[], Awaitable[Outcome]]) -> Outcome:
        """Make a call unless the breaker is open; open it when the call says that our own credentials are refused."""
        if self.is_open:
            return BLOCKED
        outcome = await call()
        if outcome.kind is OutcomeKind.MISCONFIGURED:
            self.trip(outcome.code)
        return outcome

    def trip(self, why: str) -> None:
        if not self.is_open:
            logger.error("breaker_opened", channel=self.channel, reason=why)
            metrics.BREAKERS_OPENED.inc(channel=self.channel)
        self.open_until_s = time.monotonic() + self.pause_s

    @property
    def is_open(self) -> bool:
        return time.monotonic() < self.open_until_s


@dataclass(frozen=True, slots=True)
class Sending:
    """What a sender works with."""

    db: Database
    clock: Clock
    push: PushSender
    sms: SmsSender
    renderer: Renderer
    vault: Opener
    rates: Mapping[str, RateGrants]
    quiet_hours: QuietHours
    limits: SendLimits
    breakers: Mapping[str, Breaker]
