"""The last check before a call: whether a message is superseded, too late, or to be held until the morning."""

import time
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from gridcare.values.clock import Clock
from outage_notifier.ledger.core.decision import Decision, decide_unsent
from outage_notifier.sending.core.batch_to_send import BatchToSend, Pending
from outage_notifier.sending.core.lease import Lease
from outage_notifier.sending.core.quiet_hours import QuietHours
from outage_notifier.texts.template import TEMPLATES

ANSWER_KEPT_S: Final = 0.1
"""Quiet hours and usefulness end to the minute: reading the clock for every message costs more than it is worth."""


@dataclass(slots=True)
class LastCheck:
    """Says, just before the call of a batch's member, why it is not to be sent now.

    Within a notice, the answer depends only on whether the member was told before. It is kept for `ANSWER_KEPT_S`, and not at
    all once a newer revision was published.
    """

    batch: BatchToSend
    lease: Lease
    clock: Clock
    quiet_hours: QuietHours
    _kept: dict[tuple[UUID, bool], tuple[float, Decision | None]] = field(default_factory=dict)

    def why_unsent(self, pending: Pending) -> Decision | None:
        """Return what becomes of a member that is not to be sent now, or None if it may be sent."""
        key = (pending.content.notice_id, pending.member.told_before)
        decided_at_s, decision = self._kept.get(key, (-ANSWER_KEPT_S, None))
        now_s = time.monotonic()
        if now_s - decided_at_s >= ANSWER_KEPT_S or self.lease.superseded:
            decision = self._decide(pending)
            self._kept[key] = (now_s, decision)
        return decision

    def _decide(self, pending: Pending) -> Decision | None:
        content = pending.content
        situation = self.batch.situation(pending, self.clock.now())
        waits = not TEMPLATES[content.template].ignores_quiet_hours
        held_until = self.quiet_hours.held_until(situation.now) if waits else None
        return decide_unsent(situation, superseded=content.superseded or self.lease.superseded, held_until=held_until)
