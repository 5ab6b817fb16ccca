"""The books under any order of payments, repeats, failures, doubts and delays: hypothesis on a real database."""

import asyncio
import contextlib
import secrets
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as exploring
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from billing_gateway import NAME
from billing_gateway.bills.core import RegisterBill
from billing_gateway.bills.flow.note_customers import note_customers
from billing_gateway.bills.flow.read_bills import read_bill
from billing_gateway.bills.flow.register_bill import register_bill
from billing_gateway.callbacks.flow.ask_providers import ask_about_due_payments
from billing_gateway.callbacks.flow.handle_provider_event import handle_provider_event, handle_waiting_events
from billing_gateway.callbacks.flow.store_callback import StoreCallback, store_callback
from billing_gateway.callbacks.room import Inquiries
from billing_gateway.payments.core import BeginPayment, Limits
from billing_gateway.payments.flow.begin_payment import begin_payment
from billing_gateway.providers.core import Verdict
from billing_gateway.settings import ApiSettings, WorkerSettings
from billing_gateway.wiring import ApiRooms, serving, working
from gridcare.errors import BusinessError
from gridcare.postgres.database import Database
from gridcare.process.foundation import Foundation
from gridcare.process.lifecycle import Lifecycle
from gridcare.testing.clock import StandingClock
from gridcare_local.emulators.vnpay.payer import PlayedPayment, callback_query, read_pay_url

SECRET = "TESTSECRET"
CODE = "PB11010012345"
LIMITS = Limits(amount_min_vnd=1, amount_max_vnd=10**9, lifetime=timedelta(minutes=15))
EXPLORATION = exploring(
    max_examples=40, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)

BROKEN = (Path(__file__).parent / "broken_books.sql").read_text()
HISTORY = """
SELECT md5(coalesce(string_agg(concat_ws('/', entry_id, transaction_id, account_id, bill_id, amount_vnd), ','
    ORDER BY entry_id), '')) FROM entry WHERE entry_id <= $1
"""


