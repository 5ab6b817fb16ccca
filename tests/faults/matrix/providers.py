"""Faults of Twilio and FCM: they hang, refuse, ask to wait, call back late, twice, in the wrong order, or never."""

import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Final

import httpx
from tests.faults.campaign import Campaign
from tests.faults.judge.evidence import NOTIFIER, lines_of
from tests.faults.matrix.fault import Broken, Fault
from tests.faults.matrix.payers import lost_callbacks

LOST: Final = {"callbacks": ["lost"]}
RETRY_AFTER_S: Final = 3
UNREGISTERED: Final = "UNREGISTERED"
DEVICES: Final = "SELECT count(*) FROM device"
SENDER: Final = "outage-notifier-sender"

Rules = Sequence[Mapping[str, Any]]


class Once:
    """Does something at its first call and nothing at any other."""

    def __init__(self, act: Callable[[], Awaitable[object]]) -> None:
        self._act: Callable[[], Awaitable[object]] | None = act

    async def __call__(self) -> None:
        act, self._act = self._act, None
        if act is not None:
            await act()


async def script(run: Campaign, provider: str, rules: Rules) -> None:
    """Replace the script of a provider's emulator."""
    async with _emulator(run, provider) as client:
        (await client.put("/_emulator/script", json=list(rules))).raise_for_status()


async def fired(run: Campaign, provider: str) -> int:
    """Return how often the present rules of a provider's emulator were applied."""
    async with _emulator(run, provider) as client:
        answer = (await client.get("/_emulator/script")).raise_for_status()
    return sum(each["fired"] for each in answer.json())


def _emulator(run: Campaign, provider: str) -> httpx.AsyncClient:
    context = ssl.create_default_context(cafile=run.rig.catalog.emulator_dir("fcm") / "ca.pem")
    return httpx.AsyncClient(base_url=run.rig.catalog.emulator_url(provider), verify=context, trust_env=False)


async def _tell(run: Campaign, provider: str, rules: Rules, *, cuts: int = 1) -> None:
    """Publish cuts of the whole town while a provider misbehaves, and wait until it did so for all of them."""
    await script(run, provider, rules)
    assert run.rig.town is not None
    for _ in range(cuts):
        if await run.work.publish(list(run.rig.town.feeder_ids)) is None:
            raise Broken("the cut was not accepted")
    await run.calm_down()
    await script(run, provider, [])


async def twilio_hangs(run: Campaign) -> str:
    rules = [
        {"match": {"every": 9}, "action": {"hang": True}, "times": 8},
        {"match": {"every": 7}, "action": {"hang": True, **LOST}, "times": 8},
        {"match": {"every": 8}, "action": {"http_status": 500, "accepted": True, **LOST}, "times": 6},
    ]
    await _tell(run, "twilio", rules)
    return "22 SMS accepted without an answer, most of them without a callback either"


async def sender_dies_after_twilio(run: Campaign) -> str:
    assert run.rig.town is not None
    feeders = list(run.rig.town.feeder_ids)
    await script(run, "twilio", [{"match": {"probability": 0.5, "seed": 3}, "action": LOST}])
    for moment in ("sender.text-accepted:20", "sender.text-begun:1", "sender.push-accepted:60", "sender.recorded:2"):
        publishing = Once(partial(run.work.publish, feeders))
        if not await run.rig.crash_at(SENDER, moment, timeout_s=60, meanwhile=publishing):
            raise Broken(f"the sender never came to {moment}")
    await run.calm_down()
    await script(run, "twilio", [])
    return "the sender died after Twilio's and FCM's answers, between attempt and call, and after a record"


async def twilio_storm(run: Campaign) -> str:
    phones = [each.phone for each in run.rig.world.contacts() if each.consent][:40:4]
    opted_out = [{"match": {"to": phone}, "action": {"error": 21610}, "times": 1} for phone in phones]
    storm = [
        {"match": {"every": 2}, "action": {"http_status": 429, "retry_after_s": 1}, "times": 60},
        {"match": {"probability": 0.3, "seed": 5}, "action": {"http_status": 500}, "times": 25},
    ]
    await _tell(run, "twilio", [*opted_out, *storm])
    await _tell(run, "twilio", [])
    return f"60 x 429, 25 x 500, {len(phones)} numbers that opted out, then another cut"


