"""Preview an outage: whom publishing or revising it would tell, on which channel and for how much. Nothing is written."""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

import msgspec

from gridcare.errors import NotFound
from outage_notifier.outages.core.notices import notices_of
from outage_notifier.outages.core.outage import Outage, OutageDocument, Step, publish, revise
from outage_notifier.outages.core.rules import NoticeGiven, OutageRules
from outage_notifier.outages.flow.outage_desk import OutageDesk, refuse_unknown
from outage_notifier.outages.store import outage
from outage_notifier.planning.core.reach import NoticeReach
from outage_notifier.planning.flow.count_reach import count_reach
from outage_notifier.texts.fit import refuse_unfit

UNSAID = "a preview"
"""Stands for the reason of a late notice: a preview says that it would be late instead of refusing."""


@dataclass(frozen=True, slots=True)
class Preview:
    """What would be told, and how much notice the law's five days leave."""

    reach: list[NoticeReach]
    notice: NoticeGiven


async def preview_outage(desk: OutageDesk, outage_id: UUID, proposed: OutageDocument | None) -> Preview:
    """Count what publishing a draft, or revising a published outage as `proposed`, would come to now.

    Raises NotFound `outage-not-found` and what publishing or revising would raise, but for a late notice.
    """
    now = desk.clock.now()
    async with desk.db.transaction() as tx:
        found = await outage.find(tx, outage_id)
        if found is None:
            raise NotFound("outage-not-found", "there is no such outage")
        step = _step(found, proposed, desk.rules, now)
        await refuse_unknown(tx, step.after.document.scope)
        intents = notices_of(step, rules=desk.rules, now=now)
        refuse_unfit(desk.catalog, intents)
        reach = await count_reach(tx, desk.catalog, step.after, intents, price_vnd=desk.sms_price_vnd)
    rules = desk.rules
    return Preview(reach, NoticeGiven(step.after.document.start - now, rules.statutory_notice, rules.statutory_basis))


def _step(found: Outage, proposed: OutageDocument | None, rules: OutageRules, now: datetime) -> Step:
    if proposed is None:
        return publish(found, late_reason=UNSAID, rules=rules, now=now)
    if found.status == "draft":
        return publish(replace(found, document=proposed), late_reason=UNSAID, rules=rules, now=now)
    return revise(found, msgspec.structs.replace(proposed, late_reason=UNSAID), rules=rules, now=now)
