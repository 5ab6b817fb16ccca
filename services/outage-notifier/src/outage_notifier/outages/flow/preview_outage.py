"""Preview an outage: whom publishing or revising it would tell, on which channel and at what cost. Nothing is written."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec

from gridcare.errors import NotFound
from outage_notifier.outages.core.outage import Change, Outage, OutageDocument, publish, revise
from outage_notifier.outages.core.rules import NoticeGiven, OutageRules
from outage_notifier.outages.flow.known_scope import refuse_unknown
from outage_notifier.outages.flow.notices import fitting_notices, reach_of
from outage_notifier.outages.room import Outages
from outage_notifier.outages.store import outage
from outage_notifier.planning.core.reach import NoticeReach

UNSAID = "a preview"
"""Stands in for the reason of a late notice: a preview says that the notice would be late instead of refusing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewOutage:
    """Preview publishing a draft, or publishing or revising an outage as `proposed`."""

    outage_id: UUID
    proposed: OutageDocument | None = None


@dataclass(frozen=True, slots=True)
class Preview:
    """Who would be told, how much notice they would get, and how much the law demands."""

    reach: list[NoticeReach]
    notice: NoticeGiven


async def preview_outage(command: PreviewOutage, *, room: Outages) -> Preview:
    """Count whom a change would reach if it were published now.

    Raises NotFound `outage-not-found`, and what publishing or revising would raise, except for a late notice.
    """
    now, rules = room.clock.now(), room.rules
    async with room.db.transaction() as tx:
        before = await outage.find(tx, command.outage_id)
        if before is None:
            raise NotFound("outage-not-found", "there is no such outage")
        change = _change(before, command.proposed, rules, now)
        document = change.after.document
        await refuse_unknown(tx, document.scope)
        intents = fitting_notices(change, room=room, now=now)
        reach = await reach_of(tx, change, intents, room=room)
    given = NoticeGiven(document.start - now, rules.statutory_notice, rules.statutory_basis)
    return Preview(reach, given)


def _change(before: Outage, proposed: OutageDocument | None, rules: OutageRules, now: datetime) -> Change:
    if proposed is None:
        return publish(before, late_reason=UNSAID, rules=rules, now=now)
    if before.state == "draft":
        return publish(msgspec.structs.replace(before, document=proposed), late_reason=UNSAID, rules=rules, now=now)
    return revise(before, msgspec.structs.replace(proposed, late_reason=UNSAID), rules=rules, now=now)
