"""Makes the messages that senders send: a notice in a language, as a push that waits for its device, or as an SMS."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final
from uuid import UUID

from outage_notifier.ledger.core.notice import Content
from outage_notifier.providers.fcm.message import PushMessage, push_message
from outage_notifier.texts.rendering import Catalog, RenderChannel, Rendered
from outage_notifier.texts.template import TEMPLATES

TEXTS_KEPT_MAX: Final = 1_000
"""A big notice has one text a language and channel; one-recipient notices are rendered once each."""


@dataclass(frozen=True, slots=True)
class NoticePush:
    """A push of one notice in one language, waiting for a device."""

    message: PushMessage

    def render(self, *, kind: str, registration: str, delivery_id: str) -> bytes:
        """Give the whole request of one device."""
        return self.message.body(kind=kind, registration=registration, delivery_id=delivery_id)


@dataclass(slots=True)
class MessageRenderer:
    """Renders notices; texts are kept by notice, language and channel, since a notice never changes."""

    catalog: Catalog
    _texts: dict[tuple[UUID, str, str], Rendered] = field(default_factory=dict)

    def push(self, content: Content, language: str, *, ttl_s: int) -> NoticePush:
        """Make the push of a notice in a language. Raises TemplateBroken and MessageUnfit."""
        text = self.text(content, language, "push")
        return NoticePush(
            push_message(
                title=text.title,
                text=text.body,
                tag=content.tag,
                data={
                    "notice_id": str(content.notice_id),
                    "kind": content.kind,
                    "outage_id": str(content.outage_id or ""),
                    "revision": str(content.revision or ""),
                },
                ttl=timedelta(seconds=max(0, ttl_s)),
                expires_at=content.useful_until,
                urgent=TEMPLATES[content.template].lane == "urgent",
            )
        )

    def sms(self, content: Content, language: str) -> str:
        """Make the SMS of a notice in a language. Raises TemplateBroken."""
        return self.text(content, language, "sms").body

    def text(self, content: Content, language: str, channel: RenderChannel) -> Rendered:
        """Give what a person reads. Raises TemplateBroken."""
        key = (content.notice_id, language, channel)
        text = self._texts.get(key)
        if text is None:
            text = self.catalog.render(content.template, language, channel, content.slots)
            if len(self._texts) >= TEXTS_KEPT_MAX:
                del self._texts[next(iter(self._texts))]
            self._texts[key] = text
        return text
