"""`reseal-contacts`: what ops runs after a new key was put first into GRIDCARE_CONTACT_KEYS."""

import sys
from collections.abc import Sequence

from outage_notifier.contacts.flow.reseal_contacts import reseal_contacts
from outage_notifier.contacts.room import Contacts


async def reseal_command(arguments: Sequence[str], *, room: Contacts) -> int:
    """Run the command and print how many values were sealed anew. Return 2 when it was called with arguments."""
    if arguments:
        sys.stderr.write("usage: reseal-contacts\n")
        return 2
    written = await reseal_contacts(room=room)
    sys.stdout.write(f"{written} values sealed with the newest key; older keys may leave GRIDCARE_CONTACT_KEYS\n")
    return 0
