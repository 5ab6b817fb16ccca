"""`outage` and `outage_revision`: cuts, and every state that they were in."""

from uuid import UUID

import msgspec

from gridcare.events.outages import Scope
from gridcare.postgres.database import Connection
from outage_notifier.core.outage import OutageDocument

_DOCUMENT_AT = "SELECT document FROM outage_revision WHERE outage_id = $1 AND revision = $2"

_DECODER = msgspec.json.Decoder(OutageDocument)


async def scope_at(tx: Connection, outage_id: UUID, revision: int) -> Scope:
    """Give what an outage's revision cuts. Raises LookupError."""
    document: str | None = await tx.fetchval(_DOCUMENT_AT, outage_id, revision)
    if document is None:
        raise LookupError(f"outage {outage_id} has no revision {revision}")
    return _DECODER.decode(document).scope
