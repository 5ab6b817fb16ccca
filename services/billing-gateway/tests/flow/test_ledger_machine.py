"""The books under any order of payments, repeats, failures, doubts and delays: hypothesis against a real database."""

import asyncio
import contextlib
import secrets
from collections.abc import Coroutine
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule, run_state_machine_as_test

from billing_gateway.core.callback import Verdict
from billing_gateway.core.payment import Limits
from billing_gateway.flow.begin_payment import NewPayment, begin_payment
from billing_gateway.flow.expire_payments import expire_payments
from billing_gateway.flow.handle_provider_event import handle_provider_event, handle_waiting_events
from billing_gateway.flow.note_customers import note_customers
from billing_gateway.flow.payment_desk import PaymentDesk
from billing_gateway.flow.read_bills import read_bill
from billing_gateway.flow.register_bill import NewBill, register_bill
from billing_gateway.flow.take_callback import take_callback
from billing_gateway.outbound.vnpay import Vnpay
from gridcare.errors import BusinessError
from gridcare.postgres.database import Database
from gridcare.postgres.idempotency import Answer, IdempotentRequest
from gridcare_local.emulators.vnpay import Outcome, callback_query, read_pay_url

SECRET = "TESTSECRET"
CODE = "PB11010012345"
LIMITS = Limits(amount_min_vnd=1, amount_max_vnd=10**9, lifetime=timedelta(minutes=15))
EXPLORATION = settings(
    max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
VNPAY = Vnpay(
    tmn_code="CTTVNP01",
    hash_secret=SECRET,
    pay_url="https://pay.example/vpcpay.html",
    return_url="https://app.example/back",
    order_type="billpayment",
)

BROKEN = """
SELECT
    (SELECT count(*) FROM (
        SELECT 1 FROM ledger_transaction LEFT JOIN entry USING (transaction_id)
        GROUP BY transaction_id HAVING coalesce(sum(amount_vnd), 1) <> 0) AS lopsided) AS lopsided,
    (SELECT coalesce(sum(amount_vnd), 0) FROM entry) AS total,
    (SELECT count(*) FROM (
        SELECT 1 FROM ledger_transaction WHERE kind IN ('payment_recorded', 'money_suspended')
        GROUP BY provider, provider_transaction_number HAVING count(*) > 1) AS twice) AS twice,
    (SELECT count(*) FROM payment WHERE (state = 'succeeded') <> EXISTS (
        SELECT 1 FROM ledger_transaction AS money WHERE money.payment_id = payment.payment_id
        AND money.kind IN ('payment_recorded', 'suspense_released'))) AS unfounded,
    (SELECT count(*) FROM ledger_transaction WHERE kind IN ('payment_recorded', 'suspense_released')) -
    (SELECT count(*) FROM outbox WHERE headers::text LIKE '%PaymentRecorded%') AS without_receipt
"""
HISTORY = """
SELECT md5(coalesce(string_agg(line, ',' ORDER BY entry_id), '')) FROM (
    SELECT entry_id, concat_ws('/', entry_id, transaction_id, account_id, bill_id, amount_vnd) AS line
    FROM entry WHERE entry_id <= $1
) AS lines
"""


class SetClock:
    """A clock that the machine moves."""

    def __init__(self) -> None:
        self.time = datetime(2026, 11, 23, 2, 30, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time


class Books(RuleBasedStateMachine):
    """Customers pay in any way; whatever happens, what VNPay took is what the ledger has."""

    bills: Bundle[UUID] = Bundle("bills")
    orders: Bundle[dict[str, str]] = Bundle("orders")
    words: Bundle[str] = Bundle("words")
    stored: Bundle[UUID] = Bundle("stored")

    def __init__(self, runner: asyncio.Runner, db: Database) -> None:
        super().__init__()
        self.runner = runner
        self.desk = PaymentDesk(db, SetClock(), {"vnpay": VNPAY}, LIMITS)
        self.owed: dict[UUID, int] = {}
        self.seen = (0, self.run(self._value(HISTORY, 0)))

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(work)

    async def _value(self, query: str, *values: object) -> Any:
        async with self.desk.db.read() as connection:
            return await connection.fetchval(query, *values)

    @rule(target=bills, amount_vnd=st.integers(1, 1_000))
    def register(self, amount_vnd: int) -> UUID:
        new = NewBill(
            bill_number=secrets.token_hex(8),
            customer_code=CODE,
            period="2026-10",
            amount_vnd=amount_vnd,
            due_on=date(2026, 12, 5),
            issued_by="accountant",
        )
        once = IdempotentRequest("accountant", uuid4().hex, b"")
        answer = self.run(
            register_bill(
                self.desk.db,
                self.desk.clock,
                new,
                once,
                answer=lambda standing: Answer(201, str(standing.bill.bill_id).encode()),
            )
        )
        bill_id = UUID(answer.body.decode())
        self.owed[bill_id] = amount_vnd
        return bill_id

    @rule(target=orders, bill_id=bills, part=st.none() | st.integers(1, 1_000))
    def begin(self, bill_id: UUID, part: int | None) -> Any:
        new = NewPayment(
            bill_id=bill_id,
            provider="vnpay",
            amount_vnd=part,
            locale="vn",
            client_ip="203.0.113.7",
            may_pay_for=lambda _: True,
        )
        once = IdempotentRequest("customer", uuid4().hex, b"")
        with contextlib.suppress(BusinessError):  # nothing owed, or more than is owed: no order
            answer = self.run(
                begin_payment(self.desk, new, once, answer=lambda _, address: Answer(201, address.encode()))
            )
            return read_pay_url(SECRET, answer.body.decode())
        return multiple()

    @rule(
        target=words,
        order=orders,
        code=st.sampled_from(["00", "00", "00", "07", "24", "51"]),
        off_by_vnd=st.sampled_from([0, 0, 0, 7]),
        another_number=st.booleans(),
    )
    def hear(self, order: dict[str, str], code: str, off_by_vnd: int, *, another_number: bool) -> str:
        number = str(int(order["vnp_TxnRef"][-12:], 16) + 1) if another_number and code in {"00", "07"} else None
        return callback_query(
            SECRET, order, Outcome(response_code=code, amount_off_by_vnd=off_by_vnd, transaction_number=number)
        )

    @rule(target=stored, word=words)
    def take(self, word: str) -> Any:
        taken = self.run(take_callback(self.desk, "vnpay", word.encode()))
        assert taken.verdict in {Verdict.ACCEPTED, Verdict.REPEATED, Verdict.WRONG_AMOUNT}
        report = VNPAY.read(word)
        if report.money_moved:
            assert taken.verdict is not Verdict.WRONG_AMOUNT
        return multiple() if taken.provider_event_id is None else taken.provider_event_id

    @rule(event_id=stored)
    def handle(self, event_id: UUID) -> None:
        self.run(handle_provider_event(self.desk, event_id))

    @rule()
    def handle_the_rest(self) -> None:
        self.run(handle_waiting_events(self.desk))

    @rule()
    def time_passes(self) -> None:
        clock = self.desk.clock
        assert isinstance(clock, SetClock)
        clock.time += timedelta(minutes=20)
        self.run(expire_payments(self.desk.db, clock))

    @invariant()
    def the_books_are_sound(self) -> None:
        """Each transaction and the whole sum to zero; one for each provider transaction; success means money; receipts."""

        async def broken() -> dict[str, int]:
            async with self.desk.db.read() as connection:
                return dict(await connection.fetchrow(BROKEN) or {})

        assert {name: int(value) for name, value in self.run(broken()).items() if value} == {}

    @invariant()
    def history_stays(self) -> None:
        """Entries that were seen before are what they were."""
        last, digest = self.seen
        assert self.run(self._value(HISTORY, last)) == digest
        newest = self.run(self._value("SELECT coalesce(max(entry_id), 0) FROM entry"))
        self.seen = (newest, self.run(self._value(HISTORY, newest)))

    @invariant()
    def bills_are_what_is_left_of_them(self) -> None:
        """Compare each bill with what was recorded for it; it is never owed and overpaid at once."""
        for bill_id, amount_vnd in self.owed.items():
            standing = self.run(read_bill(self.desk.db, bill_id))
            came_in = self.run(self._value(CAME_IN, bill_id))
            assert standing.balance.outstanding_vnd == amount_vnd - came_in
            assert min(standing.balance.receivable_vnd, standing.balance.credit_vnd) == 0

    def teardown(self) -> None:
        """At rest nothing waits, and each transaction that VNPay said it took is in clearing, to the dong."""
        self.run(handle_waiting_events(self.desk))
        assert self.run(self._value("SELECT count(*) FROM provider_event WHERE handled_at IS NULL")) == 0
        assert self.run(self._value(LOST)) is None
        self.the_books_are_sound()


CAME_IN = """
SELECT coalesce(sum(amount_vnd), 0)::bigint FROM entry JOIN account USING (account_id)
JOIN ledger_transaction USING (transaction_id)
WHERE ledger_transaction.bill_id = $1 AND (
    (ledger_transaction.kind = 'payment_recorded' AND account.kind = 'clearing')
    OR (ledger_transaction.kind = 'suspense_released' AND account.kind = 'suspense')
)
"""
LOST = """
SELECT transaction_number FROM provider_event WHERE response_code IN ('00', '07') AND transaction_status = response_code
EXCEPT
SELECT money.provider_transaction_number FROM ledger_transaction AS money
JOIN provider_event USING (provider_event_id)
JOIN entry USING (transaction_id) JOIN account USING (account_id)
WHERE account.kind = 'clearing' AND entry.amount_vnd * 100 = substring(raw FROM 'vnp_Amount=([0-9]+)')::bigint
"""


async def test_the_books_balance_whatever_happens(database_url: str) -> None:
    """No order of events loses money, makes any, or changes what was written."""

    def explore() -> None:
        with asyncio.Runner() as runner:
            stack = contextlib.AsyncExitStack()
            db = runner.run(
                stack.enter_async_context(Database.open(database_url, application_name="books", pool_size=2))
            )
            try:
                runner.run(note_customers(db, [CODE]))
                run_state_machine_as_test(
                    lambda: Books(runner, db),
                    settings=EXPLORATION,
                )
            finally:
                runner.run(stack.aclose())

    await asyncio.to_thread(explore)
