"""Faults of our own processes: killed at random, killed at the worst moments, stalled, restarted."""

import asyncio
from typing import Final

from tests.faults.campaign import Campaign
from tests.faults.matrix.fault import Broken, Fault

REPAIR_API, BILLING_API = "repair-intake-api", "billing-gateway-api"


async def kill_often(run: Campaign, names: list[str], *, kills: int) -> int:
    """Kill one of these processes again and again, at random moments. Return how often."""
    done = 0
    for _ in range(kills):
        await asyncio.sleep(run.dice.uniform(0.2, 3.0))
        done += await asyncio.to_thread(run.rig.kill, run.dice.choice(names))
    return done


async def _at(run: Campaign, name: str, moment: str, **business: float) -> bool:
    """Let a process die at a moment while business goes on, and do some more business afterwards."""
    run.work.start(**business)
    died = await run.rig.crash_at(name, moment, timeout_s=45, meanwhile=lambda: None)
    if not died:
        raise Broken(f"{name} never came to {moment}")
    await asyncio.sleep(2)
    await run.work.finish()
    return died


async def kill_intake(run: Campaign) -> str:
    run.work.start(tickets=8)
    kills = await kill_often(run, [REPAIR_API], kills=4)
    await run.work.finish()
    return f"{kills} x SIGKILL of repair-intake-api under tickets"


async def die_after_commit(run: Campaign) -> str:
    await _at(run, REPAIR_API, "request.committed:5", tickets=6)
    await _at(run, BILLING_API, "request.committed:5", payments=4)
    return "died after the commit, before the 201: repair-intake-api, billing-gateway-api"


async def die_after_acknowledgement(run: Campaign) -> str:
    for service in ("repair-intake", "billing-gateway", "outage-notifier"):
        await _at(run, f"{service}-relay", "relay.acknowledged:2", tickets=4, payments=2, cuts=0.3)
    return "three relays died after Kafka's acknowledgement, before the delete"


async def die_before_acknowledgement(run: Campaign) -> str:
    for service in ("repair-intake", "billing-gateway"):
        await _at(run, f"{service}-relay", "relay.read:2", tickets=4, payments=2)
    return "two relays died after reading, before sending"


async def kill_consumers(run: Campaign) -> str:
    run.work.start(tickets=4, payments=2, cuts=0.4)
    names = [f"{each}-consumer" for each in ("outage-notifier", "repair-intake", "billing-gateway")]
    kills = await kill_often(run, [*names, "outage-notifier-sender"], kills=4)
    await run.work.finish()
    await _at(run, "outage-notifier-consumer", "consumer.applied:3", tickets=4)
    await _at(run, "repair-intake-consumer", "consumer.applied:1", cuts=0.5)
    return f"{kills} x SIGKILL of consumers and sender; two died after applying, before the offset"


PROCESS_FAULTS: Final = (
    Fault(1, "intake killed under tickets", kill_intake),
    Fault(2, "killed after the commit, before the answer", die_after_commit),
    Fault(3, "relay killed after the acknowledgement", die_after_acknowledgement),
    Fault(4, "relay killed before sending", die_before_acknowledgement),
    Fault(10, "consumers killed in the middle of records", kill_consumers),
)
