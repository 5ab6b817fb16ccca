"""Contacts of a delivery that is due again, chosen as they are now."""

import pytest

from outage_notifier.ledger.core.decision import Decision
from outage_notifier.ledger.core.delivery import State
from outage_notifier.planning.core.choice import Contacts, Device, Phone
from outage_notifier.planning.core.follow_up import Covered, Follow, Waiting, follow, shared_to_note


def phone(number: int, *, shared: bool = False, **changes: bool) -> Phone:
    flags = {"consent": True, "opted_out": False, "bad": False, **changes}
    return Phone(number, b"k%d" % number, "*01", shared=shared, **flags)


def contacts_of(phones: tuple[Phone, ...] = (), devices: tuple[Device, ...] = ()) -> Contacts:
    return Contacts("A", "vi", devices, phones)


def waiting(state: State = State.RETRYING, channel: str = "sms", reason: str = "code") -> Waiting:
    return Waiting("A", state, reason, channel)


def told(*device_ids: str) -> Waiting:
    return Waiting("A", State.AWAITING, "UNAVAILABLE", "push", device_ids)


MINE, OTHER, THEIRS = Device("mine", shared=False), Device("other", shared=False), Device("theirs", shared=True)


@pytest.mark.parametrize(
    ("given", "around", "owners", "expected"),
    [
        (waiting(channel="push"), contacts_of((phone(1),), (MINE,)), {}, Follow("push", ("mine",), fallback=True)),
        (waiting(channel="push"), contacts_of((phone(1),)), {}, Follow("sms", ("1",), fallback=False)),
        (
            waiting(channel="push"),
            contacts_of((), (MINE, THEIRS)),
            {b"theirs": "B"},
            Follow("push", ("mine",), fallback=False),
        ),
        (
            waiting(channel="push"),
            contacts_of((), (THEIRS,)),
            {b"theirs": "A"},
            Follow("push", ("theirs",), fallback=False),
        ),
        (waiting(channel="push"), contacts_of((), (THEIRS,)), {b"theirs": "B"}, Covered("B", "push", b"theirs")),
        (told("mine"), contacts_of((phone(1),), (MINE, OTHER)), {}, Follow("push", ("other",), fallback=True)),
        (told("mine"), contacts_of((phone(1),), (MINE,)), {}, Follow("push", (), fallback=True)),
        (told("mine"), contacts_of((), (MINE, THEIRS)), {b"theirs": "B"}, Follow("push", (), fallback=False)),
        (told("mine"), contacts_of(), {}, Follow("push", (), fallback=False)),
        (waiting(), contacts_of((phone(1), phone(2))), {}, Follow("sms", ("1",), fallback=False)),
        (waiting(), contacts_of((phone(1, bad=True), phone(2))), {}, Follow("sms", ("2",), fallback=False)),
        (
            waiting(),
            contacts_of((phone(1, shared=True), phone(2))),
            {b"k1": "B"},
            Follow("sms", ("2",), fallback=False),
        ),
        (waiting(), contacts_of((phone(1, shared=True),)), {b"k1": "B"}, Covered("B", "sms", b"k1")),
        (waiting(), contacts_of((phone(1, shared=True),)), {b"k1": "A"}, Follow("sms", ("1",), fallback=False)),
        (
            waiting(State.AWAITING),
            contacts_of((phone(1, shared=True),)),
            {b"k1": "B"},
            Decision(State.ACCEPTED, "fallback-covered"),
        ),
        (waiting(State.AWAITING), contacts_of(), {}, Decision(State.ACCEPTED, "no-fallback")),
        (waiting(State.AWAITING), contacts_of((), (MINE,)), {}, Decision(State.ACCEPTED, "no-fallback")),
        (waiting(State.AWAITING, reason="sms-21211"), contacts_of(), {}, Decision(State.ACCEPTED, "sms-21211")),
        (waiting(), contacts_of((phone(1, bad=True),), (MINE,)), {}, Follow("push", ("mine",), fallback=False)),
        (
            waiting(State.RETRYING, reason="UNREGISTERED"),
            contacts_of(),
            {},
            Decision(State.UNREACHABLE, "UNREGISTERED"),
        ),
        (waiting(State.HELD, reason="quiet-hours"), contacts_of(), {}, Decision(State.UNREACHABLE, "no-contact")),
        (waiting(State.HELD), contacts_of((phone(1, bad=True),)), {}, Decision(State.UNREACHABLE, "bad-contact")),
        (waiting(), contacts_of((phone(1, opted_out=True),)), {}, Decision(State.OPTED_OUT, "opted-out")),
        (waiting(), contacts_of((phone(1, consent=False),)), {}, Decision(State.OPTED_OUT, "no-consent")),
    ],
)
def test_what_follows(given, around, owners, expected):
    """Each way in which a waiting delivery can go on or end."""
    assert follow(given, around, owners) == expected


def test_only_used_contacts_are_noted():
    """Shared devices of a push; the first usable phone of an SMS when it is shared."""
    around = contacts_of(
        (phone(1, bad=True, shared=True), phone(2, shared=True), phone(3, shared=True)), (MINE, THEIRS)
    )
    assert shared_to_note(waiting(channel="push"), around) == [THEIRS.as_shared]
    assert [each.contact_key for each in shared_to_note(waiting(), around)] == [b"k2"]
    assert shared_to_note(waiting(), contacts_of((phone(1),))) == []
