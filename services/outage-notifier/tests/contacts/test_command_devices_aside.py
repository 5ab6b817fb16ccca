"""The command `devices-aside`."""

import pytest

from outage_notifier.contacts.command_devices_aside import devices_aside_command
from outage_notifier.contacts.room import Aside


@pytest.fixture
async def aside(world) -> Aside:
    """Return the room, with one device put aside."""
    await world.customer("PB11010000001", devices=["d1"])
    async with world.db.transaction() as tx:
        await tx.execute(
            "INSERT INTO device_aside SELECT device_id, 'SENDER_ID_MISMATCH', $1 FROM device", world.clock.now()
        )
    return Aside(world.db)


async def test_list_then_take_back(aside, capsys):
    """One line a reason; taking back says how many, and leaves nothing."""
    assert await devices_aside_command(["list"], room=aside) == 0
    assert await devices_aside_command(["take-back", "SENDER_ID_MISMATCH"], room=aside) == 0
    assert await devices_aside_command(["list"], room=aside) == 0
    assert capsys.readouterr().out.splitlines() == [
        "SENDER_ID_MISMATCH: 1 devices, put aside from 2026-11-30 03:00 to 2026-11-30 03:00 UTC",
        "1 devices will be called again",
    ]


@pytest.mark.parametrize("arguments", [[], ["take-back"], ["drop"]])
async def test_usage_otherwise(aside, capsys, arguments):
    """Any other call is told how to call it."""
    assert await devices_aside_command(arguments, room=aside) == 2
    assert "usage: devices-aside" in capsys.readouterr().err
