"""Choosing a recipient's channel, and cutting batches."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outage_notifier.planning.core.audience import Choice, Device, Phone, Reach, choose, cut, without_noted

PHONE = Phone(1, b"p1", "*01", consent=True, opted_out=False, bad=False, shared=False)
OTHER = Phone(2, b"p2", "*02", consent=True, opted_out=False, bad=False, shared=False)
REFUSED = Phone(3, b"p3", "*03", consent=False, opted_out=False, bad=False, shared=False)
STOPPED = Phone(4, b"p4", "*04", consent=True, opted_out=True, bad=False, shared=False)
BAD = Phone(5, b"p5", "*05", consent=True, opted_out=False, bad=True, shared=False)
DEVICE = Device("d1", shared=False)


def reach(devices=(), phones=()) -> Reach:
    return Reach("PB11010000001", "vi", tuple(devices), tuple(phones))


@pytest.mark.parametrize(
    ("devices", "phones", "sms_first", "channel", "contacts", "fallback"),
    [
        ([DEVICE], [PHONE], False, "push", ("d1",), True),
        ([DEVICE], [], False, "push", ("d1",), False),
        ([DEVICE], [BAD], False, "push", ("d1",), False),
        ([], [PHONE, OTHER], False, "sms", ("1",), False),
        ([], [BAD, OTHER], False, "sms", ("2",), False),
        ([DEVICE], [PHONE], True, "sms", ("1",), False),
        ([DEVICE], [BAD], True, "push", ("d1",), False),
    ],
)
def test_the_channel_of_a_recipient(devices, phones, *, sms_first, channel, contacts, fallback):
    """Push first, unless the template demands SMS; only phones that may be used count."""
    choice = choose(reach(devices, phones), sms_first=sms_first)
    assert (choice.channel, choice.contacts, choice.fallback) == (channel, contacts, fallback)


@pytest.mark.parametrize(
    ("phones", "state", "reason"),
    [
        ([], "unreachable", "no-contact"),
        ([BAD], "unreachable", "bad-contact"),
        ([REFUSED], "opted_out", "no-consent"),
        ([STOPPED, BAD], "opted_out", "opted-out"),
    ],
)
def test_who_is_not_sent_anything_and_why(phones, state, reason):
    """The state and its reason are kept for whoever asks."""
    choice = choose(reach(phones=phones), sms_first=False)
    assert (choice.channel, choice.state, choice.reason) == ("none", state, reason)


@pytest.mark.parametrize(
    ("choice", "noted", "phones", "contacts"),
    [
        (Choice("push", ("d1", "d2")), ["d1"], [], ("d2",)),
        (Choice("push", ("d1",)), ["d1"], [PHONE], None),
        (Choice("sms", ("1",)), ["1"], [PHONE, OTHER], ("2",)),
        (Choice("sms", ("1",)), ["1"], [PHONE], None),
        (Choice("sms", ("1",)), [], [PHONE], ("1",)),
    ],
)
def test_a_contact_on_which_somebody_else_is_told_is_not_used_again(choice, noted, phones, contacts):
    """What is left is used; nothing left is covered."""
    left = without_noted(choice, noted, reach(phones=phones))
    assert (left.contacts if left else None) == contacts


@given(st.integers(0, 3000), st.integers(1, 700))
def test_cutting_keeps_everybody_once_and_in_order(count, size):
    """Batches are full but for the last one."""
    batches = [list(each) for each in cut(range(count), size)]
    assert [n for each in batches for n in each] == list(range(count))
    assert all(len(each) == size for each in batches[:-1])
