"""Work under a guard: what raises, or kills its process, is counted, tried again after a pause, and parked after five tries.

An exception is counted when it is caught. A process that is killed cannot count any more, so work that may be the culprit is
counted before it begins, and forgotten when it is done: what was claimed before and never ended, what failed before, and the
first of each kind after the process started. Of what failed before, one at a time is under way, so that a process that dies
blames no bystander.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

from gridcare.errors import Retryable
from gridcare.observability import metrics
from gridcare.observability.logging import get_logger
from gridcare.postgres.database import Database
from gridcare.postgres.poison import store
from gridcare.postgres.poison.store import Begun
from gridcare.postgres.relay import quarantine

Kind = Literal[
    "batch",
    "completion",
    "cover",
    "fall-back",
    "follow-up",
    "hint",
    "inquiry",
    "inquiry-claim",
    "look-up",
    "notice",
    "probe",
    "provider-event",
    "receipt",
    "stray",
]
"""What is guarded: each kind is one loop's work on one row."""

COUNT_INTERVAL_S = 30.0
"""How often a worker counts what is parked, for the alarm."""

logger = get_logger()


class _SetAsideError(Exception):
    """What was taken must not be worked on now: its tries are used up, or it has to be worked on alone."""


@dataclass(slots=True)
class Hand:
    """What a step has in hand: it says so by `take` before it works, in the transaction that holds the rows."""

    guard: "Guard"
    kind: Kind
    careful: bool
    item_ids: Sequence[str] = ()
    counted: bool = False

    async def take(self, item_ids: Sequence[str]) -> None:
        """Note what the step is about to work on."""
        self.item_ids = item_ids
        if self.careful and item_ids:
            await self.guard.count_in_advance(self)


@dataclass(slots=True)
class Guard:
    """Counts failures of one process's work in its database. One a process."""

    db: Database
    _proven: set[Kind] = field(default_factory=set)
    _innocent: set[tuple[Kind, str]] = field(default_factory=set)
    _alone: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def run(
        self,
        kind: Kind,
        item_id: str,
        work: Callable[[], Awaitable[None]],
        *,
        seen_before: bool,
        progress: str | None = None,
    ) -> bool:
        """Do one piece of work. Return False when it failed (it is counted and logged) or is parked.

        `seen_before`: somebody began it earlier, so it may be what killed them. `progress` says how far it has got: a
        try that got further is not counted against it. Raises Retryable.
        """
        if not seen_before:
            return await self._try(kind, item_id, work, counted=False, progress=progress)
        async with self.db.read() as connection:
            suspected = bool(await store.suspected(connection, kind, [item_id]))
        if not suspected:
            return await self._counted(kind, item_id, work, progress)
        async with self._alone:
            return await self._counted(kind, item_id, work, progress)

    async def each(self, kind: Kind, step: Callable[[Hand, int], Awaitable[int]], *, limit: int) -> int:
        """Run a step that works on up to `limit` rows in one transaction. Return how many rows it had.

        When it raises, its rows are worked on one at a time, so that the others go on and the culprit is counted. The
        step must pass over rows that are not `store.workable`. Raises Retryable, and what is no row's fault.
        """
        hand = Hand(self, kind, careful=kind not in self._proven)
        try:
            rows = await step(hand, limit)
        except Retryable:
            await self._undo(hand)
            raise
        except _SetAsideError:
            rows = await self._one_by_one(kind, step, limit)
        except Exception:
            await self._undo(hand)
            if not hand.item_ids:
                raise
            rows = await self._one_by_one(kind, step, limit)
        else:
            await self._end(hand)
        self._proven.add(kind)
        return rows

    async def count_in_advance(self, hand: Hand, progress: str | None = None) -> None:
        """Count a try of what is in hand. Raises an error of this module if it must not be worked on now."""
        await self._clear_innocent()
        async with self.db.transaction() as tx:
            if len(hand.item_ids) > 1 and await store.suspected(tx, hand.kind, hand.item_ids):
                raise _SetAsideError
            begun = await store.begin(tx, hand.kind, hand.item_ids, progress)
        hand.counted = True
        if parked := [each for each in begun if each.parked_at]:
            for each in parked:
                _tell(hand.kind, each)
            raise _SetAsideError

    async def _counted(
        self, kind: Kind, item_id: str, work: Callable[[], Awaitable[None]], progress: str | None
    ) -> bool:
        try:
            await self.count_in_advance(Hand(self, kind, careful=True, item_ids=[item_id]), progress)
        except _SetAsideError:
            return False
        return await self._try(kind, item_id, work, counted=True, progress=progress)

    async def _try(
        self, kind: Kind, item_id: str, work: Callable[[], Awaitable[None]], *, counted: bool, progress: str | None
    ) -> bool:
        hand = Hand(self, kind, careful=counted, item_ids=[item_id], counted=counted)
        try:
            await work()
        except Retryable:
            await self._undo(hand)
            raise
        except Exception as error:  # noqa: BLE001 - counted, logged with its frames, and parked if it goes on
            await self._failed(hand, error, progress)
            return False
        await self._end(hand)
        return True

    async def _one_by_one(self, kind: Kind, step: Callable[[Hand, int], Awaitable[int]], limit: int) -> int:
        rows = 0
        while rows < limit:
            hand = Hand(self, kind, careful=True)
            try:
                done = await step(hand, 1)
            except Retryable:
                await self._undo(hand)
                raise
            except _SetAsideError:
                done = 1
            except Exception as error:
                if not hand.item_ids:
                    raise
                await self._failed(hand, error)
                done = 1
            else:
                await self._end(hand)
            if not done:
                break
            rows += done
        return rows

    async def _failed(self, hand: Hand, error: Exception, progress: str | None = None) -> None:
        name = type(error).__name__
        async with self.db.transaction() as tx:
            failed = await store.failed(tx, hand.kind, hand.item_ids[0], name, counted=hand.counted, progress=progress)
        metrics.WORK_FAILURES.inc(kind=hand.kind)
        logger.error(
            "work_failed",
            kind=hand.kind,
            aggregate_id=failed.item_id,
            error_class=name,
            tries=failed.tries,
            exc_info=error,
        )
        if failed.parked_at:
            _tell(hand.kind, failed)

    async def _undo(self, hand: Hand) -> None:
        if not hand.counted:
            return
        try:
            async with self.db.transaction() as tx:
                await store.undo(tx, hand.kind, hand.item_ids)
        except Retryable:  # the database is away: the count is taken back before anything else is counted
            self._innocent |= {(hand.kind, item_id) for item_id in hand.item_ids}

    async def _clear_innocent(self) -> None:
        while self._innocent:
            kind, item_id = next(iter(self._innocent))
            async with self.db.transaction() as tx:
                await store.undo(tx, kind, [item_id])
            self._innocent.discard((kind, item_id))

    async def _end(self, hand: Hand) -> None:
        if hand.counted:
            async with self.db.transaction() as tx:
                await store.end(tx, hand.kind, hand.item_ids)


async def count_parked(db: Database) -> int:
    """Tell the metrics how much is parked. Return 0: there is never more of it at once."""
    async with db.read() as connection:
        items = await store.count_parked(connection)
        events = await quarantine.count(connection)
    for kind in get_args(Kind):
        metrics.PARKED_WORK.set(items.get(kind, 0), kind=kind)
    metrics.PARKED_WORK.set(events, kind=quarantine.KIND)
    return 0


def _tell(kind: Kind, parked: Begun) -> None:
    logger.error(
        "work_parked", kind=kind, aggregate_id=parked.item_id, error_class=parked.error_class, tries=parked.tries
    )
