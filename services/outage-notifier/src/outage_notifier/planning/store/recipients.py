"""Reading an audience page by page: which recipients, by the rule of a notice.

Each page reads a bounded number of rows, however few of them fit the rule. So a page may be short or even empty without
being the last, and its cursor says how far it read. A scope of up to `listed_max` supply points is read once, when planning
begins or resumes, and paged in memory; a larger one is paged in the order of customers.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import msgspec

from gridcare.events.outages import Scope
from gridcare.postgres.database import Connection, Row
from outage_notifier.ledger.core.delivery import TOLD
from outage_notifier.ledger.core.notice import AudienceRule

WINDOW_FACTOR: Final = 4
"""How many supply points a page looks at for each recipient wanted, where the scope is larger than that."""

TOLD_STATES: Final = [state.value for state in TOLD]

_SCOPE_AT = "SELECT document -> 'scope' FROM outage_revision WHERE outage_id = $1 AND revision = $2"
_EARLIER_NOTICES = """
SELECT notice_id, kind = 'cancellation' AS called_off FROM notice WHERE outage_id = $1 AND revision < $2
"""
_SIZE = """
SELECT (SELECT count(*) FROM (SELECT FROM supply_point WHERE feeder_id = ANY($1::text[]) LIMIT $4) f)
     + (SELECT count(*) FROM (SELECT FROM supply_point WHERE transformer_id = ANY($2::text[]) LIMIT $4) t)
     + (SELECT count(*) FROM (SELECT FROM supply_point WHERE ward_code = ANY($3::text[]) LIMIT $4) w)
"""
ELEMENTS = """
SELECT customer_code FROM supply_point WHERE feeder_id = ANY($1::text[])
UNION SELECT customer_code FROM supply_point WHERE transformer_id = ANY($2::text[])
UNION SELECT customer_code FROM supply_point WHERE ward_code = ANY($3::text[])"""
POINTS = """
SELECT DISTINCT s.customer_code FROM unnest({}::text[]) AS p (id)
JOIN supply_point s ON s.supply_point_id = p.id AND NOT s.removed"""
_IN_SCOPE = "(feeder_id = ANY($1::text[]) OR transformer_id = ANY($2::text[]) OR ward_code = ANY($3::text[]))"
_WINDOW = f"""
WITH looked AS MATERIALIZED (
    SELECT customer_code, feeder_id, transformer_id, ward_code FROM supply_point
    WHERE customer_code > $4 ORDER BY customer_code FETCH FIRST $5 ROWS WITH TIES
)
SELECT count(*) AS looked_at, coalesce(max(customer_code), '') AS furthest,
       coalesce(array_agg(DISTINCT customer_code ORDER BY customer_code) FILTER (WHERE {_IN_SCOPE}), '{{}}') AS in_scope
FROM looked
"""
_THOSE_IN_SCOPE = (
    f"SELECT DISTINCT customer_code FROM supply_point WHERE customer_code = ANY($4::text[]) AND {_IN_SCOPE}"
)
_NEXT_HEARD = """
SELECT DISTINCT h.recipient_id FROM unnest($1::uuid[]) AS n (notice_id)
CROSS JOIN LATERAL (
    SELECT d.recipient_id FROM delivery d WHERE d.notice_id = n.notice_id AND d.recipient_id > $2
    ORDER BY d.recipient_id LIMIT $3) h
ORDER BY h.recipient_id LIMIT $3
"""
# Told, and not called off since: whoever got a cancellation no longer expects a cut. A covered recipient was told only if the
# one on whose phone or device the message was to appear was told: a newer revision may have stopped it.
WAS_TOLD = """d.notice_id = ANY({ids}::uuid[]) AND d.state = ANY({states}::text[])
AND (d.state <> 'covered' OR (
    SELECT c.state FROM delivery c WHERE c.notice_id = d.notice_id AND c.recipient_id = d.covered_by
) = ANY({states}::text[]))
AND NOT EXISTS (
    SELECT FROM delivery off
    JOIN notice called_off ON called_off.notice_id = off.notice_id
    JOIN notice told ON told.notice_id = d.notice_id
    WHERE off.recipient_id = d.recipient_id AND off.notice_id = ANY({off}::uuid[]) AND off.state = ANY({states}::text[])
      AND called_off.revision >= told.revision)"""
_THOSE_TOLD = (
    "SELECT DISTINCT d.recipient_id FROM delivery d WHERE d.recipient_id = ANY($1::text[]) AND "
    + WAS_TOLD.format(ids="$2", states="$3", off="$4")
)


@dataclass(frozen=True, slots=True)
class Earlier:
    """The notices of an outage's earlier revisions, and which of them were cancellations."""

    notice_ids: tuple[UUID, ...] = ()
    cancellations: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True)
class Audience:
    """Which recipients: a rule of `notice.audience_rule`, over a scope and the outage's earlier notices.

    `customers`, in order: all that the scope cuts when `listed`, else those of the supply points that it names.
    """

    rule: AudienceRule
    scope: Scope
    earlier: Earlier
    customers: Sequence[str]
    listed: bool


@dataclass(frozen=True, slots=True)
class Page:
    """Recipients in the order of their ids, each once; `cursor` is where the next page begins, None at the end."""

    recipients: list[str]
    cursor: str | None


