"""Faults of VNPay and of callers: callbacks by the hundred, out of order, wrong, old; no issuer; hostile clients."""

import asyncio
import hashlib
import math
import os
import socket
import time
from dataclasses import replace
from typing import Any, Final

import httpx
import psutil
from tests.faults.campaign import Campaign
from tests.faults.judge.evidence import BILLING, REPAIR, lines_of
from tests.faults.matrix.fault import Broken, Fault
from tests.faults.work.caller import new_key
from tests.faults.work.workload import note_money

from gridcare.http.tokens.jwks import COOLDOWN_S
from gridcare.testing.signing import SigningKey
from gridcare_local.emulators.oidc.api import JWKS_PATH
from gridcare_local.emulators.oidc.keys import mint, sign
from gridcare_local.emulators.vnpay import payer as vnpay
from gridcare_local.stack.catalog import SERVICES

LEDGER: Final = (
    "SELECT t.*, e.amount_vnd FROM ledger_transaction t JOIN entry e USING (transaction_id) ORDER BY entry_id"
)
PAYMENTS: Final = "SELECT payment_id, state, version, settled_at FROM payment ORDER BY payment_id"
TOGETHER: Final = 100
PAID_SILENTLY: Final = 6
FOUND_WITHIN_S: Final = 180.0
"""The work that killed its process is taken up again after a pause."""

BILLING_WORKER: Final = "billing-gateway-worker"
SILENT: Final = 300
BODY_BYTES: Final = 8 << 20
MEMORY_MAX_MIB: Final = 400
STORMS: Final = 4


async def _order(run: Campaign) -> tuple[str, dict[str, Any]]:
    """Return a bill and a begun payment for it."""
    bill_id, code, _ = await run.work.bill()
    begun = await run.work.begin(bill_id, code) if bill_id else None
    if bill_id is None or begun is None:
        raise Broken("no payment could be begun")
    return bill_id, begun


def _query(run: Campaign, begun: dict[str, Any], played: vnpay.PlayedPayment) -> str:
    secret = run.rig.stack.settings.secrets["vnpay_hash_secret"]
    return vnpay.callback_query(secret, vnpay.read_pay_url(secret, begun["pay_url"]), played)


async def callback_storm(run: Campaign) -> str:
    _, begun = await _order(run)
    query = _query(run, begun, vnpay.SUCCESS)
    note_money(run.work.psp, query, vnpay.SUCCESS)
    url = f"{run.rig.catalog.api_url(BILLING)}/v1/callbacks/vnpay"
    answers = await vnpay.call_back(url, query, repeat=TOGETHER, together=True)
    codes = sorted({str(answer.get("RspCode")) for answer in answers})
    if not set(codes) <= {"00", "02", "99"}:
        raise Broken(f"answers {codes}")
    await run.work.call_back(query)
    return f"one callback {TOGETHER} times at once: answers {', '.join(codes)}"


async def lost_callbacks(run: Campaign) -> str:
    """Pay bills and call nobody back; the worker that asks about them dies once between an answer and its record."""
    payments = []
    for _ in range(PAID_SILENTLY):
        _, begun = await _order(run)
        await run.work.move(begun["pay_url"], vnpay.SUCCESS)
        payments.append(str(begun["payment_id"]))
    ours = ", ".join(f"'{each}'" for each in payments)

    async def pass_time() -> None:
        await run.rig.administer(
            BILLING,
            "UPDATE payment SET expires_at = begun_at + interval '1 second', ask_at = NULL"
            f" WHERE state = 'begun' AND payment_id IN ({ours})",
        )

    async def found() -> bool:
        await pass_time()
        rows = await run.rig.fetch(BILLING, f"SELECT state FROM payment WHERE payment_id IN ({ours})")
        return {row["state"] for row in rows} == {"succeeded"}

    if not await run.rig.crash_at(BILLING_WORKER, "inquiry.answered:2", timeout_s=60, meanwhile=pass_time):
        raise Broken("nobody asked about payments whose time was over")
    if not await run.until(found, timeout_s=FOUND_WITHIN_S):
        raise Broken("money whose callback was lost was not found")
    return f"{PAID_SILENTLY} payments without a callback found by asking"


async def callbacks_out_of_order(run: Campaign) -> str:
    played = vnpay.PlayedPayment
    for first, second in (
        (played(), played(response_code="24")),
        (played(response_code="24"), played()),
        (played(response_code="07"), played()),
        (played(response_code="51"), played(response_code="11")),
        (played(), played(transaction_number="90000000000001")),
    ):
        _, begun = await _order(run)
        for each in (first, second):
            await run.work.play(begun["pay_url"], each, repeat=2)
    return "failed after success, success after failure, suspected then good, two failures, paid twice"


async def wrong_money(run: Campaign) -> str:
    """Money that fits no order is kept in suspense; what is not signed is no money."""
    bills = []
    for off in (1_000, -1_000):
        bill_id, begun = await _order(run)
        bills.append(bill_id)
        await run.work.play(begun["pay_url"], vnpay.PlayedPayment(amount_off_by_vnd=off))
    bill_id, begun = await _order(run)
    amount = (
        int(vnpay.read_pay_url(run.rig.stack.settings.secrets["vnpay_hash_secret"], begun["pay_url"])["vnp_Amount"])
        // 100
    )
    bills.append(bill_id)
    await run.work.play(begun["pay_url"], vnpay.PlayedPayment(amount_off_by_vnd=amount * 99))
    bill_id, begun = await _order(run)
    bills.append(bill_id)
    forged = _query(run, begun, vnpay.PlayedPayment(bad_signature=True))
    code = await run.work.call_back(forged)
    await _unknown_order(run, begun)
    paid = await run.rig.fetch(
        BILLING,
        "SELECT bill_id FROM ledger_transaction WHERE kind = 'payment_recorded' AND bill_id = ANY($1::uuid[])",
        bills,
    )
    if code != "97" or paid:
        raise Broken(f"a forged callback was answered {code}, {len(paid)} bills were paid by wrong money")
    return "wrong amounts, a hundredfold one, an unknown order, a forged signature"


