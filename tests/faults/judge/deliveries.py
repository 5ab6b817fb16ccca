"""I5 to I8, I14, I17: everybody is told, once and in order, and the providers' journals say the same as the ledger."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import asyncpg
import msgspec
from tests.faults.judge.evidence import Evidence

from gridcare_local.demo.cut import OPEN
from outage_notifier.ledger.core.delivery import RECORDED

TAKEN = ("accepted", "delivered", "awaiting")
NOT_SENT = ("superseded", "expired", "unreachable", "covered", "opted_out")
SETTLED_ORDER = {"accepted": 1, "failed": 2, "delivered": 3}
PUSHES_A_KILL_MAX = 200 + 1_000
"""Calls in flight in a sender (push_concurrency of the campaign's stack), and those that ended since it last recorded some."""


def everybody_is_told(evidence: Evidence) -> Iterator[str]:
    """I5: each notice reached its whole audience: a delivery each, none open, and the books say so."""
    rows: dict[object, Counter[str]] = defaultdict(Counter)
    for row in evidence["deliveries"]:
        rows[row["notice_id"]][row["state"]] += 1
    sums: dict[object, Counter[str]] = defaultdict(Counter)
    for batch in evidence["batches"]:
        if batch["home"] and batch["notice_id"] is not None:
            sums[batch["notice_id"]].update({state.value: batch[state.value] for state in RECORDED})
        if batch["state"] != "settled":
            yield f"batch {batch['batch_id']} is {batch['state']}"
    for notice in evidence["notices"]:
        yield from _told(notice, rows[notice["notice_id"]], sums[notice["notice_id"]], evidence.rig.now)
    yield from _whole_scopes(evidence)


def _told(notice: asyncpg.Record, counted: Counter[str], summed: Counter[str], now: datetime) -> Iterator[str]:
    """Judge one notice by its rows and by the sums of its batches."""
    name = f"{notice['kind']} {notice['notice_id']}"
    if notice["state"] == "scheduled" and notice["due_at"] < now - timedelta(minutes=1):
        yield f"{name} is due and not planned"
    if notice["state"] not in {"planned", "completed"}:
        return
    single = notice["audience_rule"] == "one"
    audience = 1 if single else notice["audience"]
    if counted.total() != audience:
        yield f"{name}: {counted.total()} deliveries, the audience is {audience}"
    if left := {state: counted[state] for state in OPEN if counted[state]}:
        yield f"{name}: open {left}"
    elif notice["state"] == "planned":
        yield f"{name} is not completed"
    if not single and +summed != +counted:
        yield f"{name}: the ledger counts {dict(+summed)}, its rows say {dict(counted)}"


def _whole_scopes(evidence: Evidence) -> Iterator[str]:
    """Hold the audience of each first announcement against the town itself, which the services did not make."""
    customers: dict[str, set[str]] = defaultdict(set)
    for point in evidence.rig.world.supply_points():
        customers[point.feeder_id].add(point.customer_code)
    scopes = {
        row["outage_id"]: msgspec.json.decode(row["document"])["scope"]["feeder_ids"] for row in evidence["outages"]
    }
    first = {}
    for notice in evidence["notices"]:
        if notice["kind"] == "announcement" and notice["audience_rule"] == "scope" and notice["state"] != "superseded":
            first.setdefault(notice["outage_id"], notice)
    for outage_id, notice in first.items():
        if notice["state"] == "scheduled":
            continue
        expected = set().union(*(customers[feeder] for feeder in scopes[outage_id]))
        if notice["audience"] != len(expected):
            yield f"announcement {notice['notice_id']}: audience {notice['audience']}, customers {len(expected)}"


def steps_are_legal(evidence: Evidence) -> Iterator[str]:
    """I6: a settled delivery stays settled; only receipts move it, and only up. Who is covered may be told after all."""
    for step in evidence["steps"]:
        was, became = step["was"], step["became"]
        if was in OPEN or was == became or (was == "covered" and became in OPEN):
            continue  # who was covered by somebody who was not told in the end is told after all
        raised = SETTLED_ORDER.get(was) and SETTLED_ORDER.get(became, 0) > SETTLED_ORDER[was]
        if not raised:
            yield f"{step['recipient_id']} of {step['notice_id']} went from {was} to {became} ({step['reason']})"


def providers_agree(evidence: Evidence) -> Iterator[str]:
    """I7: what the ledger says was taken was taken, and nothing was taken that the ledger does not know."""
    known = {f"{row['notice_id']}-{row['number']}": row for row in evidence["deliveries"]}
    pushed = {line["body"]["message"]["data"]["delivery_id"] for line in evidence.pushes}
    yield from (f"FCM took {name}, which the ledger does not know" for name in sorted(pushed - known.keys()))
    for name, row in known.items():
        if row["channel"] == "push" and row["state"] in TAKEN and name not in pushed:
            yield f"{name} is {row['state']} by push, and FCM never took it"
    attempts = {f"{row['batch_id']}.{row['place']}.{row['try']}": row for row in evidence["attempts"]}
    texted = set()
    for line in evidence.texts:
        attempt = attempts.get(_attempt_of(line))
        if attempt is None:
            yield f"Twilio took {line['sid']}, which the ledger does not know"
        else:
            texted.add((attempt["notice_id"], attempt["recipient_id"]))
    for row in evidence["deliveries"]:
        key = (row["notice_id"], row["recipient_id"])
        if row["channel"] != "sms":
            continue
        if row["state"] in TAKEN and key not in texted and row["reason"] != "push-accepted":
            yield f"{key[1]} of {key[0]} is {row['state']} by SMS, and Twilio never took one"
        if row["state"] in NOT_SENT and key in texted:
            yield f"{key[1]} of {key[0]} is {row['state']}, and Twilio took an SMS"
    yield from _receipts_count(evidence, attempts)


def _receipts_count(evidence: Evidence, attempts: dict[str, asyncpg.Record]) -> Iterator[str]:
    """Hold the ledger against the callbacks that were taken: whoever got the SMS has it delivered."""
    arrived = {line["sid"] for line in evidence.callbacks if line["status"] == "delivered" and line["answered"] == 204}
    states = {(row["notice_id"], row["recipient_id"]): row["state"] for row in evidence["deliveries"]}
    for line in evidence.texts:
        attempt = attempts.get(_attempt_of(line))
        if line["sid"] not in arrived or attempt is None:
            continue
        key = (attempt["notice_id"], attempt["recipient_id"])
        if states.get(key) != "delivered":
            yield f"{key[1]} of {key[0]} is {states.get(key)}, and its callback said delivered"


def nothing_is_doubled(evidence: Evidence) -> Iterator[str]:
    """I8: one SMS a delivery; a push is repeated only for a kill or an unknown end, under the same tag."""
    attempts = {f"{row['batch_id']}.{row['place']}.{row['try']}": row for row in evidence["attempts"]}
    texts: Counter[tuple[object, str]] = Counter()
    for line in evidence.texts:
        if (attempt := attempts.get(_attempt_of(line))) is not None:
            texts[attempt["notice_id"], attempt["recipient_id"]] += 1
    yield from (f"{who} got the SMS of {notice} {count} times" for (notice, who), count in texts.items() if count > 1)
    tags = {str(row["notice_id"]): row["tag"] for row in evidence["notices"]}
    pushes: Counter[tuple[str, str]] = Counter()
    for line in evidence.pushes:
        message = line["body"]["message"]
        pushes[message["data"]["delivery_id"], message.get("token") or message["fid"]] += 1
        tag = message["android"]["notification"]["tag"]
        if tag != tags.get(message["data"]["notice_id"], tag):
            yield f"{message['data']['delivery_id']} was pushed under the tag {tag}"
    repeated = pushes.total() - len(pushes)
    allowed = pushes_repeated_max(evidence)
    if repeated > allowed:
        yield f"{repeated} pushes were repeated, {allowed} may be"


def pushes_repeated_max(evidence: Evidence) -> int:
    """Return how many pushes may be repeated: those with an unknown end, and those in flight at kills."""
    unknown = sum(row["channel"] == "push" and row["outcome"] == "unknown" for row in evidence["attempts"])
    tally = evidence.rig.tally.kills
    deaths = sum(tally[name] for name in ("outage-notifier-sender", "postgres", "postgres-sessions", "fcm"))
    return unknown + PUSHES_A_KILL_MAX * deaths


def opt_outs_are_kept(evidence: Evidence) -> Iterator[str]:
    """I14: a number that opted out gets nothing from a second later on."""
    out: dict[str, datetime] = {}
    for line in evidence.texts_refused:
        if str(line.get("code") or line.get("error") or "").startswith("21610"):
            out.setdefault(line["to"], datetime.fromisoformat(line["at"]))
    for line in evidence.texts:
        at = out.get(line["to"])
        if at is not None and datetime.fromisoformat(line["at"]) > at + timedelta(seconds=1):
            yield f"Twilio took {line['sid']} for a number that had opted out"


def news_comes_in_order(evidence: Evidence) -> Iterator[str]:
    """I17: nobody is told of an older revision of an outage after a newer one."""
    notices = {str(row["notice_id"]): row for row in evidence["notices"] if row["revision"] is not None}
    recipients = {f"{row['notice_id']}-{row['number']}": row["recipient_id"] for row in evidence["deliveries"]}
    attempts = {f"{row['batch_id']}.{row['place']}.{row['try']}": row for row in evidence["attempts"]}
    told: list[tuple[datetime, str, str]] = []
    for line in evidence.pushes:
        data = line["body"]["message"]["data"]
        if (recipient := recipients.get(data["delivery_id"])) is not None:
            told.append((datetime.fromisoformat(line["at"]), data["notice_id"], recipient))
    told.extend(
        (datetime.fromisoformat(line["at"]), str(attempt["notice_id"]), attempt["recipient_id"])
        for line in evidence.texts
        if (attempt := attempts.get(_attempt_of(line))) is not None
    )
    newest: dict[tuple[object, str], int] = {}
    for at, notice_id, recipient in sorted(told):
        if (notice := notices.get(notice_id)) is None:
            continue
        about = notice["outage_id"], recipient
        if notice["revision"] < newest.get(about, 0):
            yield f"{recipient} was told of revision {notice['revision']} of {about[0]} at {at} after {newest[about]}"
        newest[about] = max(newest.get(about, 0), notice["revision"])


def _attempt_of(line: dict[str, Any]) -> str:
    return parse_qs(urlsplit(line["status_callback"]).query).get("attempt", [""])[0]
