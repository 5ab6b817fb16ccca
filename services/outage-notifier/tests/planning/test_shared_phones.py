"""Who is told on a phone that customers share: whose number the distributor knows, then whoever had it first."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from outage_notifier.ledger.store import notice
from outage_notifier.planning.flow import plan_notice
from outage_notifier.planning.flow.cut_follow_ups import cut_follow_ups
from outage_notifier.planning.flow.look_at_covers import look_at_covers
from outage_notifier.planning.flow.plan_notice import plan_due_notice

FIRST, SECOND, THIRD = "PB11010000001", "PB11010000002", "PB11010000003"
"""In the order in which planning meets them."""
NUMBER, E164 = "0912345601", "+84912345601"
HEADER = "customer_code,phone,language,consent,removed"


@pytest.fixture
def lives(world, api):
    """Return a function that adds a customer, who reads a language that they chose in the app."""

    async def add(code: str, language: str = "vi", **contacts) -> None:
        await world.customer(code, **contacts)
        body = {"language": language}
        await api.call("PUT", "/v1/preferences/language", roles=("customer",), codes=(code,), json=body)

    return add


@pytest.fixture
def types(api):
    """Return a function that adds a number in the app, as the customer or, with other `roles`, as staff."""

    async def post(code: str, *, roles=("customer",)) -> None:
        codes = (code,) if roles == ("customer",) else ()
        path, body = f"/v1/customers/{code}/phones", {"number": NUMBER}
        answer = await api.call("POST", path, sub=f"of-{code}", roles=roles, codes=codes, json=body)
        assert answer.status_code == 200, answer.text

    return post


@pytest.fixture
def load(api):
    """Return a function that imports the number for a customer."""

    async def post(code: str, *, consent: str = "true", removed: str = "") -> None:
        content = f"{HEADER}\n{code},{NUMBER},vi,{consent},{removed}\n".encode()
        answer = await api.call(
            "POST", "/v1/imports/contacts", roles=("ops",), headers={"content-type": "text/csv"}, content=content
        )
        assert answer.json()["kept"] == 1, answer.text

    return post


@pytest.fixture
def told(world, planning, send) -> Callable[..., Awaitable[dict[str, tuple[str, str | None]]]]:
    """Return a function that plans a notice, one recipient a page, and sends it; it returns state and cover by recipient."""

    async def run(**notice) -> dict[str, tuple[str, str | None]]:
        await world.notice(await world.outage(), **notice)
        while await plan_due_notice(room=replace(planning, page_size=1)):
            pass
        for _ in range(4):
            await send()
            await look_at_covers(room=planning)
            await cut_follow_ups(room=planning)
        return await found(world)

    return run


async def found(world) -> dict[str, tuple[str, str | None]]:
    rows = await world.rows("SELECT recipient_id, state, covered_by FROM delivery")
    return {recipient_id: (state, covered_by) for recipient_id, state, covered_by in rows}


async def test_imported_owner_is_told(lives, load, types, told, fake_sms):
    """Who typed the number in the app, however early, does not take the owner's message, nor choose its language."""
    await lives(FIRST, "zh")
    await lives(SECOND)
    await types(FIRST)
    await load(SECOND)
    assert await told() == {FIRST: ("covered", SECOND), SECOND: ("accepted", None)}
    [sms] = fake_sms.sent
    assert (sms.to, sms.body.isascii()) == (E164, True), "Vietnamese has no accents in an SMS, Chinese is not ASCII"


async def test_staff_verify_too(lives, load, types, told):
    """A number that staff wrote counts as one that was imported."""
    await lives(FIRST)
    await lives(SECOND)
    await types(FIRST)
    await types(SECOND, roles=("ops",))
    assert await told() == {FIRST: ("covered", SECOND), SECOND: ("accepted", None)}


async def test_oldest_among_equals(lives, types, told):
    """Of two whose numbers nobody verified, the one that had it first is told."""
    await lives(FIRST)
    await lives(SECOND)
    await types(SECOND)
    await types(FIRST)
    assert await told() == {FIRST: ("covered", SECOND), SECOND: ("accepted", None)}


@pytest.mark.parametrize("silent", ["no consent", "opted out", "bad", "removed", "not cut", "by push"])
async def test_silent_owner_blocks_nobody(world, lives, load, types, *, told, silent):
    """An owner who is not sent this SMS does not keep another from it."""
    await lives(FIRST)
    await lives(SECOND, feeder="FD2" if silent == "not cut" else "FD1", devices=["d"] if silent == "by push" else [])
    await types(FIRST)
    await load(SECOND, consent="false" if silent == "no consent" else "true")
    change = {"opted out": "opted_out_at = now()", "bad": "bad_reason = '21211'", "removed": "removed_at = now()"}
    async with world.owner_db.transaction() as tx:
        if silent in change:
            await tx.execute(f"UPDATE phone SET {change[silent]} WHERE customer_code = $1", SECOND)
    assert (await told())[FIRST] == ("accepted", None)


