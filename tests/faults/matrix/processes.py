"""Faults of our own processes: killed at random, killed at the worst moments, stalled, restarted."""

import asyncio
import signal
from collections import Counter
from typing import Final

import psutil
from tests.faults.campaign import Campaign
from tests.faults.matrix.fault import Broken, Fault
from tests.faults.matrix.providers import fired, script

from gridcare_local.emulators.control import free_port
from gridcare_local.stack.catalog import SERVICE_PARTS

UNANSWERED_MIN: Final = 20
GRACE_S: Final = 40.0
"""Twice the services' own: the machine may be busy."""

RELAY_STALL_S: Final = 20.0
FULL_BYTES: Final = 256 << 10
SKEWS: Final = {
    "outage-notifier-sender": 45.0,
    "outage-notifier-worker": -45.0,
    "outage-notifier-planner": 600.0,
    "repair-intake-api": -600.0,
}

REPAIR_API, BILLING_API = "repair-intake-api", "billing-gateway-api"
APIS: Final = (REPAIR_API, BILLING_API, "outage-notifier-api")
PRE_STOP_S: Final = 5.0
"""As the manifests' preStop waits: what was sent to the old address has arrived there before it is told to end."""


async def kill_often(run: Campaign, names: list[str], *, kills: int) -> int:
    """Kill one of these processes again and again, at random moments. Return how often."""
    done = 0
    for _ in range(kills):
        await asyncio.sleep(run.dice.uniform(0.2, 3.0))
        done += await asyncio.to_thread(run.rig.kill, run.dice.choice(names))
    return done


async def die_at(run: Campaign, name: str, moment: str, **business: float) -> bool:
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
    await die_at(run, REPAIR_API, "request.committed:5", tickets=6)
    await die_at(run, BILLING_API, "request.committed:5", payments=4)
    return "died after the commit, before the 201: repair-intake-api, billing-gateway-api"


async def die_after_acknowledgement(run: Campaign) -> str:
    for service in ("repair-intake", "billing-gateway", "outage-notifier"):
        await die_at(run, f"{service}-relay", "relay.acknowledged:2", tickets=4, payments=2, cuts=0.3)
    return "three relays died after Kafka's acknowledgement, before the delete"


async def die_before_acknowledgement(run: Campaign) -> str:
    for service in ("repair-intake", "billing-gateway"):
        await die_at(run, f"{service}-relay", "relay.read:2", tickets=4, payments=2)
    return "two relays died after reading, before sending"


async def kill_consumers(run: Campaign) -> str:
    run.work.start(tickets=4, payments=2, cuts=0.4)
    names = [f"{each}-consumer" for each in ("outage-notifier", "repair-intake", "billing-gateway")]
    kills = await kill_often(run, [*names, "outage-notifier-sender"], kills=4)
    await run.work.finish()
    await die_at(run, "outage-notifier-consumer", "consumer.applied:3", tickets=4)
    await die_at(run, "repair-intake-consumer", "consumer.applied:1", cuts=0.5)
    await die_at(run, "outage-notifier-consumer", "consumer.committed:2", tickets=6)
    return f"{kills} x SIGKILL of consumers and sender; two died between commit and offset, one after the offset"


async def three_relays(run: Campaign) -> str:
    """Stop one of three relays for a while: its locks are its database session's, and it must not publish out of order."""
    name = "repair-intake-relay"
    others = [run.rig.second(name) for _ in range(2)]
    for other in others:
        await asyncio.to_thread(other.start)
    run.work.start(tickets=8, cuts=0.4)
    run.rig.hold(name)
    await asyncio.sleep(2)
    run.rig.signal(name, signal.SIGSTOP)
    await asyncio.sleep(RELAY_STALL_S)
    run.rig.signal(name, signal.SIGCONT)
    await asyncio.sleep(3)
    run.rig.release(name)
    await run.work.finish()
    await run.calm_down()
    for other in others:
        await asyncio.to_thread(other.stop)
    return f"three relays of repair-intake, one stopped for {RELAY_STALL_S:.0f} s"


async def rolling_restart(run: Campaign) -> str:
    """Every process is replaced, as a cluster does it: an api's next pod takes the requests before the old one is told to end."""
    run.work.start(tickets=4, payments=1, cuts=0.1)  # for minutes: what is begun must not outgrow what is done
    unanswered = _unanswered(run)
    for name in SERVICE_PARTS:
        if name in APIS:
            await _replace_api(run, name)
        else:
            await _end(run, name)
    await run.work.finish()
    if lost := _unanswered(run) - unanswered:
        raise Broken(f"{lost.total()} requests had no answer: {', '.join(lost)}")
    return f"SIGTERM to {len(SERVICE_PARTS)} processes, one after another, under load; every request was answered"


