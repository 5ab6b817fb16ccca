"""Count whom notices would reach, by channel and language, and what their SMS would cost."""

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from gridcare.events.outages import Scope
from gridcare.postgres.database import Connection
from outage_notifier.ledger.core.notice import AudienceRule, Intent
from outage_notifier.planning.core.reach import Forecast, LanguageReach, NoticeReach
from outage_notifier.planning.store import reach, recipients
from outage_notifier.planning.store.reach import Counted
from outage_notifier.texts.rendering import Catalog
from outage_notifier.texts.segments import segments
from outage_notifier.texts.template import TEMPLATES


async def count_reach(
    connection: Connection,
    catalog: Catalog,
    intents: Sequence[Intent],
    *,
    outage_id: UUID,
    revision: int,
    scope: Scope,
    price_vnd: int,
) -> list[NoticeReach]:
    """Return whom each notice of an outage's revision would reach, as planning would decide it now."""
    earlier = await recipients.earlier_notices(connection, outage_id, revision)
    counts: dict[tuple[AudienceRule, bool], list[Counted]] = {}  # reminders reach the same people as the announcement
    reaches = []
    for intent in intents:
        rule: AudienceRule = intent.audience_rule
        if rule == "scope_untold" and not earlier.notice_ids:
            rule = "scope"  # nobody can have been told
        sms_first = TEMPLATES[intent.kind].sms_first
        if (rule, sms_first) not in counts:
            counts[rule, sms_first] = await reach.count(connection, rule, scope, earlier, sms_first=sms_first)
        reaches.append(_notice_reach(catalog, intent, counts[rule, sms_first], price_vnd))
    return reaches


def _notice_reach(catalog: Catalog, intent: Intent, counted: Sequence[Counted], price_vnd: int) -> NoticeReach:
    counts: dict[str, dict[Forecast, int]] = defaultdict(dict)
    fallbacks: dict[str, int] = defaultdict(int)
    for each in counted:
        counts[each.language][each.forecast] = each.recipients
        fallbacks[each.language] += each.with_fallback
    languages = [
        _language_reach(catalog, intent, language, counts[language], fallbacks[language]) for language in sorted(counts)
    ]
    return NoticeReach(intent.kind, languages, price_vnd, has_fallback=TEMPLATES[intent.kind].patience is not None)


def _language_reach(
    catalog: Catalog, intent: Intent, language: str, counts: dict[Forecast, int], fallback: int
) -> LanguageReach:
    body = catalog.render(intent.kind, language, "sms", intent.slots).body
    taken = segments(body)
    return LanguageReach(language, counts, fallback, body, taken.encoding, taken.count)
