"""Read the messages of an account's customers, as texts in the language that each customer reads now."""

from collections.abc import Collection, Sequence

from gridcare.observability.logging import get_logger
from outage_notifier.inbox import store as message
from outage_notifier.inbox.core import InboxMessage, Message
from outage_notifier.inbox.room import Inbox
from outage_notifier.ledger.core.delivery_id import DeliveryId
from outage_notifier.texts.kept import KeptTexts
from outage_notifier.texts.rendering import DEFAULT_LANGUAGE, Rendered, TemplateBroken

logger = get_logger()


async def read_inbox(
    customer_codes: Collection[str], *, before: DeliveryId | None, limit: int, room: Inbox
) -> tuple[Sequence[InboxMessage], DeliveryId | None]:
    """List messages, the newest first; and where the next page goes on."""
    async with room.db.read() as connection:
        found = await message.page(connection, customer_codes, before=before, limit=limit + 1)
    shown = [InboxMessage(each, _text(room.texts, each)) for each in found[:limit]]
    return shown, found[limit - 1].delivery_id if len(found) > limit else None


def _text(texts: KeptTexts, each: Message) -> Rendered | None:
    try:
        content = each.content
        return texts.text(content.notice_id, content.template, content.slots, each.language or DEFAULT_LANGUAGE, "push")
    except TemplateBroken:
        logger.error("message_unrendered", notice_id=each.content.notice_id, template=each.content.template)  # noqa: TRY400 - the class says all
        return None