async def test_fallback_is_not_taken(world, lives, load, types, *, told, planning, send, fake_sms):
    """The owner's SMS after a push that did not arrive is sent, though the other was told on the number meanwhile."""
    await lives(FIRST, "zh")
    await lives(SECOND, devices=["d"])
    await types(FIRST)
    await load(SECOND)
    assert await told(kind="change") == {FIRST: ("accepted", None), SECOND: ("awaiting", None)}
    world.clock.move(minutes=32)
    await cut_follow_ups(room=planning)
    await send()
    assert (await found(world))[SECOND] == ("accepted", None)
    assert len(fake_sms.sent) == 2


async def test_distributor_takes_it_back(lives, load, types, told):
    """A number that an import removed and the customer then types in the app is not verified any more."""
    await lives(FIRST)
    await lives(SECOND)
    await load(FIRST)
    await load(FIRST, removed="true")
    await types(FIRST)
    await load(SECOND)
    assert await told() == {FIRST: ("covered", SECOND), SECOND: ("accepted", None)}


async def test_customer_may_bring_it_back(lives, load, types, told, api):
    """A verified number that the customer removed in the app and typed again stays verified."""
    await lives(FIRST)
    await lives(SECOND)
    await load(FIRST)
    path = f"/v1/customers/{FIRST}/phones"
    [own] = (await api.call("GET", path, roles=("customer",), codes=(FIRST,))).json()["items"]
    await api.call("DELETE", f"{path}/{own['phone_id']}", roles=("customer",), codes=(FIRST,))
    await types(SECOND)
    await types(FIRST)
    assert await told() == {FIRST: ("accepted", None), SECOND: ("covered", FIRST)}


@pytest.fixture
def first_page(world, planning):
    """Return a function that plans the first recipient of a notice, as a planner does that dies then."""

    async def run() -> None:
        await world.notice(await world.outage())
        async with world.db.transaction() as tx:
            claimed = await notice.claim_due(tx, now=world.clock.now(), lease_s=0)
            audience = await plan_notice._open_audience(tx, claimed, planning.listed_max)
        await plan_notice._plan_page(claimed, audience, after="", room=replace(planning, page_size=1))
        async with world.owner_db.transaction() as tx:
            await tx.execute("UPDATE notice SET plan_lease_until = now()")

    return run


async def settle(world, planning, send) -> None:
    while await plan_due_notice(room=planning):
        pass
    for _ in range(4):
        await send()
        await look_at_covers(room=planning)
        await cut_follow_ups(room=planning)


async def test_late_import_is_told_too(world, lives, load, types, *, first_page, planning, send, fake_sms):
    """An owner who is imported when another was planned on the number already is sent their own SMS."""
    await lives(FIRST, "zh")
    await lives(SECOND)
    await lives(THIRD)
    await types(FIRST)
    await types(SECOND)
    await first_page()
    await load(THIRD)
    await settle(world, planning, send)
    assert await found(world) == {
        FIRST: ("accepted", None),
        SECOND: ("covered", THIRD),
        THIRD: ("accepted", None),
    }
    assert sorted(sms.body.isascii() for sms in fake_sms.sent) == [False, True]


LEFT = {
    "not cut any more": "DELETE FROM supply_point WHERE customer_code = $1",
    "has no phone": "UPDATE phone SET removed_at = now() WHERE customer_code = $1",
}


@pytest.mark.parametrize("left", LEFT)
async def test_owner_does_not_come(world, lives, load, types, *, first_page, planning, send, left):
    """Planning counted on an owner on a later page who then is not told on the phone: who relied on them is."""
    await lives(FIRST)
    await lives(THIRD)
    await types(FIRST)
    await load(THIRD)
    await first_page()
    assert await found(world) == {FIRST: ("covered", THIRD)}
    async with world.owner_db.transaction() as tx:
        await tx.execute(LEFT[left], THIRD)
    await settle(world, planning, send)
    assert (await found(world))[FIRST] == ("accepted", None)


async def test_ahead_in_any_audience(world, lives, load, types, *, first_page, planning, send):
    """Large scopes are paged in the database: the owner on a later page is found there too."""
    await lives(FIRST)
    await lives(SECOND, feeder="FD2")
    await lives(THIRD)
    await types(FIRST)
    await load(SECOND)
    await load(THIRD)
    await world.notice(await world.outage())
    while await plan_due_notice(room=replace(planning, page_size=1, listed_max=1)):
        pass
    assert await found(world) == {FIRST: ("covered", THIRD)}
