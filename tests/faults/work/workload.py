"""What the town does while the stack is broken: tickets, bills and payments, cuts that are published, revised, called off."""

import asyncio
import random
import secrets
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from tests.faults.rig.journal import Journal, Operation
from tests.faults.rig.rig import Rig
from tests.faults.work.caller import Caller, new_key

from gridcare.values.clock import SystemClock
from gridcare_local.emulators.journal import Journal as ProviderJournal
from gridcare_local.emulators.vnpay import payer as vnpay

NOTIFIER, REPAIR, BILLING = "outage-notifier", "repair-intake", "billing-gateway"
CALLBACK_TRIES = 400
ENDS_CALLS = ("00", "02")
REPEATED_SHARE = 0.15


class Workload:
    """Does business at random. Every draw comes from `dice`, so that a seed makes the same business."""

    def __init__(self, rig: Rig, caller: Caller, journal: Journal, dice: random.Random) -> None:
        self.rig, self.caller, self.journal, self.dice = rig, caller, journal, dice
        self.psp = ProviderJournal(rig.root / "vnpay.jsonl", lambda: datetime.now(UTC).timestamp())
        self.points = [(point.supply_point_id, point.customer_code) for point in rig.world.supply_points()]
        self._run = secrets.token_hex(3)
        self._count = 0
        self._tasks: set[asyncio.Task[Any]] = set()
        self._errors: list[BaseException] = []
        self._stopping = asyncio.Event()
        self.live: list[tuple[str, list[str]]] = []

    @property
    def now(self) -> datetime:
        """The time by the clock of the stack's processes."""
        return SystemClock(self.rig.stack.settings.clock_offset_s).now()

    # ---- running it

    def start(self, *, tickets: float = 0, payments: float = 0, cuts: float = 0) -> None:
        """Begin to do business, so many of each a second, until `finish`."""
        self._stopping.clear()
        for per_s, act in ((tickets, self.ticket), (payments, self.payment), (cuts, self.cut)):
            if per_s:
                self._spawn(self._repeat(act, per_s))

    async def finish(self) -> None:
        """Begin nothing more, and wait until what was begun has an answer. Raises what a piece of business raised."""
        self._stopping.set()
        while self._tasks:
            await asyncio.wait(self._tasks)
        if self._errors:
            raise BaseExceptionGroup("business that went wrong", self._errors)

    async def abandon(self) -> None:
        """Leave everything where it is."""
        for task in self._tasks:
            task.cancel()
        await self.finish()

    async def _repeat(self, act: Callable[[], Awaitable[Any]], per_s: float) -> None:
        while not self._stopping.is_set():
            self._spawn(act())
            await asyncio.sleep(self.dice.expovariate(per_s))

    def _spawn(self, work: Awaitable[Any]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._errors.append(error)

    def _number(self) -> str:
        self._count += 1
        return f"{self._run}-{self._count}"

    # ---- tickets

    async def ticket(self) -> Operation:
        """Report a failure. Some ask again with the same key after the answer, as an app does that lost it."""
        point, code = self.dice.choice(self.points)
        ref, key = self._number(), new_key()
        body = {"supply_point_id": point, "kind": "repair", "category": "no_power", "client_ref": ref}
        operation = self.journal.ask("ticket", client_ref=ref, customer_code=code, key=key)
        token = self.caller.token("customer", code)
        answer = await self.caller.insist(operation, REPAIR, "/v1/tickets", body, token=token, key=key)
        if answer is not None and self.dice.random() < REPEATED_SHARE:
            await self.caller.insist(operation, REPAIR, "/v1/tickets", body, token=token, key=key)
        return operation

    # ---- money

    async def bill(self) -> tuple[str | None, str, int]:
        """Register a bill. Return its id (None if refused or unknown), its customer and its amount."""
        _, code = self.dice.choice(self.points)
        amount, key, number = self.dice.randrange(20_000, 2_000_000), new_key(), f"B{self._number()}"
        body = {
            "bill_number": number,
            "customer_code": code,
            "period": self.now.strftime("%Y-%m"),
            "amount_vnd": amount,
            "due_on": self.now.date().isoformat(),
        }
        operation = self.journal.ask("bill", bill_number=number, customer_code=code, amount_vnd=amount)
        token = self.caller.token("accountant")
        answer = await self.caller.insist(operation, BILLING, "/v1/bills", body, token=token, key=key)
        return (str(answer["bill_id"]) if answer else None), code, amount

    async def begin(self, bill_id: str, code: str) -> dict[str, Any] | None:
        """Begin a payment of all that is owed. Return its id and pay address."""
        key = new_key()
        operation = self.journal.ask("payment", bill_id=bill_id, customer_code=code)
        token = self.caller.token("customer", code)
        path = f"/v1/bills/{bill_id}/payments"
        answer = await self.caller.insist(operation, BILLING, path, {}, token=token, key=key)
        if answer is not None and self.dice.random() < REPEATED_SHARE:
            await self.caller.insist(operation, BILLING, path, {}, token=token, key=key)
        return answer

    async def payment(self) -> None:
        """Pay a bill through VNPay, which mostly succeeds, sometimes fails first, and often calls back twice."""
        bill_id, code, _ = await self.bill()
        begun = await self.begin(bill_id, code) if bill_id else None
        if begun is None:
            return
        chance = self.dice.random()
        if chance < 0.08:
            await self.play(begun["pay_url"], vnpay.PlayedPayment(response_code="24"))
            return
        await self.play(begun["pay_url"], vnpay.SUCCESS, repeat=1 + (chance > 0.8))

    async def play(self, pay_url: str, played: vnpay.PlayedPayment, *, repeat: int = 1) -> str | None:
        """Pay an order: the money moves, then VNPay calls back until it is told that it may stop, each time `repeat` fold."""
        return await self.call_back(await self.move(pay_url, played), repeat=repeat)

    async def move(self, pay_url: str, played: vnpay.PlayedPayment) -> str:
        """Let the money of an order move at VNPay, which from then on says so when it is asked; nobody is called back.

        Return the query of its callback.
        """
        secret = self.rig.stack.settings.secrets["vnpay_hash_secret"]
        order = vnpay.read_pay_url(secret, pay_url)
        query = vnpay.callback_query(secret, order, played)
        note_money(self.psp, query, played)
        if not played.bad_signature:
            await self.caller.tell_emulator("vnpay", "payments", {"query": query, "created": order["vnp_CreateDate"]})
        return query

    async def call_back(self, query: str, *, repeat: int = 1) -> str | None:
        """Call back with this query until an answer ends VNPay's calls. Return the last answer's code."""
        code = None
        for _ in range(CALLBACK_TRIES):
            try:
                answers = [
                    await self.caller.once("GET", BILLING, f"/v1/callbacks/vnpay?{query}") for _ in range(repeat)
                ]
                code = str(answers[-1].json().get("RspCode")) if answers[-1].status_code == 200 else None
            except (httpx.TransportError, ValueError):
                code = None
            if code in ENDS_CALLS or code == "97":
                return code
            await asyncio.sleep(0.3)
        return code

    # ---- cuts

    async def cut(self) -> str | None:
        """Publish a cut of some feeders; later it may be revised, called off or restored. Return its id."""
        assert self.rig.town is not None
        feeders = self.dice.sample(self.rig.town.feeder_ids, k=min(2, len(self.rig.town.feeder_ids)))
        outage_id = await self.publish(feeders)
        if outage_id is None or self._stopping.is_set():
            return outage_id
        await asyncio.sleep(self.dice.uniform(0.5, 4.0))
        chance = self.dice.random()
        if chance < 0.3:
            await self.change(outage_id, "revise", self.document(feeders, hours=5) | {"reason": "it takes longer"})
        elif chance < 0.5:
            await self.change(outage_id, "cancel", {"reason": "the part did not come"})
        return outage_id

    async def publish(self, feeders: list[str], *, days_ahead: int = 7, late: str = "") -> str | None:
        """Draft and publish a planned cut. Return its id if it was accepted."""
        drafted = self.journal.ask("draft", feeder_ids=feeders)
        body = self.document(feeders, days_ahead=days_ahead) | {"kind": "planned"}
        token = self.caller.token("planner")
        answer = await self.caller.insist(drafted, NOTIFIER, "/v1/outages", body, token=token, key=new_key())
        if answer is None:
            return None
        outage_id = str(answer["outage_id"])
        published = await self.change(outage_id, "publish", {"late_reason": late} if late else {}, feeders=feeders)
        return outage_id if published is not None else None

    async def publish_and_revise(self, *, times: int) -> None:
        """Publish a cut of one feeder, and revise it so often, without a pause."""
        assert self.rig.town is not None
        feeders = list(self.rig.town.feeder_ids[:1])
        outage_id = await self.publish(feeders)
        for number in range(times if outage_id else 0):
            body = self.document(feeders, hours=4 + number) | {"reason": "it takes longer"}
            await self.change(str(outage_id), "revise", body)

    async def change(self, outage_id: str, verb: str, body: dict[str, Any], **more: Any) -> dict[str, Any] | None:
        """Publish, revise, cancel or restore an outage. Return the answer if it was accepted."""
        operation = self.journal.ask(verb, outage_id=outage_id, **more)
        path, token = f"/v1/outages/{outage_id}/{verb}", self.caller.token("planner")
        return await self.caller.insist(operation, NOTIFIER, path, body, token=token, key=new_key())

    def document(self, feeders: list[str], *, days_ahead: int = 7, hours: int = 3) -> dict[str, Any]:
        """Return what a cut of these feeders says."""
        start = (self.now + timedelta(days=days_ahead)).replace(hour=1, minute=0, second=0, microsecond=0)
        return {
            "cause": "Bảo trì lưới điện",
            "place": f"TP. Cần Thơ {self._number()}",
            "windows": [{"start": start.isoformat(), "end": (start + timedelta(hours=hours)).isoformat()}],
            "scope": {"feeder_ids": feeders},
        }


def note_money(psp: ProviderJournal, query: str, played: vnpay.PlayedPayment) -> None:
    """Write what moved to the provider's journal, before anybody is told."""
    fields = dict(httpx.QueryParams(query))
    psp.append(
        "payment",
        {
            "order_reference": fields["vnp_TxnRef"],
            "transaction_number": fields["vnp_TransactionNo"],
            "response_code": fields["vnp_ResponseCode"],
            "transaction_status": fields["vnp_TransactionStatus"],
            "amount_vnd": int(fields["vnp_Amount"]) // vnpay.FACTOR,
            "query": query,
            "moved": played.response_code in {"00", "07"} and not played.bad_signature,
        },
    )
