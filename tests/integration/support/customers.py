"""What a customer of the town does: open a ticket, pay a bill, read the app's inbox."""

from typing import Any

import httpx
from tests.integration.support.together import run, wait_until
from tests.integration.support.wholestack import Person, Whole

from gridcare_local.demo.cut import NOTIFIER
from gridcare_local.emulators.vnpay import payer as vnpay

REPAIR = "repair-intake"
BILLING = "billing-gateway"


def open_ticket(whole: Whole, person: Person, description: str = "") -> dict[str, Any]:
    """Report that a customer's supply point has no power, and return the ticket."""
    body = {
        "supply_point_id": person.supply_point_id,
        "kind": "repair",
        "category": "no_power",
        "description": description,
    }
    ticket: dict[str, Any] = whole.client("customer", person.code).post(REPAIR, "/v1/tickets", body)
    return ticket


def register_bill(whole: Whole, person: Person, *, number: str, amount_vnd: int) -> str:
    """Register a bill for a customer and return its id."""
    body = {
        "bill_number": number,
        "customer_code": person.code,
        "period": whole.now.strftime("%Y-%m"),
        "amount_vnd": amount_vnd,
        "due_on": whole.now.date().isoformat(),
    }
    return str(whole.client("accountant").post(BILLING, "/v1/bills", body)["bill_id"])


def pay(whole: Whole, person: Person, bill_id: str, *, repeat: int = 1) -> list[str]:
    """Pay a bill through VNPay, which calls back `repeat` times; return the answer to each callback."""
    begun = whole.client("customer", person.code).post(BILLING, f"/v1/bills/{bill_id}/payments", {})
    callback_url = f"{whole.stack.catalog.api_url(BILLING)}/v1/callbacks/vnpay"
    secret = whole.stack.settings.secrets["vnpay_hash_secret"]
    answers = run(vnpay.play(secret, begun["pay_url"], callback_url, repeat=repeat))
    return [answer["RspCode"] for answer in answers]


def pay_silently(whole: Whole, person: Person, bill_id: str) -> str:
    """Pay a bill through VNPay, whose callback is lost, and let the payment's time pass. Return the payment's id."""
    begun = whole.client("customer", person.code).post(BILLING, f"/v1/bills/{bill_id}/payments", {})
    secret = whole.stack.settings.secrets["vnpay_hash_secret"]
    order = vnpay.read_pay_url(secret, begun["pay_url"])
    paid = {"query": vnpay.callback_query(secret, order), "created": order["vnp_CreateDate"]}
    url = f"{whole.stack.catalog.emulator_url('vnpay')}/_emulator/payments"
    httpx.post(url, json=paid, trust_env=False).raise_for_status()
    over = "UPDATE payment SET expires_at = begun_at + interval '1 second' WHERE payment_id = $1"
    whole.query(BILLING, over, begun["payment_id"])
    return str(begun["payment_id"])


def inbox(whole: Whole, person: Person, kind: str) -> list[dict[str, Any]]:
    """Return the messages of a kind in a customer's inbox."""
    page = whole.client("customer", person.code).get(NOTIFIER, "/v1/inbox?limit=100")
    return [message for message in page["items"] if message["kind"] == kind]


def wait_message(whole: Whole, person: Person, kind: str, *, holds: str) -> str:
    """Wait until a message of this kind that contains the text `holds` was sent, and return the id of its notice."""
    notice_ids: list[str] = []

    def sent() -> bool:
        notice_ids[:] = [
            message["delivery_id"].rpartition("-")[0]
            for message in inbox(whole, person, kind)
            if holds in f"{message['title']} {message['body']}" and message["state"] in {"accepted", "delivered"}
        ]
        return bool(notice_ids)

    wait_until(sent, what=f"{person.code} has a {kind} message")
    assert len(notice_ids) == 1, f"{len(notice_ids)} messages"
    return notice_ids[0]
