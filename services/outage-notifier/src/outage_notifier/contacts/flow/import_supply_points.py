"""Import supply points: they are published to their topic, and projected from there like everybody's."""

from collections.abc import AsyncIterator, Sequence

from gridcare.events.supply_points import SupplyPointChanged
from gridcare.known_supply_points.core import SupplyPoint
from gridcare.postgres import outbox
from outage_notifier import NAME
from outage_notifier.contacts.core.imported import read_supply_point
from outage_notifier.contacts.flow.import_rows import ImportReport, Row, import_rows
from outage_notifier.contacts.room import Contacts


async def import_supply_points(rows: AsyncIterator[Row], *, room: Contacts) -> ImportReport:
    """Publish each good line. A version that was published before is ignored by whoever reads it."""

    async def keep(chunk: Sequence[SupplyPoint]) -> None:
        async with room.db.transaction() as tx:
            await outbox.append(tx, [_event(each) for each in chunk], source=NAME, now=room.clock.now())

    return await import_rows(rows, read_supply_point, keep)


def _event(supply_point: SupplyPoint) -> SupplyPointChanged:
    return SupplyPointChanged(
        version=supply_point.version,
        supply_point_id=supply_point.supply_point_id,
        customer_code=supply_point.customer_code,
        transformer_id=supply_point.transformer_id,
        feeder_id=supply_point.feeder_id,
        substation_id=supply_point.substation_id,
        ward_code=supply_point.ward_code,
    )