class Books(RuleBasedStateMachine):
    """Customers pay in any way; whatever happens, the ledger has what VNPay took."""

    orders: Bundle[dict[str, str]] = Bundle("orders")
    queries: Bundle[str] = Bundle("queries")

    def __init__(self, runner: asyncio.Runner, rooms: ApiRooms, inquiries: Inquiries, clock: StandingClock) -> None:
        super().__init__()
        self.run = runner.run
        self.clock = clock
        self.bills, self.payments, self.callbacks = rooms.bills, rooms.payments, inquiries
        self.owed: dict[UUID, int] = {}
        self.waiting: list[UUID] = []
        self.shared_number = str(secrets.randbelow(10**12) + 1)
        self.seen = (0, self.run(self._value(HISTORY, 0)))

    async def _value(self, query: str, *values: object) -> Any:
        async with self.bills.db.read() as connection:
            return await connection.fetchval(query, *values)

    @initialize(target=orders, amount_vnd=st.integers(2, 1_000))
    def register_and_begin_twice(self, amount_vnd: int) -> Any:
        bill_id = self.register(amount_vnd)
        return multiple(self.order(bill_id, None), self.order(bill_id, None))

    @rule(target=orders, amount_vnd=st.integers(2, 1_000), part=st.booleans())
    def register_and_begin(self, amount_vnd: int, *, part: bool) -> Any:
        return self.order(self.register(amount_vnd), amount_vnd // 2 if part else None)

    @rule(target=orders, data=st.data(), part=st.none() | st.integers(1, 1_000))
    def begin_again(self, data: st.DataObject, part: int | None) -> Any:
        bill_id = data.draw(st.sampled_from(list(self.owed)))
        with contextlib.suppress(BusinessError):  # nothing owed, or more than is owed: no order
            return self.order(bill_id, part)
        return multiple()

    @rule(
        target=queries,
        order=orders,
        code=st.sampled_from(["00", "00", "00", "07", "24", "51"]),
        off_by_vnd=st.sampled_from([0, 0, 0, 0, 7]),
        shared=st.sampled_from([False, False, False, True]),
    )
    def take(self, order: dict[str, str], code: str, off_by_vnd: int, *, shared: bool) -> str:
        """Take a callback; a shared number is one that other orders have too, which VNPay should never send."""
        number = self.shared_number if shared and code in {"00", "07"} else None
        outcome = PlayedPayment(response_code=code, amount_off_by_vnd=off_by_vnd, transaction_number=number)
        query = callback_query(SECRET, order, outcome)
        self.take_again(query)
        return query

    @rule(order=orders)
    def pay(self, order: dict[str, str]) -> None:
        """Go the usual way: a success that is handled at once."""
        self.take_again(callback_query(SECRET, order))
        self.run(handle_waiting_events(room=self.callbacks))

    @rule(query=queries)
    def take_again(self, query: str) -> None:
        stored = self.run(store_callback(StoreCallback(provider="vnpay", raw=query.encode()), room=self.callbacks))
        assert stored.verdict in {Verdict.ACCEPTED, Verdict.REPEATED, Verdict.WRONG_AMOUNT}
        moved = self.callbacks.providers["vnpay"].read(query).money_moved
        assert not (moved and stored.verdict is Verdict.WRONG_AMOUNT)
        if stored.provider_event_id is not None:
            self.waiting.append(stored.provider_event_id)

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def handle(self, data: st.DataObject) -> None:
        """Handle any of the stored events, in any order, perhaps again."""
        self.run(handle_provider_event(data.draw(st.sampled_from(self.waiting)), room=self.callbacks))

    def register(self, amount_vnd: int) -> UUID:
        command = RegisterBill(
            bill_number=secrets.token_hex(8),
            customer_code=CODE,
            period="2026-10",
            amount_vnd=amount_vnd,
            due_on=date(2026, 12, 5),
            issued_by="accountant",
        )
        bill_id: UUID = self.run(register_bill(command, room=self.bills)).bill.bill_id
        self.owed[bill_id] = amount_vnd
        return bill_id

    def order(self, bill_id: UUID, amount_vnd: int | None) -> dict[str, str]:
        command = BeginPayment(
            bill_id=bill_id,
            provider="vnpay",
            amount_vnd=amount_vnd,
            locale="vn",
            client_ip="203.0.113.7",
            customer_codes=None,
        )
        return read_pay_url(SECRET, self.run(begin_payment(command, room=self.payments)).pay_address)

    @rule()
    def time_passes(self) -> None:
        self.clock.move(minutes=20)
        self.run(ask_about_due_payments(room=self.callbacks))

    @invariant()
    def the_books_are_sound(self) -> None:
        """Transactions and the whole sum to zero, money is booked once, success means money, money means a receipt."""

        async def broken() -> dict[str, int]:
            async with self.bills.db.read() as connection:
                return dict(await connection.fetchrow(BROKEN) or {})

        assert {name: int(value) for name, value in self.run(broken()).items() if value} == {}

    @invariant()
    def history_stays(self) -> None:
        """Entries that were seen before have not changed."""
        last, digest = self.seen
        assert self.run(self._value(HISTORY, last)) == digest
        last = self.run(self._value("SELECT coalesce(max(entry_id), 0) FROM entry"))
        self.seen = (last, self.run(self._value(HISTORY, last)))

    @invariant()
    def bills_are_what_is_left_of_them(self) -> None:
        """Compare each bill with what was recorded for it; it is never owed and overpaid at once."""
        for bill_id, amount_vnd in self.owed.items():
            standing = self.run(read_bill(bill_id, room=self.bills))
            came_in = self.run(self._value(CAME_IN, bill_id))
            assert standing.balance.outstanding_vnd == amount_vnd - came_in
            assert min(standing.balance.receivable_vnd, standing.balance.credit_vnd) == 0

    def teardown(self) -> None:
        """At the end nothing waits, and each transaction that VNPay said it took is in clearing, to the dong."""
        self.run(handle_waiting_events(room=self.callbacks))
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


@pytest.mark.usefixtures("vnpay")
async def test_the_books_always_balance(
    settings: ApiSettings, worker_settings: WorkerSettings, clock: StandingClock
) -> None:
    """No order of events loses money, makes any, or changes what was written."""

    def explore() -> None:
        with asyncio.Runner() as runner:
            stack = contextlib.AsyncExitStack()
            rooms, inquiries = runner.run(_opened(stack, settings, worker_settings, clock))
            try:
                run_state_machine_as_test(lambda: Books(runner, rooms, inquiries, clock), settings=EXPLORATION)
            finally:
                runner.run(stack.aclose())

    await asyncio.to_thread(explore)


async def _opened(
    stack: contextlib.AsyncExitStack, settings: ApiSettings, worker_settings: WorkerSettings, clock: StandingClock
) -> tuple[ApiRooms, Inquiries]:
    """Wire the service on the running loop, with limits that let small amounts and any number of questions through."""
    url = settings.database_url.get_secret_value()
    db = await stack.enter_async_context(Database.open(url, application_name="books", pool_size=2))
    rooms = await stack.enter_async_context(serving(Foundation(NAME, "books", settings, clock, db, Lifecycle())))
    loops = await stack.enter_async_context(working(Foundation(NAME, "books", worker_settings, clock, db, Lifecycle())))
    await note_customers([CODE], room=rooms.bills)
    asking = replace(loops.inquiries.asking, per_minute_max=10**6)
    payments = replace(rooms.payments, limits=LIMITS)
    return replace(rooms, payments=payments), replace(loops.inquiries, asking=asking)
