"""A process dies in the middle of a notice, is started again, and the books balance all the same.

Providers answer slowly, so that there is a middle; what was in flight at the kill may be transported again as a push of
the same tag and delivery id, and never as an SMS.
"""

import signal

import pytest

from gridcare_local.demo.cut import Watcher

SLOW = [{"match": {}, "action": {"latency_s": 0.4}}]
PUSHES_IN_FLIGHT_MAX = 2_000
"""Four batches of 500: what a sender had taken and not yet recorded when it was killed."""


def _after(share: float, act) -> Watcher:
    """Act once when so much of the audience is settled."""
    done = []

    def watch(settled: int, audience: int) -> None:
        if audience and settled >= audience * share and not done:
            done.append(True)
            act()

    return watch


@pytest.mark.parametrize("process", ["planner", "sender", "worker", "relay"])
def test_a_kill_minus_9_in_mid_notice_ends_in_balanced_books(whole, process):
    """The process is killed, started again, and every delivery ends settled and known to its provider once."""
    for provider in ("fcm", "twilio"):
        whole.script(provider, SLOW)
    name = f"outage-notifier-{process}"

    def kill() -> None:
        whole.stack.kill(name)
        whole.stack.restart(name)

    told = whole.tell(watch=_after(0.0 if process in {"planner", "relay"} else 0.15, kill))
    books = whole.balance(told)
    assert books.wrong == []
    assert told.audience == whole.town.customers
    assert books.pushes_repeated <= (PUSHES_IN_FLIGHT_MAX if process == "sender" else 0)


def test_a_sender_stopped_past_its_lease_sends_nothing_twice(whole):
    """SIGSTOP until the lease is over, another sender takes over, SIGCONT: no SMS twice, books balanced."""
    for provider in ("fcm", "twilio"):
        whole.script(provider, SLOW)
    sender = whole.stack.part("outage-notifier-sender")
    stopped = sender.running()
    other = whole.second_sender()

    def stop() -> None:
        stopped.send(signal.SIGSTOP)
        other.start()

    try:
        told = whole.tell(watch=_after(0.1, stop))
        stopped.send(signal.SIGCONT)
        books = whole.balance(told)
    finally:
        stopped.send(signal.SIGCONT)
        other.stop()
    assert books.wrong == []
