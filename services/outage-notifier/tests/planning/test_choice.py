"""Choosing a recipient's channel, and cutting batches."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outage_notifier.ledger.core.decision import Decision
from outage_notifier.ledger.core.delivery import State
from outage_notifier.planning.core.choice import Choice, Contacts, Device, Phone, choose, cut, without_taken

PHONE = Phone(1, b"p1", "*01", consent=True, opted_out=False, bad=False, shared=False)
OTHER = Phone(2, b"p2", "*02", consent=True, opted_out=False, bad=False, shared=False)
REFUSED = Phone(3, b"p3", "*03", consent=False, opted_out=False, bad=False, shared=False)
STOPPED = Phone(4, b"p4", "*04", consent=True, opted_out=True, bad=False, shared=False)
BAD = Phone(5, b"p5", "*05", consent=True, opted_out=False, bad=True, shared=False)
DEVICE = Device("d1", shared=False)


def contacts_of(devices=(), phones=()) -> Contacts:
    return Contacts("PB11010000001", "vi", tuple(devices), tuple(phones))


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
def test_channel_of_a_recipient(devices, phones, *, sms_first, channel, contacts, fallback):
    """Push first, unless the template demands SMS; only phones that may be used count."""
    choice = choose(contacts_of(devices, phones), sms_first=sms_first)
    assert (choice.channel, choice.contacts, choice.fallback) == (channel, contacts, fallback)


@pytest.mark.parametrize(
    ("phones", "state", "reason"),
    [
        ([], State.UNREACHABLE, "no-contact"),
        ([BAD], State.UNREACHABLE, "bad-contact"),
        ([REFUSED], State.OPTED_OUT, "no-consent"),
        ([STOPPED, BAD], State.OPTED_OUT, "opted-out"),
    ],
)
def test_nobody_to_call(phones, state, reason):
    """The state and its reason are kept for whoever asks; no channel is chosen, and nothing is tried later."""
    assert choose(contacts_of(phones=phones), sms_first=False) == Decision(state, reason)


@pytest.mark.parametrize(
    ("choice", "taken", "phones", "contacts"),
    [
        (Choice("push", ("d1", "d2"), "2 device(s)"), ["d1"], [], ("d2",)),
        (Choice("push", ("d1",), "1 device(s)"), ["d1"], [PHONE], None),
        (Choice("sms", ("1",), "*01"), ["1"], [PHONE, OTHER], ("2",)),
        (Choice("sms", ("1",), "*01"), ["1"], [PHONE], None),
        (Choice("sms", ("1",), "*01"), [], [PHONE], ("1",)),
    ],
)
def test_taken_contacts_are_left_out(choice, taken, phones, contacts):
    """What is left is used; nothing left is covered."""
    left = without_taken(choice, taken, contacts_of(phones=phones))
    assert (left.contacts if left else None) == contacts


@given(st.integers(0, 3000), st.integers(1, 700))
def test_cutting_keeps_everybody(count, size):
    """Batches are full but for the last one."""
    batches = [list(each) for each in cut(range(count), size)]
    assert [n for each in batches for n in each] == list(range(count))
    assert all(len(each) == size for each in batches[:-1])