async def scope_at(tx: Connection, outage_id: UUID, revision: int) -> Scope:
    """Return what an outage's revision cuts. Raises LookupError."""
    scope: str | None = await tx.fetchval(_SCOPE_AT, outage_id, revision)
    if scope is None:
        raise LookupError(f"outage {outage_id} has no revision {revision}")
    return msgspec.json.decode(scope, type=Scope)


async def earlier_notices(tx: Connection, outage_id: UUID, revision: int) -> Earlier:
    """Find the notices of an outage that were made by revisions before this one."""
    rows = await tx.fetch(_EARLIER_NOTICES, outage_id, revision)
    return Earlier(
        tuple(row["notice_id"] for row in rows), tuple(row["notice_id"] for row in rows if row["called_off"])
    )


async def open_audience(
    tx: Connection, rule: AudienceRule, scope: Scope, earlier: Earlier, *, listed_max: int
) -> Audience:
    """Read what paging needs of a scope."""
    elements = elements_of(scope)
    size = await tx.fetchval(_SIZE, *elements, listed_max + 1)
    codes: set[str] = set()
    if size <= listed_max:
        codes |= _codes(await tx.fetch(ELEMENTS, *elements))
    if scope.supply_point_ids:
        codes |= _codes(await tx.fetch(POINTS.format("$1"), list(scope.supply_point_ids)))
    return Audience(rule, scope, earlier, sorted(codes), listed=size <= listed_max)


def elements_of(scope: Scope) -> tuple[list[str], list[str], list[str]]:
    """Return the parameters $1 to $3 of the statements above."""
    return list(scope.feeder_ids), list(scope.transformer_ids), list(scope.ward_codes)


async def page(tx: Connection, audience: Audience, *, after: str, limit: int) -> Page:
    """Read the next recipients, at most `limit`, whatever their number of supply points."""
    if audience.rule in {"scope", "scope_untold"}:
        in_scope = await _next_in_scope(tx, audience, after, limit)
        if audience.rule == "scope_untold" and audience.earlier.notice_ids:
            told = await _those_told(tx, audience, in_scope.recipients)
            return Page([code for code in in_scope.recipients if code not in told], in_scope.cursor)
        return in_scope
    rows = await tx.fetch(_NEXT_HEARD, list(audience.earlier.notice_ids), after, limit)
    heard = [row["recipient_id"] for row in rows]
    fit = await among(tx, audience, heard)
    return Page([code for code in heard if code in fit], heard[-1] if len(heard) == limit else None)


async def among(tx: Connection, audience: Audience, codes: Sequence[str]) -> set[str]:
    """Return those of the customers who are recipients."""
    if audience.rule in {"scope", "scope_untold"}:
        cut = await _those_in_scope(tx, audience, codes)
        told = audience.rule == "scope_untold" and audience.earlier.notice_ids
        return cut - await _those_told(tx, audience, sorted(cut)) if told else cut
    told_earlier = await _those_told(tx, audience, codes)
    if audience.rule == "told":
        return told_earlier
    still_cut = await _those_in_scope(tx, audience, sorted(told_earlier))
    return told_earlier & still_cut if audience.rule == "told_in_scope" else told_earlier - still_cut


async def _next_in_scope(tx: Connection, audience: Audience, after: str, limit: int) -> Page:
    """Merge, in order, the customers of elements, a window at a time, with those of supply points named one by one.

    Nobody beyond the window is taken, and of those named one more than the page holds: so it shows when they fill the page.
    """
    start = bisect_right(audience.customers, after)
    if audience.listed:
        named = audience.customers[start : start + limit]
        return Page(list(named), named[-1] if start + limit < len(audience.customers) else None)
    window = limit * WINDOW_FACTOR
    (row,) = await tx.fetch(_WINDOW, *elements_of(audience.scope), after, window)
    is_last, furthest = row["looked_at"] < window, row["furthest"]
    end = len(audience.customers) if is_last else bisect_right(audience.customers, furthest)
    codes = sorted({*row["in_scope"], *audience.customers[start : min(end, start + limit + 1)]})
    if len(codes) > limit:
        return Page(codes[:limit], codes[limit - 1])
    return Page(codes, None if is_last else furthest)


async def _those_told(tx: Connection, audience: Audience, codes: Sequence[str]) -> set[str]:
    earlier = audience.earlier
    rows = await tx.fetch(_THOSE_TOLD, codes, list(earlier.notice_ids), TOLD_STATES, list(earlier.cancellations))
    return {row["recipient_id"] for row in rows}


async def _those_in_scope(tx: Connection, audience: Audience, codes: Sequence[str]) -> set[str]:
    named = {code for code in codes if _listed(audience.customers, code)}
    if audience.listed:
        return named
    return named | _codes(await tx.fetch(_THOSE_IN_SCOPE, *elements_of(audience.scope), codes))


def _codes(rows: Sequence[Row]) -> set[str]:
    return {row["customer_code"] for row in rows}


def _listed(customers: Sequence[str], code: str) -> bool:
    position = bisect_left(customers, code)
    return position < len(customers) and customers[position] == code
