"""Read the messages of an account's customers, rendered in the language that each customer reads now."""

from collections.abc import Collection, Sequence

from gridcare.observability.logging import get_logger
from gridcare.values.pages import cut_page
from outage_notifier.inbox import store
from outage_notifier.inbox.core import InboxMessage, Message
from outage_notifier.inbox.room import Inbox
from outage_notifier.ledger.core.delivery_id import DeliveryId
from outage_notifier.texts.kept import KeptTexts
from outage_notifier.texts.languages import DEFAULT_LANGUAGE
from outage_notifier.texts.rendering import Rendered, TemplateBroken

logger = get_logger()


async def list_messages(
    customer_codes: Collection[str], *, before: DeliveryId | None, limit: int, room: Inbox
) -> tuple[Sequence[InboxMessage], DeliveryId | None]:
    """Return a page of messages, the newest first, and where the next page starts, if there is one."""
    async with room.db.read() as connection:
        messages = await store.page(connection, customer_codes, before=before, limit=limit + 1, now=room.clock.now())
    shown, following = cut_page(messages, limit, lambda each: each.delivery_id)
    return [
        InboxMessage(each, _text(each, room.texts), each.subject.link(room.app_link_base)) for each in shown
    ], following


def _text(message: Message, texts: KeptTexts) -> Rendered | None:
    notice_id = message.delivery_id.notice_id
    try:
        return texts.text(
            notice_id, message.template, message.slots, message.language or DEFAULT_LANGUAGE, channel="push"
        )
    except TemplateBroken:
        logger.error("message_unrendered", notice_id=notice_id, template=message.template)  # noqa: TRY400 - the class says all
        return None
