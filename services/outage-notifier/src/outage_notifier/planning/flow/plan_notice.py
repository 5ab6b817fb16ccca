"""Plan a due notice: page its audience, choose each recipient's channel, cut batches with their members stored.

A page's batches, the cursor and the hints are one transaction guarded by the attempt: a planner that dies in mid-notice
is followed by one that goes on behind the last page, and one that wakes up late writes nothing.
"""

from gridcare.postgres.database import Connection
from outage_notifier.ledger.core.notice import ClaimedNotice
from outage_notifier.ledger.store import notice
from outage_notifier.planning.core.page import Recipient
from outage_notifier.planning.flow.write_page import write_page
from outage_notifier.planning.room import Planning
from outage_notifier.planning.store import contacts, recipients
from outage_notifier.planning.store.recipients import Audience


async def plan_due_notice(*, room: Planning) -> int:
    """Plan the next due notice to its end. Return 0 when none is due."""
    async with room.db.transaction() as tx:
        claimed = await notice.claim_due(tx, now=room.clock.now(), lease_s=room.lease_s)
        if claimed is None:
            return 0
        audience = await _open_audience(tx, claimed)
    cursor: str | None = claimed.cursor
    while cursor is not None:
        cursor = await _plan_page(claimed, audience, after=cursor, room=room)
    return 1


async def _open_audience(tx: Connection, claimed: ClaimedNotice) -> Audience:
    scope = await recipients.scope_at(tx, claimed.outage_id, claimed.revision)
    earlier = await recipients.earlier_notices(tx, claimed.outage_id, claimed.revision)
    return await recipients.open_audience(tx, claimed.audience_rule, scope, earlier)


async def _plan_page(claimed: ClaimedNotice, audience: Audience, *, after: str, room: Planning) -> str | None:
    """Plan the recipients behind `after`. Return the next cursor; None at the end, or when the claim is lost."""
    async with room.db.transaction() as tx:
        now = room.clock.now()
        page = await recipients.page(tx, audience, after=after, limit=room.page_size)
        before = await notice.turn_page(
            tx, claimed, cursor=page.cursor or after, added=len(page.recipients), lease_s=room.lease_s
        )
        if before is None:  # superseded, or another planner's by now
            await notice.finish_planning(tx, claimed, now=now)
            return None
        if page.recipients:
            known = await contacts.of_recipients(tx, page.recipients)
            numbered = [Recipient(claimed.notice_id, before + n, each) for n, each in enumerate(known, start=1)]
            await write_page(
                tx,
                numbered,
                notice_id=claimed.notice_id,
                kind=claimed.kind,
                lane=claimed.lane,
                batch_size=room.batch_size,
                now=now,
            )
        if page.cursor is None:
            await notice.finish_planning(tx, claimed, now=now)
    return page.cursor