def _unanswered(run: Campaign) -> Counter[str]:
    """Return the requests without an answer, or with one that says that there was a bug."""
    return Counter({name: n for name, n in run.journal.statuses.items() if not name.isdigit() or name == "500"})


async def _replace_api(run: Campaign, name: str) -> None:
    service, port = name.removesuffix("-api"), free_port()
    other = run.rig.second(name, http_port=str(port))
    await asyncio.to_thread(other.start)
    run.caller.elsewhere[service] = f"http://127.0.0.1:{port}"
    await asyncio.sleep(PRE_STOP_S)
    await _end(run, name)
    del run.caller.elsewhere[service]
    await asyncio.sleep(PRE_STOP_S)
    await asyncio.to_thread(other.stop)


async def _end(run: Campaign, name: str) -> None:
    """Tell a process to end, and wait until it is there again. Raises Broken if it takes too long to end."""
    before = run.rig.pid(name)
    run.rig.terminate(name)
    if before is not None and not await run.until(lambda: not before.alive(), timeout_s=GRACE_S):
        raise Broken(f"{name} did not end within {GRACE_S:.0f} s of SIGTERM")
    if not await run.until(lambda: run.rig.part(name).ready(), timeout_s=60):
        raise Broken(f"{name} was not ready a minute after its restart")


async def clocks_differ(run: Campaign) -> str:
    """Set a sender ahead, a worker and an api behind, while answers never come; then let every clock step."""
    assert run.rig.town is not None
    offset = run.rig.stack.settings.clock_offset_s
    for name, ahead_s in SKEWS.items():
        await asyncio.to_thread(run.rig.restart_with, name, clock_offset_s=str(offset + ahead_s))
    unanswered = [
        {"match": {"every": 2}, "action": {"hang": True, "callbacks": ["lost"]}, "times": 25},
        {"match": {"every": 3}, "action": {"http_status": 500}, "times": 10},
    ]
    await script(run, "twilio", unanswered)
    for _ in range(2):
        await run.work.publish(list(run.rig.town.feeder_ids))
    await run.busy(15, tickets=3, payments=2, cuts=0.2)

    async def enough() -> bool:
        return await fired(run, "twilio") >= UNANSWERED_MIN

    async def resolved() -> bool:
        unknown = "SELECT count(*) FROM delivery WHERE state IN ('unknown', 'retrying')"
        return not (await run.rig.fetch("outage-notifier", unknown))[0][0]

    if not await run.until(enough, timeout_s=120):
        raise Broken(f"Twilio left less than {UNANSWERED_MIN} SMS without an answer")
    await run.until(resolved, timeout_s=90)
    unanswered_count = await fired(run, "twilio")
    await script(run, "twilio", [])
    for name, ahead_s in SKEWS.items():  # a step back where they were ahead, forward where they were behind
        await asyncio.to_thread(run.rig.restart_with, name, clock_offset_s=str(offset - ahead_s))
    await run.busy(6, tickets=3, payments=2, cuts=0.3)
    return f"sender +45 s, worker -45 s, planner +600 s, api -600 s, then the reverse; {unanswered_count} SMS without an answer"


async def disk_full(run: Campaign) -> str:
    """Let no backend of PostgreSQL write beyond a small size, which works as a full disk does and needs no rights."""
    run.work.start(tickets=4, payments=2)
    await asyncio.sleep(2)
    run.rig.limit_postgres_files(FULL_BYTES)
    await asyncio.sleep(6)
    run.rig.limit_postgres_files(psutil.RLIM_INFINITY)
    run.rig.tally.kills["postgres"] += 1
    await asyncio.to_thread(run.rig.stop_postgres_at_once)
    await asyncio.to_thread(run.rig.stack.restart, "postgres")
    await asyncio.sleep(2)
    await run.work.finish()
    return f"no file of PostgreSQL may grow beyond {FULL_BYTES >> 10} KiB for 6 s (RLIMIT_FSIZE), then a restart"


PROCESS_FAULTS: Final = (
    Fault(1, "intake killed under tickets", kill_intake),
    Fault(2, "killed after the commit, before the answer", die_after_commit),
    Fault(3, "relay killed after the acknowledgement", die_after_acknowledgement),
    Fault(4, "relay killed before sending", die_before_acknowledgement),
    Fault(5, "three relays, one stalled", three_relays),
    Fault(10, "consumers killed in the middle of records", kill_consumers),
    Fault(18, "disk full", disk_full),
    Fault(29, "clocks that differ", clocks_differ),
    Fault(31, "rolling restart under load", rolling_restart),
)
