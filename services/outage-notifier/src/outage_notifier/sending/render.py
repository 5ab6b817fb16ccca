"""Makes the messages that senders send: a notice in a language, as a push still without its device, or as an SMS."""

from dataclasses import dataclass
from datetime import timedelta

from gridcare.events.notices import Channel
from outage_notifier.ledger.core.notice import Content
from outage_notifier.providers.fcm.message import PushMessage, push_message
from outage_notifier.texts.kept import KeptTexts
from outage_notifier.texts.rendering import Rendered
from outage_notifier.texts.subject import subject_of
from outage_notifier.texts.template import TEMPLATES


@dataclass(frozen=True, slots=True)
class MessageRenderer:
    """Makes the pushes and SMS of notices. A push opens the app at `app_link_base` and what the notice is about."""

    texts: KeptTexts
    app_link_base: str

    def push(self, content: Content, language: str, *, ttl_s: int) -> PushMessage:
        """Return the push of a notice in a language. Raises TemplateBroken and MessageUnfit."""
        text = self._text(content, language, "push")
        subject = subject_of(content.outage_id, content.slots)
        data = {"notice_id": str(content.notice_id), "kind": content.kind, **subject.named()}
        if content.revision is not None:
            data["revision"] = str(content.revision)
        if link := subject.link(self.app_link_base):
            data["link"] = link
        return push_message(
            title=text.title,
            text=text.body,
            tag=content.tag,
            data=data,
            ttl=timedelta(seconds=max(0, ttl_s)),
            expires_at=content.useful_until,
            urgent=TEMPLATES[content.template].lane == "urgent",
        )

    def sms(self, content: Content, language: str) -> str:
        """Return the SMS of a notice in a language. Raises TemplateBroken."""
        return self._text(content, language, "sms").body

    def _text(self, content: Content, language: str, channel: Channel) -> Rendered:
        return self.texts.text(content.notice_id, content.template, content.slots, language, channel)
