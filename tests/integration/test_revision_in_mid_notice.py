"""A cut changes while its announcement goes out: those who heard it get the change; no old text follows a new one."""

import pytest
from tests.integration.support.judge import judge_outage
from tests.integration.support.together import QUICK_LOOK_S, wait_until

from gridcare_local.demo.cut import NOTIFIER

TAKEN = 100
"""The pushes that FCM takes before it asks for patience: not the whole audience, however fast or slow the machine is."""

PATIENCE_S = 3
SLOW = [{"match": {}, "action": {"latency_s": 0.4}}]
STOPS_IN_THE_MIDDLE = [
    {"match": {}, "action": {}, "times": TAKEN},
    {"match": {"every": 3}, "action": {"latency_s": 1.0}},  # in flight while the cut changes
    {"match": {}, "action": {"error": "UNAVAILABLE", "retry_after_s": PATIENCE_S}},
]


def _half(whole) -> list[str]:
    """Return every second feeder."""
    return list(whole.town.feeder_ids[::2])


def _tell_some(whole, mark: str) -> tuple[str, int]:
    """Publish to half of the town, wait until some are told and others cannot be, return the outage and its revision."""
    whole.script("fcm", STOPS_IN_THE_MIDDLE)
    whole.script("twilio", SLOW)
    outage_id = whole.draft(mark=mark, feeder_ids=_half(whole))
    published = whole.change(outage_id, "publish")
    wait_until(lambda: whole.settled(outage_id) >= TAKEN, what="some are told", interval_s=QUICK_LOOK_S)
    return outage_id, published["outage"]["revision"]


def _change(whole, outage_id: str, verb: str, body: dict) -> dict:
    """Change the cut in the middle of its notice, then let FCM take everything again."""
    answer = whole.change(outage_id, verb, body)
    whole.script("fcm", [])
    return answer


def _reachable(verdict) -> set[str]:
    return set().union(*verdict.told_by.values())


def test_revisions_reach_everybody_once(whole):
    """Those who were told the old times get the change, all others a fresh announcement, and nobody gets both."""
    outage_id, first = _tell_some(whole, "REVISED")
    change = whole.document(mark="REVISED", feeder_ids=_half(whole), hours=5) | {"reason": "the work takes longer"}
    second = _change(whole, outage_id, "revise", change)["outage"]["revision"]
    whole.wait_told(outage_id)
    verdict = judge_outage(whole, outage_id)
    assert verdict.wrong == []
    old = verdict.told_of["announcement", first]
    changed, fresh = verdict.told_of["change", second], verdict.told_of["announcement", second]
    assert old, "the revision came too early to mean anything"
    assert fresh, "the revision came too late to mean anything"
    assert changed & fresh == set()
    assert old - changed <= verdict.in_state["covered"]
    assert changed - old <= verdict.in_state["covered"]
    assert _reachable(verdict) - changed - fresh <= verdict.in_state["covered"]
    assert verdict.told_by["cancellation"] == set()


def test_cancellations_follow_announcements(whole):
    """Those who heard of the cut hear that it is cancelled; the others hear nothing."""
    outage_id, first = _tell_some(whole, "CANCELLED")
    _change(whole, outage_id, "cancel", {"reason": "the part did not come"})
    whole.wait_told(outage_id)
    verdict = judge_outage(whole, outage_id)
    assert verdict.wrong == []
    told, called_off = verdict.told_of["announcement", first], verdict.told_by["cancellation"]
    assert told, "the cancellation came too early to mean anything"
    assert told - called_off <= verdict.in_state["covered"]
    assert called_off - told <= verdict.in_state["covered"]
    assert verdict.states["superseded"] > 0, "the cancellation came too late to mean anything"


@pytest.mark.parametrize("process", ["planner", "sender"])
def test_revisions_survive_dead_processes(whole, process):
    """A process dies in mid-notice, the cut is revised, and the restarted process sends only the newer revision."""
    outage_id, _ = _tell_some(whole, f"REVISED DEAD {process}")
    whole.stack.kill(f"{NOTIFIER}-{process}")
    change = whole.document(mark=f"REVISED DEAD {process}", feeder_ids=_half(whole), hours=4) | {
        "reason": "the work takes longer"
    }
    second = _change(whole, outage_id, "revise", change)["outage"]["revision"]
    whole.stack.restart(f"{NOTIFIER}-{process}")
    whole.wait_told(outage_id)
    verdict = judge_outage(whole, outage_id)
    assert verdict.wrong == []
    changed, fresh = verdict.told_of["change", second], verdict.told_of["announcement", second]
    assert _reachable(verdict) - changed - fresh <= verdict.in_state["covered"]


def test_narrower_scopes_cancel(whole):
    """Of those who were told, the customers still in the scope get the change and the others the cancellation."""
    wide, narrow = _half(whole), _half(whole)[::2]
    kept = {point.customer_code for point in whole.world.supply_points() if point.feeder_id in set(narrow)}
    outage_id = whole.draft(mark="NARROWER", feeder_ids=wide)
    first = whole.change(outage_id, "publish")["outage"]["revision"]
    whole.wait_told(outage_id)
    change = whole.document(mark="NARROWER", feeder_ids=narrow) | {"reason": "one line stays up"}
    whole.change(outage_id, "revise", change)
    whole.wait_told(outage_id)
    verdict = judge_outage(whole, outage_id)
    assert verdict.wrong == []
    told = verdict.told_of["announcement", first]
    assert verdict.told_by["change"] <= kept
    assert verdict.told_by["cancellation"].isdisjoint(kept)
    assert told - verdict.told_by["change"] - verdict.told_by["cancellation"] <= verdict.in_state["covered"]
