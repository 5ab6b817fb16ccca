"""What every change of an outage has in common: one transaction from the key of the request to its kept answer."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from gridcare.errors import Conflict, NotFound, Unprocessable
from gridcare.events.notices import NoticeScheduled
from gridcare.events.outages import Scope
from gridcare.observability.logging import get_logger
from gridcare.postgres import idempotency, outbox
from gridcare.postgres.database import Connection, Database
from gridcare.postgres.idempotency import Answer, IdempotentRequest
from gridcare.values.clock import Clock
from gridcare.values.ids import uuid7
from outage_notifier import NAME
from outage_notifier.ledger.store import notice
from outage_notifier.ledger.store.notice import NewNotice
from outage_notifier.outages.core.notices import Intent, events_of, notices_of, tag_of
from outage_notifier.outages.core.outage import Outage, Step
from outage_notifier.outages.core.rules import OutageRules
from outage_notifier.outages.store import outage, scope
from outage_notifier.planning.core.reach import NoticeReach
from outage_notifier.planning.flow.count_reach import count_reach
from outage_notifier.texts.fit import refuse_unfit
from outage_notifier.texts.rendering import Catalog
from outage_notifier.texts.template import TEMPLATES

UNKNOWN_NAMED_MAX = 100
"""How many unknown elements of each kind an answer names."""

logger = get_logger()


@dataclass(frozen=True, slots=True)
class OutageDesk:
    """What changing outages needs; `sms_price_vnd` is what one segment costs."""

    db: Database
    clock: Clock
    rules: OutageRules
    catalog: Catalog
    sms_price_vnd: int


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks for a change, and why; `revision` is the one that the caller saw, if they say so."""

    request: IdempotentRequest
    reason: str = ""
    revision: int | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """An outage after a step, its new notices, and whom those reach (where the step was asked to count)."""

    outage: Outage
    notice_ids: list[UUID] = field(default_factory=list)
    reach: list[NoticeReach] = field(default_factory=list)


Write = Callable[[Done], Answer]
"""Writes what the caller gets, and gets again for a repeat."""


async def take_step(
    desk: OutageDesk,
    outage_id: UUID,
    asked: Asked,
    decide: Callable[[Outage, datetime], Step],
    *,
    answer: Write,
    counted: bool = False,
) -> Answer:
    """Lock an outage, decide, save the revision, and schedule what customers are told of it.

    Raises NotFound `outage-not-found`, Conflict `outage-changed-meanwhile`, and what `decide` raises.
    """

    async def step(tx: Connection, now: datetime) -> Step:
        found = await outage.lock(tx, outage_id)
        if found is None:
            raise NotFound("outage-not-found", "there is no such outage")
        if asked.revision is not None and asked.revision != found.revision:
            raise Conflict(
                "outage-changed-meanwhile", "somebody changed it since you read it", newest_revision=found.revision
            )
        decided = decide(found, now)
        if decided.after.document.scope != found.document.scope or decided.action == "published":
            await refuse_unknown(tx, decided.after.document.scope)
        return decided

    return await once(desk, asked, step, answer=answer, counted=counted)


async def once(
    desk: OutageDesk,
    asked: Asked,
    step: Callable[[Connection, datetime], Awaitable[Step]],
    *,
    answer: Write,
    counted: bool = False,
) -> Answer:
    """Take a step once for each Idempotency-Key."""
    now = desk.clock.now()
    async with desk.db.transaction() as tx:
        earlier = await idempotency.begin(tx, asked.request, now)
        if earlier is not None:
            return earlier
        taken = await step(tx, now)
        intents = notices_of(taken, rules=desk.rules, now=now)
        refuse_unfit(desk.catalog, intents)
        reach = (
            await count_reach(tx, desk.catalog, taken.after, intents, price_vnd=desk.sms_price_vnd) if counted else []
        )
        await outage.save(tx, taken, by=asked.request.caller, reason=asked.reason)
        notice_ids = await _schedule(tx, taken, intents, now=now)
        await outbox.append(tx, events_of(taken), source=NAME, now=now)
        done = answer(Done(taken.after, notice_ids, reach))
        await idempotency.store(tx, asked.request, done, now)
    logger.info(
        "outage_changed",
        outage_id=str(taken.after.outage_id),
        revision=taken.after.revision,
        action=taken.action,
        notices=len(intents),
    )
    return done


async def refuse_unknown(tx: Connection, asked: Scope) -> None:
    """Refuse a scope that names what is not there. Raises Unprocessable `unknown-scope`, naming it."""
    unknown = await scope.unknown(tx, asked, limit=UNKNOWN_NAMED_MAX)
    if unknown:
        raise Unprocessable("unknown-scope", "no supply point hangs on some of what is to be cut", unknown=unknown)


async def _schedule(tx: Connection, step: Step, intents: list[Intent], *, now: datetime) -> list[UUID]:
    """Stop what is unsent of older notices, and schedule the new ones."""
    after = step.after
    if step.published:
        await notice.supersede(tx, after.outage_id, before_revision=after.revision, now=now)
    notices = [_notice(after, intent, now) for intent in intents]
    await notice.schedule(tx, notices, now=now)
    events = [
        NoticeScheduled(
            version=1,
            notice_id=n.notice_id,
            kind=n.kind,
            outage_id=n.outage_id,
            revision=n.revision,
            due_at=n.due_at,
        )
        for n in notices
    ]
    await outbox.append(tx, events, source=NAME, now=now)
    return [n.notice_id for n in notices]


def _notice(after: Outage, intent: Intent, now: datetime) -> NewNotice:
    template = TEMPLATES[intent.kind]
    return NewNotice(
        notice_id=uuid7(now),
        outage_id=after.outage_id,
        revision=after.revision,
        kind=intent.kind,
        template=template.name,
        template_version=template.version,
        slots=intent.slots,
        tag=tag_of(after),
        lane=template.lane,
        audience_rule=intent.audience_rule,
        recipient_id=None,
        cause_event_id=None,
        due_at=intent.due_at,
        useful_until=intent.useful_until,
    )
