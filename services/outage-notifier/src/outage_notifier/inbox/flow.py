"""Read the messages of an account's customers, as texts in the language that each customer reads now."""

from collections.abc import Collection, Sequence
from typing import Protocol

from gridcare.observability.logging import get_logger
from gridcare.postgres.database import Database
from outage_notifier.inbox import store as message
from outage_notifier.inbox.core import InboxMessage, Message
from outage_notifier.ledger.core.delivery_id import DeliveryId
from outage_notifier.ledger.core.notice import Content
from outage_notifier.texts.rendering import DEFAULT_LANGUAGE, RenderChannel, Rendered, TemplateBroken

logger = get_logger()


class TextRenderer(Protocol):
    """Writes a notice as a person reads it."""

    def text(self, content: Content, language: str, channel: RenderChannel) -> Rendered: ...


async def read_inbox(
    db: Database, renderer: TextRenderer, customer_codes: Collection[str], *, before: DeliveryId | None, limit: int
) -> tuple[Sequence[InboxMessage], DeliveryId | None]:
    """List messages, the newest first; and where the next page goes on."""
    async with db.read() as connection:
        found = await message.page(connection, customer_codes, before=before, limit=limit + 1)
    shown = [InboxMessage(each, _text(renderer, each)) for each in found[:limit]]
    return shown, found[limit - 1].delivery_id if len(found) > limit else None


def _text(renderer: TextRenderer, each: Message) -> Rendered | None:
    try:
        return renderer.text(each.content, each.language or DEFAULT_LANGUAGE, "push")
    except TemplateBroken:
        logger.error("message_unrendered", notice_id=each.content.notice_id, template=each.content.template)  # noqa: TRY400 - the class says all
        return None
