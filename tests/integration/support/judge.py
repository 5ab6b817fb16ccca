"""Judges an outage's notices: compares the ledger with the journals of the emulated providers.

The journals say what was really sent. The ledger is read in one snapshot. Faults are collected as sentences, so that a
failing test shows all of them.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import asyncpg
from tests.integration.support.together import run
from tests.integration.support.wholestack import Whole

from gridcare_local.demo.cut import NOTIFIER, OPEN
from outage_notifier.ledger.core.delivery import RECORDED

_NOTICES = "SELECT notice_id, kind, revision, tag, audience, state FROM notice WHERE notice_id = ANY($1::uuid[])"
_ROWS = """
SELECT notice_id, recipient_id, number, state, reason, channel, home_batch_id FROM delivery
WHERE notice_id = ANY($1::uuid[])
"""
_BOOKS = f"""
SELECT notice_id, sum(size)::int AS size, {", ".join(f"sum({state})::int AS {state}" for state in RECORDED)}
FROM batch WHERE home AND notice_id = ANY($1::uuid[]) GROUP BY notice_id
"""
_ATTEMPTS = """
SELECT batch_id, place, try, notice_id, recipient_id FROM attempt
WHERE notice_id = ANY($1::uuid[]) AND channel = 'sms'
"""
_PUSHES_UNKNOWN = """
SELECT count(*) FROM attempt WHERE notice_id = ANY($1::uuid[]) AND channel = 'push' AND outcome = 'unknown'
"""
SENT = ("accepted", "delivered", "awaiting")


@dataclass
class Verdict:
    """The result of a notice or of all notices of an outage. `wrong` lists the faults."""

    kinds: Counter[str] = field(default_factory=Counter)
    states: Counter[str] = field(default_factory=Counter)
    told_by: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Recipients of the messages that a provider accepted, by the notice's kind."""
    told_of: dict[tuple[str, int], set[str]] = field(default_factory=lambda: defaultdict(set))
    """The same, by kind and revision."""
    in_state: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Recipients, by the states of their deliveries."""
    pushes: int = 0
    pushes_repeated: int = 0
    pushes_unknown: int = 0
    """Calls with an unknown outcome (timeouts). Each may be repeated, like calls in flight at a kill."""
    texts: int = 0
    wrong: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Books:
    """The ledger at one moment."""

    notices: dict[str, asyncpg.Record]
    rows: list[asyncpg.Record]
    sums: dict[str, asyncpg.Record]
    attempts: dict[str, asyncpg.Record]
    pushes_unknown: int

    def revision(self, notice_id: str) -> int:
        return int(self.notices[notice_id]["revision"] or 0)


def judge(whole: Whole, notice_ids: Iterable[str]) -> Verdict:
    """Judge notices. The order of an outage's notices is judged only if they are passed together."""
    books = run(_read(whole.stack.settings.addresses[NOTIFIER.replace("-", "_")], list(notice_ids)))
    verdict = Verdict()
    _judge_ledger(verdict, books)
    _judge_pushes(verdict, books, whole.journal("fcm"))
    _judge_texts(verdict, books, whole.journal("twilio"))
    return verdict


def judge_outage(whole: Whole, outage_id: str) -> Verdict:
    """Judge all notices of an outage that are due."""
    now = whole.now.isoformat()
    return judge(whole, [each["notice_id"] for each in whole.notices(outage_id) if each["due_at"] <= now])


async def _read(url: str, notice_ids: Sequence[str]) -> _Books:
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            notices = await connection.fetch(_NOTICES, notice_ids)
            rows = await connection.fetch(_ROWS, notice_ids)
            sums = await connection.fetch(_BOOKS, notice_ids)
            attempts = await connection.fetch(_ATTEMPTS, notice_ids)
            pushes_unknown = await connection.fetchval(_PUSHES_UNKNOWN, notice_ids)
    finally:
        await connection.close()
    return _Books(
        {str(each["notice_id"]): each for each in notices},
        rows,
        {str(each["notice_id"]): each for each in sums},
        {f"{each['batch_id']}.{each['place']}.{each['try']}": each for each in attempts},
        pushes_unknown,
    )


