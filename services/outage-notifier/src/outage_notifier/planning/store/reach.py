"""Counting an audience before it is planned, in one statement: a million recipients in a few seconds.

It makes the same choice as planning (planning/core/choice.py `choose` and `without_taken`), in SQL; a test compares the two.
"""

from dataclasses import dataclass

from gridcare.events.outages import Scope
from gridcare.postgres.database import Connection
from outage_notifier.ledger.core.notice import AudienceRule
from outage_notifier.planning.core.reach import Forecast
from outage_notifier.planning.store.recipients import ELEMENTS, POINTS, TOLD_STATES, WAS_TOLD, Earlier, elements_of
from outage_notifier.texts.languages import DEFAULT_LANGUAGE

COUNT_TIMEOUT_S = 25

_CUT = f"({ELEMENTS} UNION {POINTS.format('$4')})"
_TOLD = f"(SELECT d.recipient_id FROM delivery d WHERE {WAS_TOLD.format(ids='$5', states='$6', off='$7')})"
_RECIPIENTS: dict[AudienceRule, str] = {
    "scope": _CUT,
    "scope_untold": f"{_CUT} EXCEPT {_TOLD}",
    "told": f"SELECT DISTINCT recipient_id FROM {_TOLD} t",
    "told_in_scope": f"{_TOLD} INTERSECT {_CUT}",
    "told_outside_scope": f"{_TOLD} EXCEPT {_CUT}",
}
_PARAMETERS_USED = "($1::text[], $2::text[], $3::text[], $4::text[], $5::uuid[], $6::text[], $7::uuid[]) IS NOT NULL"
_COUNT = """
WITH recipient (customer_code) AS MATERIALIZED ({recipients}
), of_phones AS (
    SELECT p.customer_code, bool_or(p.opted_out_at IS NOT NULL OR NOT p.consent) AS refused,
        (array_agg(p.number_index ORDER BY p.chosen DESC, p.preferred_at DESC NULLS LAST, p.phone_id)
            FILTER (WHERE p.consent AND p.opted_out_at IS NULL AND p.bad_reason IS NULL))[1:2] AS usable,
        (array_agg(ARRAY[(NOT p.verified)::int, p.phone_id] ORDER BY p.chosen DESC, p.preferred_at DESC NULLS LAST, p.phone_id)
            FILTER (WHERE p.consent AND p.opted_out_at IS NULL AND p.bad_reason IS NULL))[1:1] AS rank
    FROM phone p JOIN recipient USING (customer_code) WHERE p.removed_at IS NULL GROUP BY p.customer_code
), owned AS (
    SELECT d.customer_code,
        min(d.customer_code) FILTER (WHERE NOT ($8 AND p.usable IS NOT NULL)) OVER (PARTITION BY d.device_id)
            = d.customer_code AS mine
    FROM device_customer d JOIN recipient USING (customer_code) LEFT JOIN of_phones p USING (customer_code)
    WHERE NOT EXISTS (SELECT FROM device_aside a WHERE a.device_id = d.device_id)
), of_devices AS (
    SELECT customer_code, bool_or(mine) AS some_mine FROM owned GROUP BY customer_code
), chosen AS (
    SELECT r.customer_code, coalesce(c.language, '{default_language}') AS language, p.usable, p.rank, d.some_mine, p.refused,
        CASE WHEN d.customer_code IS NOT NULL AND NOT ($8 AND p.usable IS NOT NULL) THEN 'push'
             WHEN p.usable IS NOT NULL THEN 'sms' ELSE 'none' END AS channel
    FROM recipient r LEFT JOIN customer c USING (customer_code) LEFT JOIN of_phones p USING (customer_code)
        LEFT JOIN of_devices d USING (customer_code)
), noted AS (
    SELECT *, channel <> 'sms' OR row_number() OVER (PARTITION BY channel, usable[1] ORDER BY rank) = 1 AS first_mine
    FROM chosen
), forecast AS (
    SELECT language, usable,
        CASE WHEN channel = 'none' THEN CASE WHEN refused THEN 'opted_out' ELSE 'unreachable' END
             WHEN channel = 'push' THEN CASE WHEN some_mine THEN 'push' ELSE 'covered' END
             WHEN first_mine THEN 'sms'
             WHEN usable[2] IS NOT NULL AND NOT EXISTS (
                SELECT FROM phone o
                WHERE o.number_index = usable[2] AND o.customer_code <> noted.customer_code AND o.removed_at IS NULL) THEN 'sms'
             ELSE 'covered' END AS forecast
    FROM noted
)
SELECT language, forecast, count(*) AS recipients,
    count(*) FILTER (WHERE forecast = 'push' AND usable IS NOT NULL) AS with_fallback
FROM forecast WHERE {parameters_used} GROUP BY language, forecast ORDER BY language, forecast
"""


@dataclass(frozen=True, slots=True)
class Counted:
    """How many recipients of a language have the same forecast.

    `with_fallback`: of those told by push, how many have a phone for a fallback SMS.
    """

    language: str
    forecast: Forecast
    recipients: int
    with_fallback: int


async def count(
    connection: Connection, rule: AudienceRule, scope: Scope, earlier: Earlier, *, sms_first: bool
) -> list[Counted]:
    """Count an audience by language and forecast, as planning would decide it now."""
    statement = _COUNT.format(
        recipients=_RECIPIENTS[rule], default_language=DEFAULT_LANGUAGE, parameters_used=_PARAMETERS_USED
    )
    rows = await connection.fetch(
        statement,
        *elements_of(scope),
        list(scope.supply_point_ids),
        *(list(earlier.notice_ids), TOLD_STATES, list(earlier.cancellations), sms_first),
        timeout=COUNT_TIMEOUT_S,
    )
    return [Counted(**row) for row in rows]
