"""Count whom notices would reach, by channel and language, and what their SMS would cost."""

from collections import defaultdict
from collections.abc import Sequence

from gridcare.events.outages import Scope
from gridcare.postgres.database import Connection
from outage_notifier.core.outage import Outage
from outage_notifier.core.outage_notices import Intent
from outage_notifier.core.reach import LanguageReach, NoticeReach
from outage_notifier.core.rendering import Catalog
from outage_notifier.core.segments import segments
from outage_notifier.core.template import TEMPLATES
from outage_notifier.store import reach, recipients
from outage_notifier.store.recipients import Earlier


async def count_reach(
    connection: Connection, catalog: Catalog, after: Outage, intents: Sequence[Intent], *, price_vnd: int
) -> list[NoticeReach]:
    """Count each notice that the outage's newest revision makes, as planning would decide it now."""
    earlier = await recipients.earlier_notices(connection, after.outage_id, after.revision)
    return [
        await _notice_reach(connection, catalog, intent, after.document.scope, earlier, price_vnd=price_vnd)
        for intent in intents
    ]


async def _notice_reach(
    connection: Connection, catalog: Catalog, intent: Intent, scope: Scope, earlier: Earlier, *, price_vnd: int
) -> NoticeReach:
    template = TEMPLATES[intent.kind]
    counts: dict[str, dict[str, int]] = defaultdict(dict)
    fallbacks: dict[str, int] = defaultdict(int)
    for counted in await reach.count(connection, intent.audience_rule, scope, earlier, sms_first=template.sms_first):
        counts[counted.language][counted.outcome] = counted.recipients
        fallbacks[counted.language] += counted.with_fallback
    languages = [
        _language_reach(catalog, intent, language, counts[language], fallbacks[language]) for language in sorted(counts)
    ]
    return NoticeReach(intent.kind, languages, price_vnd, has_fallback=template.patience is not None)


def _language_reach(
    catalog: Catalog, intent: Intent, language: str, counts: dict[str, int], fallback: int
) -> LanguageReach:
    body = catalog.render(intent.kind, language, "sms", intent.slots).body
    taken = segments(body)
    return LanguageReach(language, counts, fallback, body, taken.encoding, taken.count)
