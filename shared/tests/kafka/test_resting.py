"""A partition that fails is left alone for a while."""

from gridcare.kafka.delivery.resting import Resting


def test_rests_after_a_failure():
    """A partition rests once it failed, its neighbour does not, and a success ends it."""
    resting = Resting(first_s=60, limit_s=60)
    resting.failed(("a.v1", 0))
    assert resting.rests(("a.v1", 0))
    assert not resting.rests(("a.v1", 1))
    resting.succeeded(("a.v1", 0))
    assert not resting.rests(("a.v1", 0))


def test_rests_end():
    """When its pause is over, the partition is tried again."""
    resting = Resting(first_s=0, limit_s=0)
    resting.failed(("a.v1", 0))
    assert not resting.rests(("a.v1", 0))