def _judge_ledger(verdict: Verdict, books: _Books) -> None:
    """Check that every recipient has one delivery, that none is open, and that counts and rows agree."""
    rows: dict[str, Counter[str]] = defaultdict(Counter)
    for row in books.rows:
        rows[str(row["notice_id"])][row["state"]] += 1
        verdict.in_state[row["state"]].add(row["recipient_id"])
    for notice_id, notice in books.notices.items():
        name = f"{notice['kind']} of revision {notice['revision']}"
        verdict.kinds[notice["kind"]] += 1
        counted = rows[notice_id]
        verdict.states.update(counted)
        if counted.total() != notice["audience"]:
            verdict.wrong.append(f"{name}: {counted.total()} deliveries, the audience is {notice['audience']}")
        if left := {state: counted[state] for state in OPEN if counted[state]}:
            verdict.wrong.append(f"{name}: still open {left}")
        sums = books.sums.get(notice_id)
        summed = {} if sums is None else {state.value: sums[state] for state in RECORDED if sums[state]}
        if sums is not None and summed != {state: count for state, count in counted.items() if count}:
            verdict.wrong.append(f"{name}: the ledger counts {summed}, its rows say {dict(counted)}")


def _judge_pushes(verdict: Verdict, books: _Books, journal: list[dict[str, Any]]) -> None:
    """Check that FCM accepted every push, and that no older revision followed a newer one on a device and tag."""
    taken: Counter[tuple[str, str]] = Counter()
    shown: dict[tuple[str, str], int] = {}
    known = {f"{row['notice_id']}-{row['number']}": row for row in books.rows}
    for line in journal:
        message = line["body"]["message"]
        notice_id, delivery_id = message["data"]["notice_id"], message["data"]["delivery_id"]
        if notice_id not in books.notices:
            continue
        device = message.get("token") or message["fid"]
        taken[delivery_id, device] += 1
        tag, row = message["android"]["notification"]["tag"], known.get(delivery_id)
        if row is None:
            verdict.wrong.append(f"FCM took {delivery_id}, which the ledger does not know")
            continue
        _note_told(verdict, books, notice_id, row["recipient_id"])
        if not tag == message["apns"]["headers"]["apns-collapse-id"] == books.notices[notice_id]["tag"]:
            verdict.wrong.append(f"{delivery_id}: its tag is {tag}")
        revision = books.revision(notice_id)
        if shown.setdefault((device, tag), revision) > revision:
            verdict.wrong.append(f"{delivery_id}: revision {revision} was pushed after {shown[device, tag]}")
        shown[device, tag] = max(revision, shown[device, tag])
    reached = {delivery_id for delivery_id, _ in taken}
    for delivery_id, row in known.items():
        if row["channel"] == "push" and row["state"] in SENT and delivery_id not in reached:
            verdict.wrong.append(f"{delivery_id} is {row['state']}, but FCM never took it")
    verdict.pushes = len(taken)
    verdict.pushes_repeated = taken.total() - len(taken)
    verdict.pushes_unknown = books.pushes_unknown


def _judge_texts(verdict: Verdict, books: _Books, journal: list[dict[str, Any]]) -> None:
    """Check that Twilio accepted each SMS once, and that no older revision followed a newer one to a number."""
    taken: Counter[tuple[str, str]] = Counter()
    newest: dict[tuple[str, str], int] = {}
    for line in journal:
        query = parse_qs(urlsplit(line["status_callback"]).query)
        attempt = books.attempts.get(query["attempt"][0])
        if attempt is None:
            continue
        notice_id, recipient_id = str(attempt["notice_id"]), attempt["recipient_id"]
        taken[notice_id, recipient_id] += 1
        _note_told(verdict, books, notice_id, recipient_id)
        key, revision = (line["to"], books.notices[notice_id]["tag"]), books.revision(notice_id)
        if newest.setdefault(key, revision) > revision:
            verdict.wrong.append(f"{recipient_id}: an SMS of revision {revision} came after {newest[key]}")
        newest[key] = max(revision, newest[key])
    verdict.texts = taken.total()
    verdict.wrong += [f"{who} got the SMS {count} times" for (_, who), count in taken.items() if count > 1]
    for row in books.rows:
        key = (str(row["notice_id"]), row["recipient_id"])
        if row["channel"] == "sms" and row["state"] in SENT and not taken[key] and row["reason"] != "push-accepted":
            verdict.wrong.append(f"{key[1]} is {row['state']} by SMS, but Twilio never took one")
        if taken[key] and row["state"] in {"superseded", "expired", "unreachable", "covered", "opted_out"}:
            verdict.wrong.append(f"{key[1]} is {row['state']}, but Twilio took an SMS")


def _note_told(verdict: Verdict, books: _Books, notice_id: str, recipient_id: str) -> None:
    kind = books.notices[notice_id]["kind"]
    verdict.told_by[kind].add(recipient_id)
    verdict.told_of[kind, books.revision(notice_id)].add(recipient_id)