async def callbacks_disordered(run: Campaign) -> str:
    modes = [["doubled"], ["shuffled"], ["early"], ["doubled", "shuffled", "early"]]
    rules = [
        {"match": {"probability": 0.4, "seed": number}, "action": {"callbacks": mode}}
        for number, mode in enumerate(modes)
    ]
    await _tell(run, "twilio", rules)
    url = f"/v1/callbacks/twilio?attempt={'0' * 8}"
    forged = await run.caller.once("POST", NOTIFIER, url, body={"MessageSid": "SM0", "MessageStatus": "delivered"})
    if forged.status_code != 403:
        raise Broken(f"a forged callback was answered {forged.status_code}")
    return "callbacks doubled, shuffled, early, one forged"


async def callbacks_lost(run: Campaign) -> str:
    rules = [
        {"match": {"every": 6}, "action": {"hang": True, "list_after_s": 1.0, **LOST}, "times": 10},
        {"match": {"every": 2}, "action": LOST},
    ]
    await _tell(run, "twilio", rules)
    await script(run, "vnpay", [{"match": {"every": 3}, "action": {"bad_signature": True}, "times": 2}])
    found = await lost_callbacks(run)
    await script(run, "vnpay", [])
    return f"half of all of Twilio's callbacks lost, ten of them with the answer too; {found}"


async def fcm_refuses(run: Campaign) -> str:
    """Retry-After is obeyed, and what is not registered any more is never called again."""
    begun = len(lines_of(run.rig, "fcm", "refused"))
    devices = (await run.rig.fetch(NOTIFIER, DEVICES))[0][0]
    rules = [
        {"match": {"probability": 0.05, "seed": 9, "sticky": True}, "action": {"error": "UNREGISTERED"}},
        {"match": {"every": 3}, "action": {"error": "UNAVAILABLE", "retry_after_s": RETRY_AFTER_S}, "times": 60},
        {"match": {"every": 4}, "action": {"error": "QUOTA_EXCEEDED", "retry_after_s": RETRY_AFTER_S}, "times": 30},
    ]
    await _tell(run, "fcm", rules)
    refused = lines_of(run.rig, "fcm", "refused")[begun:]
    lost = {_call(line)[1] for line in refused if line["code"] == UNREGISTERED}
    waited = {_call(line): datetime.fromisoformat(line["at"]) for line in refused if line["code"] != UNREGISTERED}
    if not waited or not lost:
        raise Broken(f"FCM asked to wait for {len(waited)} pushes and had lost {len(lost)} devices")
    early = [
        call
        for line in lines_of(run.rig, "fcm", "accepted")
        if (call := _call(line)) in waited
        and 0 < (datetime.fromisoformat(line["at"]) - waited[call]).total_seconds() < RETRY_AFTER_S - 0.05
    ]
    if early:
        raise Broken(f"{len(early)} pushes were repeated before Retry-After")
    pruned = devices - (await run.rig.fetch(NOTIFIER, DEVICES))[0][0]
    told = len(lines_of(run.rig, "fcm", "accepted"))
    await _tell(run, "fcm", [])
    called = sum(_call(line)[1] in lost for line in lines_of(run.rig, "fcm", "accepted")[told:])
    if pruned != len(lost) or called:
        raise Broken(f"{len(lost)} devices were lost, {pruned} are pruned, {called} were called again")
    return f"{len(waited)} pushes refused with Retry-After; {pruned} devices unregistered, pruned, not called again"


def _call(line: Mapping[str, Any]) -> tuple[str, str]:
    message = line["body"]["message"]
    return message["data"]["delivery_id"], message.get("token") or message["fid"]


PROVIDER_FAULTS: Final = (
    Fault(19, "Twilio takes a message and does not answer", twilio_hangs),
    Fault(20, "sender killed between the call and its record", sender_dies_after_twilio),
    Fault(21, "Twilio refuses by the dozen", twilio_storm),
    Fault(22, "callbacks doubled, shuffled, early, forged", callbacks_disordered),
    Fault(23, "callbacks lost", callbacks_lost),
    Fault(24, "FCM refuses, asks to wait, has lost devices", fcm_refuses),
)
