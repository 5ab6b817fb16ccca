"""Balances the books of a notice against what the providers really accepted."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final

import msgspec

from gridcare_local.demo.client import Client
from gridcare_local.demo.cut import NOTIFIER, OPEN, CompletedNotice
from gridcare_local.demo.site import Site
from outage_notifier.texts.segments import segments

PAGE: Final = 200
REACHED: Final = ("accepted", "delivered")
RAISED: Final = (*REACHED, "failed")
"""Receipts move deliveries between these states."""


@dataclass(slots=True)
class Books:
    """The accounting of a notice. It balances if `wrong` is empty."""

    notice: CompletedNotice
    pushes_accepted: int = 0
    pushes_repeated: int = 0
    texts_accepted: int = 0
    segments: int = 0
    wrong: list[str] = field(default_factory=list)


def balance(site: Site, notice: CompletedNotice) -> Books:
    """Compare the ledger with the providers' journals, delivery by delivery.

    Receipts change deliveries for minutes after a notice is complete, so also while its rows are read page by page.
    """
    planner = Client(site, "planner")
    before = planner.get(NOTIFIER, f"/v1/notices/{notice.notice_id}")
    rows = list(_deliveries(planner, notice.notice_id))
    after = planner.get(NOTIFIER, f"/v1/notices/{notice.notice_id}")
    books = Books(replace(notice, states=after["states"], channels=after["channels"]))
    _check_counts(books, rows, still=before["states"] == after["states"])
    _check_pushes(books, site, rows)
    _check_texts(books, site, rows)
    return books


def _check_counts(books: Books, rows: list[dict[str, Any]], *, still: bool) -> None:
    """Check that the states add up to the audience, that none is open, and that rows and counts agree.

    If the counts changed while the rows were read (not `still`), states that receipts change are compared as one sum.
    """
    notice = books.notice
    if sum(notice.states.values()) != notice.audience:
        books.wrong.append(f"the states sum to {sum(notice.states.values())}, the audience is {notice.audience}")
    still_open = {state: notice.states[state] for state in OPEN if notice.states.get(state)}
    if still_open:
        books.wrong.append(f"still open: {still_open}")
    if len({row["recipient_id"] for row in rows}) != len(rows):
        books.wrong.append("a recipient has two deliveries")
    in_rows = Counter(_state_name(row["state"], still=still) for row in rows)
    in_counts = Counter[str]()
    for state, count in notice.states.items():
        in_counts[_state_name(state, still=still)] += count
    if +in_counts != in_rows:
        books.wrong.append(f"the ledger counts {dict(in_counts)}, its rows say {dict(in_rows)}")


def _state_name(state: str, *, still: bool) -> str:
    return state if still or state not in RAISED else "sent"


def _check_pushes(books: Books, site: Site, rows: list[dict[str, Any]]) -> None:
    """Check that FCM accepted every delivery by push and no push that the ledger does not know."""
    accepted = Counter[tuple[str, str]]()
    for line in _accepted(site, "fcm"):
        message = line["body"]["message"]
        data = message.get("data") or {}  # other senders' messages in the emulator may have none
        if data.get("notice_id") == books.notice.notice_id:
            accepted[data["delivery_id"], message.get("token") or message.get("fid")] += 1
    deliveries = {delivery_id for delivery_id, _ in accepted}
    by_push = {row["delivery_id"] for row in rows if row["channel"] == "push" and row["state"] in REACHED}
    books.pushes_accepted = len(accepted)
    books.pushes_repeated = sum(accepted.values()) - len(accepted)
    if missing := by_push - deliveries:
        books.wrong.append(f"{len(missing)} deliveries by push that FCM never accepted")
    if unknown := deliveries - {row["delivery_id"] for row in rows}:
        books.wrong.append(f"{len(unknown)} pushes that the ledger does not know")


def _check_texts(books: Books, site: Site, rows: list[dict[str, Any]]) -> None:
    """Check that Twilio accepted each delivery by SMS once and nothing else."""
    numbers = Counter[str]()
    for line in _accepted(site, "twilio"):
        if books.notice.mark in line["body"]:
            numbers[line["to"]] += 1
            books.segments += segments(line["body"]).count
    books.texts_accepted = sum(numbers.values())
    by_sms = sum(row["channel"] == "sms" and row["state"] in (*REACHED, "failed") for row in rows)
    if any(count > 1 for count in numbers.values()):
        books.wrong.append(f"{sum(count > 1 for count in numbers.values())} numbers got the SMS more than once")
    if books.texts_accepted != by_sms:
        books.wrong.append(f"Twilio accepted {books.texts_accepted} SMS, the ledger has {by_sms}")


def _deliveries(planner: Client, notice_id: str) -> Iterator[dict[str, Any]]:
    after = ""
    while True:
        page = planner.get(NOTIFIER, f"/v1/notices/{notice_id}/deliveries?limit={PAGE}{after}")
        yield from page["items"]
        if not page["next"]:
            return
        after = f"&cursor={page['next']}"


def _accepted(site: Site, provider: str) -> Iterator[dict[str, Any]]:
    for line in site.journal(provider):
        entry = msgspec.json.decode(line)
        if entry["kind"] == "accepted":
            yield entry
