"""`devices-aside`: what ops run to see which devices are kept but not called, and to have them called again."""

import sys
from collections.abc import Sequence

from outage_notifier.contacts.flow.devices_aside import list_aside, take_back
from outage_notifier.contacts.room import Aside

USAGE = "usage: devices-aside list | devices-aside take-back REASON\n"


async def devices_aside_command(arguments: Sequence[str], *, room: Aside) -> int:
    """Run the command, and print what it found or did. Return 2 when it was called in another way."""
    match list(arguments):
        case ["list"]:
            for each in await list_aside(room=room):
                since = f"from {each.first_at:%Y-%m-%d %H:%M} to {each.last_at:%Y-%m-%d %H:%M} UTC"
                sys.stdout.write(f"{each.reason}: {each.devices} devices, put aside {since}\n")
        case ["take-back", reason]:
            sys.stdout.write(f"{await take_back(reason, room=room)} devices will be called again\n")
        case _:
            sys.stderr.write(USAGE)
            return 2
    return 0
