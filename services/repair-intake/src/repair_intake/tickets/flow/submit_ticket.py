"""Accept a request for a ticket, or attach it to the outage that explains it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from gridcare.errors import NotFound, Unavailable
from gridcare.observability.logging import get_logger
from gridcare.postgres import idempotency, outbox
from gridcare.postgres.database import Connection, Database
from gridcare.postgres.idempotency import Answer, IdempotentRequest
from gridcare.values.clock import Clock
from repair_intake import NAME
from repair_intake.known_outages import store as outage
from repair_intake.known_supply_points import store as supply_point
from repair_intake.known_supply_points.core import SupplyPoint
from repair_intake.teams import store as team
from repair_intake.tickets.core import reference
from repair_intake.tickets.core.category import category_of
from repair_intake.tickets.core.submission import Rules, Submission, Surroundings, decide_submission
from repair_intake.tickets.core.ticket import Ticket, event_of
from repair_intake.tickets.store import ticket

LATELY = timedelta(hours=1)
REFERENCE_DRAWS_MAX = 10
"""With half of all references taken, one submission in a thousand would need more."""

logger = get_logger()


@dataclass(frozen=True, slots=True)
class Intake:
    """What taking in tickets needs; `draw(n)` gives a random number of 0 to n - 1."""

    db: Database
    clock: Clock
    rules: Rules
    draw: Callable[[int], int]


async def submit_ticket(
    intake: Intake, asked: Submission, request: IdempotentRequest, *, answer: Callable[[Ticket], Answer]
) -> Answer:
    """Open a ticket, once for each Idempotency-Key; `answer` writes what the caller gets, and gets again for a repeat.

    Raises NotFound `supply-point-not-found` (another customer's is not found either), what `decide_submission` and
    `idempotency.begin` raise, and Retryable.
    """
    now = intake.clock.now()
    async with intake.db.transaction() as tx:
        earlier = await idempotency.begin(tx, request, now)
        if earlier is not None:
            return earlier
        point = await supply_point.lock(tx, asked.supply_point_id)
        if point is None or point.customer_code not in asked.customer_codes:
            raise NotFound("supply-point-not-found", "none of your supply points has this id")
        around = await _look_around(tx, point, asked, intake.rules, now)
        opened = await _open(tx, intake, asked, around, now)
        await outbox.append(tx, [event_of(opened)], source=NAME, now=now)
        done = answer(opened)
        await idempotency.store(tx, request, done, now)
    logger.info(
        "ticket_opened", ticket_id=opened.ticket_id, kind=opened.kind, state=opened.state, team_id=opened.team_id
    )
    return done


async def _look_around(
    tx: Connection, point: SupplyPoint, asked: Submission, rules: Rules, now: datetime
) -> Surroundings:
    load = await ticket.load(
        tx,
        supply_point_id=point.supply_point_id,
        sender=asked.sender,
        urgent=category_of(asked.kind, asked.category).urgent,
        outage_over=now - rules.margins.after,
        since=now - LATELY,
    )
    return Surroundings(
        supply_point=point,
        team_id=await team.working(tx, point.ward_code),
        outages=await outage.covering(tx, point),
        load=load,
    )


async def _open(tx: Connection, intake: Intake, asked: Submission, around: Surroundings, now: datetime) -> Ticket:
    """Save the ticket under the first reference drawn that is free."""
    for _ in range(REFERENCE_DRAWS_MAX):
        drawn = reference.spell(intake.draw(reference.COUNT))
        opened = decide_submission(asked, around, intake.rules, reference=drawn, now=now)
        if await ticket.add(tx, opened):
            return opened
    raise Unavailable("no-free-reference", "try again", headers={"Retry-After": "1"})