async def _unknown_order(run: Campaign, begun: dict[str, Any]) -> None:
    secret = run.rig.stack.settings.secrets["vnpay_hash_secret"]
    order = vnpay.read_pay_url(secret, begun["pay_url"]) | {"vnp_TxnRef": f"NOBODY{run.dice.randrange(10**9)}"}
    query = vnpay.callback_query(secret, order)
    note_money(run.work.psp, query, vnpay.SUCCESS)
    await run.work.call_back(query)


async def _books(run: Campaign) -> str:
    rows = [*await run.rig.fetch(BILLING, LEDGER), *await run.rig.fetch(BILLING, PAYMENTS)]
    return hashlib.sha256(repr([tuple(row) for row in rows]).encode()).hexdigest()


async def old_callbacks(run: Campaign) -> str:
    await run.busy(4, payments=3)
    await run.calm_down()
    before = await _books(run)
    with (run.rig.root / "vnpay.jsonl").open() as lines:
        queries = [line.split('"query":"')[1].split('"')[0] for line in lines if '"query":"' in line][-60:]
    run.dice.shuffle(queries)
    for query in queries:
        await run.work.call_back(query)
    await run.calm_down()
    if await _books(run) != before:
        raise Broken("callbacks that had been handled changed the books")
    return f"{len(queries)} signed callbacks of earlier payments again, in another order"


async def issuer_away(run: Campaign) -> str:
    """Tokens are checked from the kept keys while the issuer is away; unknown keys do not make it be asked each time."""
    catalog = run.rig.catalog
    code = run.work.points[0][1]
    claims: dict[str, object] = {"sub": code, "aud": list(SERVICES), "roles": ["customer"], "customer_codes": [code]}
    issuer, keys = catalog.emulator_url("oidc"), catalog.emulator_dir("oidc")
    foreign = mint(keys, issuer, claims, foreign=True)
    good = run.caller.token("customer", code)

    async def statuses(tokens: list[str]) -> set[int]:
        asked = [run.caller.once("GET", REPAIR, "/v1/tickets", token=token) for token in tokens]
        return {each.status_code for each in await asyncio.gather(*asked)}

    await statuses([good])  # the keys are known from here on
    await asyncio.to_thread(run.rig.kill, "oidc")
    served, refused = await statuses([good] * 30), await statuses([foreign] * 30)
    await asyncio.to_thread(run.rig.stack.restart, "oidc")
    if served != {200} or not refused <= {401, 503}:
        raise Broken(f"with kept keys {served}, with a foreign signature {refused}")
    asked_before, began = _key_fetches(run), time.monotonic()
    stranger = SigningKey.new("RS256")
    for number in range(STORMS):
        made_up = [replace(stranger, kid=f"made-up-{number}-{each}") for each in range(30)]
        refused |= await statuses([sign(key, claims, issuer=issuer) for key in made_up])
        served |= await statuses([good])
    fetches, allowed = _key_fetches(run) - asked_before, 1 + math.ceil((time.monotonic() - began) / COOLDOWN_S)
    if served != {200} or not refused <= {401, 503} or not 0 < fetches <= allowed:
        raise Broken(f"keys were fetched {fetches} times, at most {allowed} may be; good {served}, made-up {refused}")
    return (
        f"issuer killed: 30 good tokens served, 30 forged ones refused; {30 * STORMS} made-up keys: {fetches} fetches"
    )


def _key_fetches(run: Campaign) -> int:
    return sum(line["path"] == JWKS_PATH for line in lines_of(run.rig, "oidc", "fetch"))


async def hostile_clients(run: Campaign) -> str:
    """Silent sockets and large bodies without a token: others are served, memory stays bounded."""
    name = "repair-intake-api"
    port = run.rig.stack.settings.ports[f"{name}.http"]
    silent = [socket.create_connection(("127.0.0.1", port), timeout=5) for _ in range(SILENT)]
    body = os.urandom(BODY_BYTES)

    async def flood() -> None:
        try:
            await run.caller.once("POST", REPAIR, "/v1/tickets", content=body)
        except httpx.TransportError:
            return

    flooding = asyncio.gather(*(flood() for _ in range(30)))
    code = run.work.points[0][1]
    served = 0
    for _ in range(10):
        answer = await run.caller.once(
            "GET", REPAIR, "/v1/tickets", token=run.caller.token("customer", code), key=new_key()
        )
        served += answer.status_code == 200
    await flooding
    process = run.rig.pid(name)
    assert process is not None
    resident = psutil.Process(process.pid).memory_info().rss >> 20
    for each in silent:
        each.close()
    if served < 10 or resident > MEMORY_MAX_MIB:
        raise Broken(f"{served} of 10 others were served, {resident} MiB resident")
    return f"{SILENT} silent sockets, 30 tokenless bodies of 8 MiB: all others served, {resident} MiB resident"


PAYER_FAULTS: Final = (
    Fault(25, "a callback a hundred times at once", callback_storm),
    Fault(26, "callbacks out of order (refunds: none yet)", callbacks_out_of_order),
    Fault(27, "wrong amounts, unknown orders, forged signatures", wrong_money),
    Fault(28, "old callbacks again", old_callbacks),
    Fault(34, "issuer away, foreign keys", issuer_away),
    Fault(35, "silent sockets and large bodies", hostile_clients),
)
