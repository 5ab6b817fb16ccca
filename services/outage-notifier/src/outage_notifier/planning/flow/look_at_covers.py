"""Look whether covered recipients were told: who relied on somebody who was not told on their contact is told otherwise.

Whatever settles a delivery without its recipient being told, or on another contact than planned, has its covers looked at
(ledger/store/delivery.py `record`). A cover that is lost makes its delivery due, with the shared contact free again:
cut_follow_ups chooses another contact, or that one. Their home batches are locked first, like everywhere.
"""

from collections.abc import Sequence
from functools import partial
from typing import Final

from gridcare.observability.logging import get_logger
from gridcare.postgres.database import Connection
from gridcare.postgres.poison.guard import Hand
from outage_notifier.ledger.core.cover import Cover, Fate, fate_of, look_again_at, uncovered
from outage_notifier.ledger.core.delivery import State, name_of
from outage_notifier.ledger.store import cover, delivery, notice
from outage_notifier.planning.room import Planning
from outage_notifier.planning.store import contacts

COVERS_MAX: Final = 500
"""How many one transaction looks at, in about 20 ms."""

COVERS_DUE: Final = cover.ANY_DUE

logger = get_logger()


async def look_at_covers(*, room: Planning, limit: int = COVERS_MAX) -> int:
    """Look at the covers that are due, and uncover who was not told. Return how many were looked at."""
    return await room.guard.each("cover", partial(_look, room), limit=limit)


async def _look(room: Planning, hand: Hand, limit: int) -> int:
    async with room.db.transaction() as tx:
        now = room.clock.now()
        found = await cover.due(tx, now=now, limit=limit)
        if not found:
            return 0
        keys = [each.key for each in found]
        await hand.take([name_of(key) for key in keys])
        rows = await delivery.lock(tx, [*keys, *(each.owner_key for each in found)])
        due = await cover.still_due(tx, keys, now=now)
        texted = await cover.texted(tx, keys)
        noted = await contacts.noted(tx, [_note(each) for each in due])
        fates = {
            each: fate_of(each, rows.get(each.owner_key), texted=each.key in texted, noted=_note(each) in noted)
            for each in due
        }
        lost = [each for each, fate in fates.items() if fate is Fate.LOST and rows[each.key].state is State.COVERED]
        times = {
            each.key: look_again_at(rows[each.key].recorded_at, now) if fate is Fate.OPEN else None
            for each, fate in fates.items()
        }
        await cover.look_again(tx, times)
        if lost:
            await delivery.record(
                tx, [uncovered(rows[each.key], now) for each in lost], only_from=frozenset({State.COVERED})
            )
            await _free(tx, lost)
    if lost:
        logger.info("covers_lost", count=len(lost))
    return len(found)


async def _free(tx: Connection, lost: Sequence[Cover]) -> None:
    """Free the contacts on which nobody was told, and open again the notices that counted as completed."""
    await cover.remove(tx, [each.key for each in lost])
    await contacts.free(tx, [_note(each) for each in lost])
    await notice.reopen(tx, sorted({each.notice_id for each in lost}))


def _note(cover: Cover) -> contacts.Note:
    return cover.notice_id, cover.contact_key, cover.covered_by
