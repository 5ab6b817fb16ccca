"""A lease, as its holder sees it."""

from outage_notifier.sending.core.lease import Lease


def test_no_call_outlasts_it():
    """A call that takes its whole time must end before the lease does."""
    lease = Lease(duration_s=30, ends_s=130)
    assert lease.may_call(119.9, call_timeout_s=10)
    assert not lease.may_call(120, call_timeout_s=10)


def test_renewal_counts_from_its_request():
    """Not from when the answer came: the database reckoned earlier."""
    lease = Lease(duration_s=30, ends_s=130)
    lease.renewed(requested_at_s=110)
    assert lease.ends_s == 140


def test_lost_lease_allows_nothing():
    """However much time seems to be left."""
    assert not Lease(duration_s=30, ends_s=1e9, lost=True).may_call(0, call_timeout_s=1)
