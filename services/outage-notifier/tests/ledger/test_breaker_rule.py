"""The judge of a channel: ordinary decay never speaks against us, a fault of ours soon does."""

from random import Random

import pytest

from outage_notifier.ledger.core.breaker import BATCHES_MIN, WITNESSES_MIN, ChannelHistory, judge

FIRST = ChannelHistory(2_000, 100)


def opened_after(shares, *, size=500, seed=1):
    """Return after how many batches with these shares of lost contacts the breaker opens, or None."""
    draw, history = Random(seed), FIRST  # noqa: S311 - a repeatable order
    for number, share in enumerate(shares, start=1):
        lost = sum(draw.random() < share for _ in range(size))
        judgement = judge(history, calls=size, lost=lost, losers=[f"{number}-{n}" for n in range(lost)])
        if judgement.opens:
            return number
        history = judgement.history
    return None


@pytest.mark.parametrize("share", [0.0, 0.05, 0.1, 0.2])
def test_ordinary_decay_never_opens(share):
    """A thousand batches in which one device in five and fewer are gone."""
    assert opened_after([share] * 1_000) is None


def test_uneven_decay_never_opens():
    """Most batches lose a twentieth, now and then one loses all: a block of old phones."""
    draw = Random(2)  # noqa: S311 - a repeatable order
    assert opened_after([1.0 if draw.random() < 0.05 else 0.05 for _ in range(1_000)]) is None


@pytest.mark.parametrize("share", [1.0, 0.7])
def test_our_fault_opens_soon(share):
    """Five batches in which most are lost: not one alone, and not many."""
    assert opened_after([0.05] * 100 + [share] * 20) == 100 + BATCHES_MIN


def test_small_batches_count_too():
    """One call a batch, all of them lost."""
    assert 8 <= opened_after([1.0] * 40, size=1) <= 15


def test_usual_share_is_learned():
    """After an import of old devices a third is what is usual; after years of it the rule is still alive."""
    history = FIRST
    for _ in range(1_000):
        history = judge(history, calls=500, lost=160, losers=()).history
    assert 0.3 < history.usual_share < 0.34
    assert history.usual_calls <= 110_000


def test_fault_is_not_learned():
    """A batch that lost most of its contacts teaches nothing."""
    assert judge(FIRST, calls=500, lost=400, losers=()).history.usual_share == FIRST.usual_share


def test_few_lost_are_believed():
    """One of one, or ten of forty."""
    assert not judge(FIRST, calls=1, lost=1, losers=()).doubts
    assert not judge(FIRST, calls=40, lost=10, losers=()).doubts
    assert judge(FIRST, calls=40, lost=20, losers=()).doubts


@pytest.mark.parametrize("devices", [1, 20])
def test_one_customer_opens_nothing(devices):
    """The broken devices of a few are refused each time they are told something."""
    history = FIRST
    few = [f"PB{n}" for n in range(WITNESSES_MIN - 1)]
    for round_ in range(100):
        judgement = judge(history, calls=devices, lost=devices, losers=[few[round_ % len(few)]])
        assert not judgement.opens
        history = judgement.history
    assert judge(history, calls=1, lost=1, losers=["PB9"]).opens
    forgotten = judge(history, calls=100, lost=0, losers=()).history
    assert (forgotten.suspicion, forgotten.witnesses) == (0, [])
