"""Look for recipients of later pages who come before those of this page on a phone that they share.

The distributor may know a number as one customer's, and another may have typed it in the app: the message is its owner's, in
the owner's language, whichever of the two planning meets first. So the owner is noted ahead. One who then does not come, or is
told on another contact, covers nobody (look_at_covers).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from gridcare.postgres.database import Connection
from outage_notifier.planning.core.choice import Choice, choose
from outage_notifier.planning.core.page import Wanted
from outage_notifier.planning.store import contacts, recipients
from outage_notifier.planning.store.recipients import Audience


@dataclass(frozen=True, slots=True)
class Later:
    """The recipients of the pages that follow: those of the audience after a customer."""

    audience: Audience
    after: str


async def look_ahead(
    tx: Connection, notice_id: UUID, wanted: Sequence[Wanted], later: Later, *, sms_first: bool
) -> list[Wanted]:
    """Return the phones of `wanted` that recipients of later pages, as they are now, would be told on and come first on."""
    by_rank = sorted((shared for shared, _ in wanted if shared.phone_id), key=lambda each: each.rank, reverse=True)
    phones = {each.contact_key: each for each in by_rank}  # of each phone the first in rank
    found = await contacts.sharers(tx, notice_id, list(phones.values()), after=later.after) if phones else []
    codes = await recipients.among(tx, later.audience, found) if found else set()
    known = await contacts.of_recipients(tx, sorted(codes)) if codes else []
    choices = [(choose(each, sms_first=sms_first), each.recipient_id) for each in known]
    return [
        (shared, recipient_id)
        for choice, recipient_id in choices
        if isinstance(choice, Choice)
        for shared in choice.shared
        if shared.contact_key in phones
    ]
