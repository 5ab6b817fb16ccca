"""Refuse messages that no provider would take, before anybody is promised one."""

from collections.abc import Mapping
from typing import Any, Final

from gridcare.errors import Unprocessable
from outage_notifier.texts.rendering import Catalog
from outage_notifier.texts.template import Kind

SMS_MAX_CHARACTERS: Final = 1_600
"""Twilio refuses a longer body (error 21617)."""

PUSH_MAX_BYTES: Final = 3_000
"""FCM takes 4,096 bytes; ids, tags and the names of fields take the rest."""


def refuse_unfit(catalog: Catalog, kind: Kind, slots: Mapping[str, Any]) -> None:
    """Render a notice in every language. Raises Unprocessable `notice-too-long`, which names the kind and the language."""
    for language in catalog.languages:
        push = catalog.render(kind, language, "push", slots)
        sms = catalog.render(kind, language, "sms", slots)
        size_bytes = len(push.title.encode()) + len(push.body.encode())
        if len(sms.body) > SMS_MAX_CHARACTERS or size_bytes > PUSH_MAX_BYTES:
            raise Unprocessable(
                "notice-too-long",
                f"at most {SMS_MAX_CHARACTERS} characters of SMS and {PUSH_MAX_BYTES} bytes of push: use fewer windows",
                kind=kind,
                language=language,
            )
