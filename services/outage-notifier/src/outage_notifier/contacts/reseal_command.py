"""`reseal-contacts`: what ops runs after a new key was put first into GRIDCARE_CONTACT_KEYS."""

import sys
from collections.abc import Sequence

from gridcare.postgres.database import Database
from outage_notifier import NAME
from outage_notifier.contacts.flow.reseal_contacts import reseal_contacts
from outage_notifier.settings import Settings
from outage_notifier.wiring import vault_of


async def reseal_contacts_command(settings: Settings, arguments: Sequence[str]) -> int:
    """Run the command and say how many values were sealed anew; 2 when it was called with arguments."""
    if arguments:
        sys.stderr.write("usage: reseal-contacts\n")
        return 2
    async with Database.open(settings.database_url, application_name=f"{NAME} reseal-contacts", pool_size=2) as db:
        written = await reseal_contacts(db, vault_of(settings))
    sys.stdout.write(f"{written} values sealed with the newest key; older keys may leave GRIDCARE_CONTACT_KEYS\n")
    return 0
