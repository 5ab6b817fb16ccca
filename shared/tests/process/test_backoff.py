"""Short retries: pauses that grow up to a limit, and start anew after a success."""

import pytest

from gridcare.process.backoff import JITTER_MIN, Backoff


@pytest.fixture
def backoff():
    return Backoff(first_s=0.2, limit_s=1.0)


def test_pauses_double_to_the_limit(backoff):
    """Each pause lies between half of the full one and all of it; the full one doubles and stops at the limit."""
    for full_s in (0.2, 0.4, 0.8, 1.0, 1.0):
        assert full_s * JITTER_MIN <= backoff.failed() <= full_s
    assert backoff.failures == 5


def test_success_starts_anew(backoff):
    """After a success the next pause is the shortest again."""
    for _ in range(4):
        backoff.failed()
    backoff.succeeded()
    assert backoff.failed() <= 0.2
    assert backoff.failures == 1


def test_pauses_stay_finite():
    """A dependency may be away for days: the pause stays at its limit however many tries have failed."""
    backoff = Backoff(first_s=0.2, limit_s=30)
    assert max(backoff.failed() for _ in range(5_000)) <= 30


def test_limit_bounds_the_first_pause():
    """The limit holds from the first pause on."""
    assert Backoff(first_s=5, limit_s=1).failed() <= 1
