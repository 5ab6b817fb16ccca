"""Bugs that the campaign must catch: each a small edit of a copy of the code, and the faults that show it.

An edit names a file and a text in it that must occur exactly once, so that it fails loudly when the code has moved
(`test_seeded_bugs.py` looks at each `make test`).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

NOTIFIER: Final = "services/outage-notifier/src/outage_notifier"
REPAIR: Final = "services/repair-intake/src/repair_intake"
BILLING: Final = "services/billing-gateway/src/billing_gateway"
SHARED: Final = "shared/src/gridcare"


@dataclass(frozen=True)
class Edit:
    """Replaces a text that occurs once in a file."""

    file: str
    old: str
    new: str

    def applied(self, root: Path) -> str:
        """Return the file's text after the edit. Raises AssertionError if the text does not occur exactly once."""
        text = (root / self.file).read_text()
        count = text.count(self.old)
        assert count == 1, f"{self.file}: {count} times, not once: {self.old!r}"
        return text.replace(self.old, self.new)


@dataclass(frozen=True)
class Bug:
    """A bug, the faults under which it shows, and the invariants of which one must speak; or the test that must fail."""

    name: str
    edits: tuple[Edit, ...]
    faults: tuple[int, ...] = ()
    speaks: frozenset[str] = frozenset()
    test: str = ""


def _bug(name: str, file: str, old: str, new: str, *, faults: tuple[int, ...], speaks: str) -> Bug:
    return Bug(name, (Edit(file, old, new),), faults, frozenset(speaks.split()))


def _unseen(name: str, file: str, old: str, new: str, *, test: str) -> Bug:
    """Return a bug that a whole stack shows by chance at best: a test of `services/outage-notifier/tests` must show it."""
    return Bug(name, (Edit(f"{NOTIFIER}/{file}", old, new),), test=f"services/outage-notifier/tests/{test}")


