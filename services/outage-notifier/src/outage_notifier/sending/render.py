"""Makes the messages that senders send: a notice in a language, as a push still without its device, or as an SMS."""

from dataclasses import dataclass
from datetime import timedelta

from gridcare.events.notices import Channel
from outage_notifier.ledger.core.notice import Content
from outage_notifier.providers.fcm.message import PushMessage, push_message
from outage_notifier.texts.kept import KeptTexts
from outage_notifier.texts.rendering import Rendered
from outage_notifier.texts.template import TEMPLATES


@dataclass(frozen=True, slots=True)
class MessageRenderer:
    """Makes the pushes and SMS of notices."""

    texts: KeptTexts

    def push(self, content: Content, language: str, *, ttl_s: int) -> PushMessage:
        """Return the push of a notice in a language. Raises TemplateBroken and MessageUnfit."""
        text = self._text(content, language, "push")
        return push_message(
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

    def sms(self, content: Content, language: str) -> str:
        """Return the SMS of a notice in a language. Raises TemplateBroken."""
        return self._text(content, language, "sms").body

    def _text(self, content: Content, language: str, channel: Channel) -> Rendered:
        return self.texts.text(content.notice_id, content.template, content.slots, language, channel)
