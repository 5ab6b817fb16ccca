"""Twilio's callbacks over real sockets: the emulator signs and posts them, our app takes them, the worker's flow applies."""

import asyncio
import base64
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import SecretStr

from gridcare.process.foundation import Foundation
from gridcare.process.health import serve
from gridcare.process.lifecycle import Lifecycle
from gridcare.testing.http import issuer
from gridcare.testing.waiting import eventually
from gridcare_local.emulators.control import Emulator, free_port, start_emulator
from gridcare_local.emulators.twilio import ACCOUNT_SID, AUTH_TOKEN
from outage_notifier import NAME
from outage_notifier.app import build_app
from outage_notifier.receipts.flow.apply_receipts import apply_receipts
from outage_notifier.settings import ApiSettings, TextingSettings
from outage_notifier.wiring import ApiRooms, serving, texting

KEY = base64.b64encode(bytes(32)).decode()
TOLD_EACH = 2
"""The emulator tells `sent` and `delivered`."""


@dataclass(frozen=True)
class Stage:
    """The emulator, and our app where its callbacks go."""

    emulator: Emulator
    texting: TextingSettings
    rooms: ApiRooms
    before: int

    def answers(self) -> list[int | None]:
        """Return what the callbacks of this test were answered with."""
        return [line["answered"] for line in self.emulator.journal("callback")[self.before :]]


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    started = start_emulator(
        "twilio", tmp_path_factory.mktemp("twilio"), environment={"EMULATOR_TWILIO_PACE_S": "0.01"}
    )
    yield started
    started.stop()


@pytest.fixture
async def stage(emulator: Emulator, database_url: str, db, clock) -> AsyncIterator[Stage]:
    port = free_port()
    life = Lifecycle()
    async with issuer() as tokens:
        twilio: dict[str, Any] = {
            "twilio_auth_token": SecretStr(AUTH_TOKEN),
            "twilio_sender": "GRIDCARE",
            "public_url": f"http://127.0.0.1:{port}",
        }
        sending = TextingSettings(twilio_account_sid=ACCOUNT_SID, twilio_api_url=emulator.url, **twilio)
        settings = ApiSettings(
            database_url=SecretStr(database_url),
            oidc_issuer=tokens.url,
            contact_keys=SecretStr(f"t1:{KEY}"),
            contact_index_key=SecretStr(KEY),
            **twilio,
        )
        async with serving(Foundation(NAME, "tests", settings, clock, db, life)) as rooms:
            bound: asyncio.Future[int] = asyncio.get_running_loop().create_future()
            served = asyncio.create_task(serve(build_app(rooms), life, host="127.0.0.1", port=port, bound=bound))
            await asyncio.wait_for(bound, 10)
            try:
                yield Stage(emulator, sending, rooms, len(emulator.journal("callback")))
            finally:
                life.stop()
                await served


@pytest.mark.parametrize("modes", [[], ["doubled"], ["shuffled"], ["doubled", "shuffled"], ["early"]])
async def test_every_callback_is_taken(stage, world, plan, send, modes):
    """Doubled, shuffled, or before the create's own answer: each is answered 204, and the books say delivered."""
    stage.emulator.script([{"match": {}, "action": {"callbacks": modes}}])
    for n in range(5):
        await world.customer(f"PB1101000000{n}", phones=[f"+8493300000{n}"])
    notice_id = await world.notice(await world.outage())
    await plan()
    async with texting(stage.texting) as sms:
        await send(sms=sms)
    expected = 5 * TOLD_EACH * (2 if "doubled" in modes else 1)
    await eventually(lambda: len(stage.answers()) == expected)
    assert stage.answers() == [204] * expected
    while await apply_receipts(room=stage.rooms.callbacks):
        world.clock.move(seconds=2)
    assert await world.books(notice_id) == {"delivered": 5}


async def test_other_account_is_refused(stage, world, plan, send, tmp_path):
    """A signature of another account's token is answered 403, and the delivery stays accepted."""
    other = start_emulator("twilio", tmp_path, environment={"EMULATOR_TWILIO_AUTH_TOKEN": "another"})
    settings = stage.texting.model_copy(update={"twilio_api_url": other.url, "twilio_auth_token": SecretStr("another")})
    try:
        await world.customer("PB11010000001", phones=["+84933000001"])
        notice_id = await world.notice(await world.outage())
        await plan()
        async with texting(settings) as sms:
            await send(sms=sms)
        await eventually(lambda: len(other.journal("callback")) == TOLD_EACH)
    finally:
        other.stop()
    assert [line["answered"] for line in other.journal("callback")] == [403] * TOLD_EACH
    assert await apply_receipts(room=stage.rooms.callbacks) == 0
    assert await world.books(notice_id) == {"accepted": 1}
