"""`reseal-contacts`: what ops runs after putting a new key first in GRIDCARE_CONTACT_KEYS, or setting GRIDCARE_CONTACTS_BOUND."""

import sys
from collections.abc import Sequence

from outage_notifier.contacts.flow.reseal import reseal
from outage_notifier.contacts.room import Resealing


async def reseal_command(arguments: Sequence[str], *, room: Resealing) -> int:
    """Run the command and print how many values were sealed again. Return 2 when it was called with arguments."""
    if arguments:
        sys.stderr.write("usage: reseal-contacts\n")
        return 2
    written = await reseal(room=room)
    sys.stdout.write(f"{written} values sealed with the newest key; older keys may leave GRIDCARE_CONTACT_KEYS\n")
    return 0