BUGS: Final = (
    _bug(
        "offset before commit",
        f"{SHARED}/kafka/partition.py",
        "                    await self._apply(records)\n",
        "                    self._tools.offsets.finish(self.partition, records[-1].offset)\n"
        "                    await self._tools.offsets.commit()\n"
        "                    await self._apply(records)\n",
        faults=(10,),
        speaks="I4",
    ),
    _bug(
        "rows deleted before they are sent",
        f"{SHARED}/postgres/relay/run.py",
        '        reach("relay.read")\n',
        '        await rows.delete(connection, [row.id for row in sending])\n        reach("relay.read")\n',
        faults=(4,),
        speaks="I3",
    ),
    _bug(
        "newest rows first",
        f"{SHARED}/postgres/relay/rows.py",
        "    ORDER BY outbox.id LIMIT $4\n",
        "    ORDER BY outbox.id DESC LIMIT $4\n",
        faults=(6,),
        speaks="I13",
    ),
    _bug(
        "Idempotency-Keys not kept",
        f"{SHARED}/postgres/idempotency.py",
        "        await tx.execute(_KEEP, request.caller, request.key, request.fingerprint, encoded, now)\n",
        "",
        faults=(2,),
        speaks="I2",
    ),
    _bug(
        "blind retry of an SMS in doubt",
        f"{NOTIFIER}/sending/core/batch_to_send.py",
        "        if pending.key not in self.in_doubt:\n",
        "        if pending.key is not None:\n",
        faults=(20,),
        speaks="I8",
    ),
    _bug(
        "blind retry after a timeout",
        f"{NOTIFIER}/providers/http_client.py",
        "OutcomeKind.UNKNOWN",
        "OutcomeKind.RETRY",
        faults=(19,),
        speaks="I8",
    ),
    Bug(
        "claims that ignore leases",
        (
            Edit(
                f"{NOTIFIER}/ledger/store/batch.py",
                "WHERE batch_id = $1 AND state = 'ready' AND (lease_until IS NULL OR lease_until < clock_timestamp())\n",
                "WHERE batch_id = $1 AND state = 'ready'\n",
            ),
            Edit(
                f"{NOTIFIER}/ledger/store/batch.py",
                "channel = $1 AND lane = $2 AND (lease_until IS NULL OR lease_until < clock_timestamp())\n",
                "channel = $1 AND lane = $2\n",
            ),
        ),
        faults=(36,),
        speaks=frozenset({"I5", "I7", "I8"}),
    ),
    _bug(
        "hundredths taken for dong",
        f"{BILLING}/providers/vnpay/merchant.py",
        "AMOUNT_FACTOR: Final = 100\n",
        "AMOUNT_FACTOR: Final = 1\n",
        faults=(25,),
        speaks="I12",
    ),
    _bug(
        "answer not recorded",
        f"{BILLING}/callbacks/flow/ask_providers.py",
        '        if await _record(due.payment, result.message, room) != "unmatched":\n            return\n',
        "        return\n",
        faults=(23,),
        speaks="I12",
    ),
    _bug(
        "signatures not checked",
        f"{BILLING}/providers/vnpay/merchant.py",
        "not signature_is_good(self.terminal.hash_secret, raw)",
        "False",
        faults=(27,),
        speaks="I12",
    ),
    _bug(
        "receipts in any direction",
        f"{NOTIFIER}/ledger/core/delivery.py",
        "_RANK: Final[Mapping[State, int]] = {State.ACCEPTED: 1, State.FAILED: 2, State.DELIVERED: 3}",
        "_RANK: Final[Mapping[State, int]] = {State.ACCEPTED: 3, State.FAILED: 2, State.DELIVERED: 1}",
        faults=(22,),
        speaks="I7 I6 I5",
    ),
    _bug(
        "opt-outs forgotten",
        f"{NOTIFIER}/sending/flow/send_texts.py",
        "            await contact.mark_opted_out(tx, ended.phones_opted_out, now=now)\n",
        "            pass\n",
        faults=(21,),
        speaks="I14",
    ),
    _bug(
        "older versions applied",
        f"{REPAIR}/tickets/flow/follow_outages.py",
        "effect_of(event, await outage.lock(tx, event.outage_id))",
        "effect_of(event, await outage.lock(tx, event.outage_id) and None)",
        faults=(33,),
        speaks="I4",
    ),
    _bug(
        "callbacks written to the log",
        f"{NOTIFIER}/receipts/flow/store_callback.py",
        "    name = attempt_name(command.attempt)\n",
        "    name = attempt_name(command.attempt)\n    __import__('sys').stderr.write(command.body.decode() + '\\n')\n",
        faults=(22,),
        speaks="I16",
    ),
    _bug(
        "commits that need not be on the disk",
        f"{SHARED}/postgres/session.py",
        '        "jit": "off",',
        '        "synchronous_commit": "off",\n        "jit": "off",',
        faults=(14,),
        speaks="I1 I3 I4 I7 I13 I15",
    ),
    _bug(
        "events after the transaction",
        f"{BILLING}/callbacks/flow/handle_provider_event.py",
        "    if decision.event is not None:\n",
        "    if decision.event is not None and decision.event.amount_vnd % 7:\n",
        faults=(25, 28),
        speaks="I3",
    ),
    _unseen(
        "grants not counted",
        "sending/store.py",
        "        await tx.execute(_ADD[lane], account, granted)\n",
        "        pass\n",
        test="sending/test_take_rate.py::test_unreserved_rate_is_anybodys",
    ),
    _unseen(
        "reservations of other lanes ignored",
        "sending/store.py",
        "rate_per_s - sum(used.values()) - kept",
        "rate_per_s - sum(used.values())",
        test="sending/test_take_rate.py::test_reservations_are_kept",
    ),
    _unseen(
        "leases renewed by any attempt",
        "ledger/store/batch.py",
        "WHERE batch_id = $1 AND attempt = $2 AND state = 'ready'\nRETURNING (SELECT",
        "WHERE batch_id = $1 AND $2 >= 0 AND state = 'ready'\nRETURNING (SELECT",
        test="sending/test_renew_lease.py::test_other_attempt_has_it",
    ),
    _unseen(
        "newer revisions overlooked",
        "sending/flow/renew_lease.py",
        "    lease.superseded |= renewed.superseded\n",
        "",
        test="sending/test_renew_lease.py::test_newer_revision_is_learned",
    ),
)
