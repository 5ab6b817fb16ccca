"""Pages of messages as Twilio lists them: newest first, with filters by day and next_page_uri."""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any, Final
from urllib.parse import urlencode

from gridcare_local.emulators.twilio.messages import Message, MessageBook
from gridcare_local.emulators.twilio.wire import API, message_json

PAGE_SIZE: Final = 50
PAGE_SIZE_MAX: Final = 1000
_FILTERS: Final = ("To", "From", "DateSent", "DateSent>", "DateSent<")


def page(book: MessageBook, query: Mapping[str, str], account_sid: str, *, now_s: float) -> dict[str, Any] | None:
    """Return one page, or None if a parameter is invalid.

    A message without `date_sent` matches no date filter, which is why a look-up by day does not find a queued message.
    """
    try:
        size = min(int(query.get("PageSize", PAGE_SIZE)), PAGE_SIZE_MAX)
        number = int(query.get("Page", "0"))
        days = {name: _day(query[name]) for name in _FILTERS[2:] if query.get(name)}
    except ValueError:
        return None
    if size < 1 or number < 0:
        return None
    chosen = _filtered(book, query, days, now_s)
    rows, more = _cut(chosen, query.get("PageToken", "").removeprefix("PA"), size)
    kept = {name: query[name] for name in _FILTERS if query.get(name)}
    return {
        "messages": [message_json(it, account_sid) for it in rows],
        "page": number,
        "page_size": size,
        "start": number * size,
        "end": number * size + max(len(rows) - 1, 0),
        "uri": _uri(account_sid, {**kept, "PageSize": size, "Page": number}),
        "first_page_uri": _uri(account_sid, {**kept, "PageSize": size, "Page": 0}),
        "previous_page_uri": None,
        "next_page_uri": _uri(
            account_sid, {**kept, "PageSize": size, "Page": number + 1, "PageToken": f"PA{rows[-1].sid}"}
        )
        if more
        else None,
    }


def _uri(account_sid: str, query: Mapping[str, object]) -> str:
    return f"{API}/Accounts/{account_sid}/Messages.json?{urlencode(query)}"


def _day(value: str) -> date:
    return datetime.fromisoformat(value).date()


def _filtered(book: MessageBook, query: Mapping[str, str], days: Mapping[str, date], now_s: float) -> Iterator[Message]:
    sender = query.get("From")
    for message in book.newest_first(query.get("To") or None):
        if message.listed_from_s <= now_s and sender in {None, "", message.sender} and _on_day(message, days):
            yield message


def _on_day(message: Message, days: Mapping[str, date]) -> bool:
    if not days:
        return True
    if message.sent_s is None:
        return False
    sent = datetime.fromtimestamp(message.sent_s, UTC).date()
    return (
        sent == days.get("DateSent", sent)
        and sent >= days.get("DateSent>", sent)
        and sent <= days.get("DateSent<", sent)
    )


def _cut(chosen: Iterator[Message], after_sid: str, size: int) -> tuple[list[Message], bool]:
    """Return a page of messages after `after_sid`, and whether more follow."""
    rows: list[Message] = []
    waiting = bool(after_sid)
    for message in chosen:
        if waiting:
            waiting = message.sid != after_sid
        elif len(rows) == size:
            return rows, True
        else:
            rows.append(message)
    return rows, False
