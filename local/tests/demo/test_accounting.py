"""The comparison of the books with the providers' journals."""

import json

import pytest

from gridcare_local.demo.accounting import Books, _check_pushes
from gridcare_local.demo.cut import CompletedNotice
from gridcare_local.demo.site import StackSite
from gridcare_local.stack.stack import Stack

NOTICE = "0199b1c2-0000-7000-8000-000000000001"
ROW = {"delivery_id": "d-1", "channel": "push", "state": "accepted"}


@pytest.fixture
def books():
    return Books(CompletedNotice(NOTICE, "MARK", 1, {"accepted": 1}, {"push": 1}, 1.0))


@pytest.fixture
def journal(tmp_path):
    """Return a function that writes messages to the journal of a stack's emulated FCM and returns the site."""
    stack = Stack(tmp_path)

    def write(*messages):
        folder = stack.catalog.emulator_dir("fcm")
        folder.mkdir(parents=True)
        lines = [json.dumps({"kind": "accepted", "body": {"message": message}}) for message in messages]
        (folder / "journal.jsonl").write_text("".join(f"{line}\n" for line in lines))
        return StackSite(stack)

    return write


def push(**data):
    return {"token": "t", "data": {"delivery_id": "d-1", "notice_id": NOTICE} | data}


def test_other_pushes_are_ignored(journal, books):
    """Pushes of another notice, of no notice and without data do not count."""
    others = ({"token": "t"}, {"token": "t", "data": {"a": "1"}}, push(notice_id="another", delivery_id="d-2"))
    _check_pushes(books, journal(*others, push()), [ROW])
    assert (books.pushes_accepted, books.pushes_repeated, books.wrong) == (1, 0, [])


def test_wrong_pushes_are_reported(journal, books):
    """A push that the ledger does not know and a delivery that FCM never accepted are both faults."""
    _check_pushes(books, journal(push(delivery_id="d-9")), [ROW])
    assert books.wrong == ["1 deliveries by push that FCM never accepted", "1 pushes that the ledger does not know"]
