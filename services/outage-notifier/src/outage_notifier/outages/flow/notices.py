"""What a change of an outage tells customers: notices that providers accept, and whom these reach."""

from collections.abc import Sequence
from datetime import datetime

from gridcare.postgres.database import Connection
from outage_notifier.ledger.core.notice import Intent
from outage_notifier.outages.core.notices import notices_of
from outage_notifier.outages.core.outage import Change
from outage_notifier.outages.room import Outages
from outage_notifier.planning.core.reach import NoticeReach
from outage_notifier.planning.flow.count_reach import count_reach
from outage_notifier.texts.fit import refuse_unfit


def fitting_notices(change: Change, *, room: Outages, now: datetime) -> list[Intent]:
    """Return the notices of a change. Raises Unprocessable `notice-too-long` when no provider would accept one."""
    intents = notices_of(change, rules=room.rules, now=now)
    for intent in intents:
        refuse_unfit(room.catalog, intent.kind, intent.slots)
    return intents


async def reach_of(tx: Connection, change: Change, intents: Sequence[Intent], *, room: Outages) -> list[NoticeReach]:
    """Return whom each notice of a change reaches, and what its SMS cost."""
    after = change.after
    return await count_reach(
        tx,
        room.catalog,
        intents,
        outage_id=after.outage_id,
        revision=after.revision,
        scope=after.document.scope,
        price_vnd=room.sms_price_vnd,
    )
