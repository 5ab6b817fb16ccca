"""Refuse what no provider would take, before anybody is promised a message."""

from collections.abc import Sequence
from typing import Final

from gridcare.errors import Unprocessable
from outage_notifier.outages.core.notices import Intent
from outage_notifier.texts.rendering import Catalog

SMS_MAX_CHARACTERS: Final = 1_600
"""Twilio refuses a longer body (error 21617)."""

PUSH_MAX_BYTES: Final = 3_000
"""FCM takes 4,096 bytes; ids, tags and the names of fields take the rest."""


def refuse_unfit(catalog: Catalog, intents: Sequence[Intent]) -> None:
    """Render notices in every language. Raises Unprocessable `notice-too-long` with the kind and the language."""
    for intent in intents:
        for language in catalog.languages:
            push = catalog.render(intent.kind, language, "push", intent.slots)
            sms = catalog.render(intent.kind, language, "sms", intent.slots)
            size_bytes = len(push.title.encode()) + len(push.body.encode())
            if len(sms.body) > SMS_MAX_CHARACTERS or size_bytes > PUSH_MAX_BYTES:
                raise Unprocessable(
                    "notice-too-long",
                    f"at most {SMS_MAX_CHARACTERS} characters of SMS and {PUSH_MAX_BYTES} bytes of push: use fewer windows",
                    kind=intent.kind,
                    language=language,
                )
