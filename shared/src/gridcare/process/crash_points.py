"""Named moments at which a process can be made to die or to stall, for the fault campaign (docs/reliability.md).

GRIDCARE_CRASH_AT=sender.text-accepted:3 kills the process, as `kill -9` would, when it is there for the third time;
`sender.text-accepted:3:stop` stops it there until somebody continues it. The setting is refused unless the database and the
broker are on this machine, so it cannot take effect in a cluster. When it is not set, `reach` costs a look at an empty variable.
"""

import os
import re
import signal
from dataclasses import dataclass
from typing import Final, Literal, get_args

CrashPoint = Literal[
    # every api
    "request.committed",
    "callback.stored",
    # every consumer: the handler has committed, the offset is not committed; then both are
    "consumer.applied",
    "consumer.committed",
    # every relay
    "relay.read",
    "relay.acknowledged",
    "relay.deleted",
    # outage-notifier's planner
    "planner.claimed",
    "planner.page-committed",
    # outage-notifier's sender
    "sender.claimed",
    "sender.text-begun",
    "sender.text-accepted",
    "sender.push-accepted",
    "sender.recorded",
    # outage-notifier's worker
    "worker.follow-ups-cut",
    "worker.hinted",
    "worker.receipts-applied",
    "worker.looked-up",
    "worker.look-up-recorded",
    # billing-gateway's api and worker
    "callback.handled",
    "inquiry.claimed",
    "inquiry.answered",
    "inquiry.recorded",
]
"""After each commit, call and acknowledgement: the moments between which state can be lost or doubled."""

_FORM: Final = re.compile(r"^([a-z.-]+)(?::([1-9]\d{0,8}))?(?::(kill|stop))?$")


@dataclass(slots=True)
class _Plan:
    point: str
    left: int
    number: int


_plan: _Plan | None = None


def parse(text: str) -> str:
    """Return `text` if it is `point`, `point:n` or `point:n:kill|stop`. Raises ValueError if it is not, or names no point."""
    form = _FORM.match(text)
    if form is None or form[1] not in get_args(CrashPoint):
        raise ValueError(f"not a crash point with a count: {', '.join(get_args(CrashPoint))}")
    return text


def arm(text: str) -> None:
    """Make this process die or stall at the moment that `text` names. Raises ValueError."""
    global _plan  # noqa: PLW0603 - one process has one end
    form = _FORM.match(parse(text))
    assert form is not None  # noqa: S101 - parse has looked
    _plan = _Plan(form[1], int(form[2] or 1), signal.SIGSTOP if form[3] == "stop" else signal.SIGKILL)


def reach(point: CrashPoint) -> None:
    """Be at a named moment: nothing happens, unless this is where the process is to end."""
    plan = _plan
    if plan is None or plan.point != point:
        return
    plan.left -= 1
    if plan.left == 0:
        os.kill(os.getpid(), plan.number)
