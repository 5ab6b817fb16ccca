"""`imports`: what ops run to see who imported what."""

import sys
from collections.abc import Sequence

from outage_notifier.contacts.flow.imports import list_imports
from outage_notifier.contacts.room import Recorded

LIMIT = 1_000


async def imports_command(arguments: Sequence[str], *, room: Recorded) -> int:
    """Run the command, and print the newest thousand imports. Return 2 when it was called in another way."""
    if list(arguments) != ["list"]:
        sys.stderr.write("usage: imports list\n")
        return 2
    for each in await list_imports(limit=LIMIT, room=room):
        outcome = "did not end"
        if each.ended_at is not None and each.digest is not None:
            outcome = f"{each.kept} kept, {each.refused} refused, sha256 {each.digest.hex()}"
        sys.stdout.write(f"{each.begun_at:%Y-%m-%d %H:%M} UTC {each.kind} by {each.made_by}: {outcome}\n")
    return 0
