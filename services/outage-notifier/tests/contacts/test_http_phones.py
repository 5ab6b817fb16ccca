"""A customer's phones over HTTP: listed masked, added, replaced, removed, made primary; and what imports make of them."""

import base64

import asyncpg
import pytest

from outage_notifier.contacts.core.phone_book import PHONES_MAX
from outage_notifier.planning.flow.cut_follow_ups import cut_follow_ups

MINE, THEIRS = "PB11010012345", "PB11010054321"
FIRST, SECOND, THIRD = "0912345601", "0912345602", "0912345603"


async def listed(phones) -> list[str]:
    """Return the last two digits of the phones, the primary one first."""
    items = (await phones("GET")).json()["items"]
    assert [each["primary"] for each in items] == [at == 0 for at in range(len(items))]
    return [each["masked"][-2:] for each in items]


async def ids(phones) -> dict[str, int]:
    return {each["masked"][-2:]: each["phone_id"] for each in (await phones("GET")).json()["items"]}


async def test_added_phones_are_masked(phones, db):
    """The number is never shown; adding it again changes nothing; `primary` puts one first."""
    for _ in range(2):
        answer = await phones("POST", json={"number": FIRST})
        assert answer.status_code == 200
        assert FIRST[1:] not in answer.text
        [shown] = answer.json()["items"]
        assert (shown["primary"], shown["state"]) == (True, "usable")
    await phones("POST", json={"number": SECOND})
    assert await listed(phones) == ["01", "02"]
    await phones("POST", json={"number": THIRD, "primary": True})
    assert await listed(phones) == ["03", "01", "02"]


async def test_changes_are_no_phone(phones):
    """The list of changes says that it can only be read, and not what may be done with a phone of that name."""
    answer = await phones("OPTIONS", "/changes")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")


async def test_replacement_takes_the_place(phones):
    """The new number is where the old one was, and the old one is gone; asking again changes nothing."""
    await phones("POST", json={"number": FIRST})
    await phones("POST", json={"number": SECOND})
    path = f"/{(await ids(phones))['01']}"
    for _ in range(2):
        assert (await phones("PUT", path, json={"number": THIRD})).status_code == 200
        assert await listed(phones) == ["03", "02"]
    answer = await phones("PUT", path, json={"number": "0912345609"})
    assert (answer.status_code, answer.json()["code"]) == (404, "phone-not-found")


async def test_removed_and_made_primary(phones):
    """Nothing is left of a removed phone but its history; both may be asked for again."""
    for number in (FIRST, SECOND):
        await phones("POST", json={"number": number})
    known = await ids(phones)
    for _ in range(2):
        await phones("PUT", f"/{known['02']}/primary")
        assert await listed(phones) == ["02", "01"]
    for _ in range(2):
        assert (await phones("DELETE", f"/{known['02']}")).status_code == 200
        assert await listed(phones) == ["01"]
    answer = await phones("PUT", f"/{known['02']}/primary")
    assert (answer.status_code, answer.json()["code"]) == (404, "phone-not-found")


async def test_history_is_kept(phones, owner_db):
    """Who did what to which phone, newest first, page by page; and the rows can be neither changed nor deleted."""
    await phones("POST", json={"number": FIRST})
    first = (await ids(phones))["01"]
    await phones("PUT", f"/{first}", json={"number": SECOND})
    second = (await ids(phones))["02"]
    await phones("DELETE", f"/{second}")
    changes, cursor = [], None
    while cursor is not None or not changes:
        params = {"limit": 2, **({"cursor": cursor} if cursor else {})}
        page = (await phones("GET", "/changes", params=params)).json()
        changes, cursor = changes + page["items"], page["next"]
    story = [(c["action"], c["phone_id"], c["replaced_phone_id"], c["made_by"]) for c in changes]
    assert story == [
        ("removed", second, None, "you"),
        ("replaced", second, first, "you"),
        ("added", first, None, "you"),
    ]
    for statement in ("UPDATE phone_change SET made_by = 'x'", "DELETE FROM phone_change"):
        with pytest.raises(asyncpg.RestrictViolationError):
            async with owner_db.transaction() as tx:
                await tx.execute(statement)


async def test_whose_phones(phones):
    """A customer names their own; ops may name any; another role none."""
    assert (await phones("GET", code=THEIRS)).status_code == 404
    assert (await phones("POST", code=THEIRS, json={"number": FIRST})).json()["code"] == "customer-not-found"
    assert (await phones("POST", code=THEIRS, roles=("ops",), codes=(), json={"number": FIRST})).status_code == 200
    assert (await phones("GET", roles=("planner",), codes=())).status_code == 403
    theirs = (await phones("GET", code=THEIRS, roles=("ops",), codes=())).json()["items"][0]["phone_id"]
    assert (await phones("DELETE", f"/{theirs}")).json()["code"] == "phone-not-found"


async def test_bad_phones_are_refused(phones):
    """What is no mobile number, and one too many."""
    answer = await phones("POST", json={"number": "0292 3821 234"})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-phone")
    for at in range(PHONES_MAX):
        assert (await phones("POST", json={"number": f"09123457{at:02}"})).status_code == 200
    answer = await phones("POST", json={"number": FIRST})
    assert (answer.status_code, answer.json()["code"]) == (409, "too-many-phones")


async def test_newer_import_wins(phones, load, clock):
    """A number that is new to a customer comes before the older ones; of one file, the first line does."""
    await load(f"{MINE},{FIRST},vi,true,,,")
    clock.move(hours=1)
    await load(f"{MINE},{SECOND},vi,true,,,", f"{MINE},{THIRD},vi,true,,,")
    assert await listed(phones) == ["02", "03", "01"]


async def test_huge_cursor_is_refused(phones):
    """A cursor with a number beyond PostgreSQL's is 400, not an error of ours."""
    huge = base64.urlsafe_b64encode(b"9" * 30).decode().rstrip("=")
    answer = await phones("GET", "/changes", params={"cursor": huge})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid-cursor")


async def test_import_changes_phones(phones, load, clock):
    """A line makes a phone primary, lets it replace another or all others, or removes it; the file again changes nothing."""
    await load(*(f"{MINE},{number},vi,true,,," for number in (FIRST, SECOND, THIRD)))
    for line, expected in [
        (f"{MINE},{THIRD},vi,true,true,,", ["03", "01", "02"]),
        (f"{MINE},{FIRST},vi,true,,,true", ["03", "02"]),
        (f"{MINE},0912345604,vi,true,,{SECOND},", ["03", "04"]),
        (f"{MINE},0912345605,vi,true,,all,", ["05"]),
    ]:
        for _ in range(2):
            clock.move(minutes=1)
            assert (await load(line))["refused"] == 0
            assert await listed(phones) == expected
    history = (await phones("GET", "/changes")).json()["items"]
    assert [(c["action"], c["made_by"]) for c in history] == [
        *[("removed", "staff"), ("removed", "staff"), ("added", "staff")],
        *[("replaced", "staff"), ("removed", "staff"), ("made_primary", "staff")],
        *[("added", "staff")] * 3,
    ]


async def test_app_outlives_imports(phones, load, clock):
    """What the customer removed does not come back, and what they chose stays first, whatever a file says."""
    await load(f"{MINE},{FIRST},vi,true,,,", f"{MINE},{SECOND},vi,true,,,")
    known = await ids(phones)
    await phones("DELETE", f"/{known['01']}")
    await phones("PUT", f"/{known['02']}/primary")
    clock.move(hours=1)
    await load(f"{MINE},{FIRST},vi,true,true,,", f"{MINE},{THIRD},vi,true,true,all,", f"{MINE},{SECOND},vi,true,,,true")
    assert await listed(phones) == ["02", "03"]


async def test_contradictions_are_refused(load):
    """A line that says nothing sensible of a phone is reported with its column."""
    report = await load(
        f"{MINE},{FIRST},vi,true,true,,true",
        f"{MINE},,vi,true,,,true",
        f"{MINE},{FIRST},vi,true,,123,",
        f"{MINE},{FIRST},vi,true,maybe,,",
    )
    assert [(bad["line"], bad["column"]) for bad in report["bad_lines"]] == [
        (2, "removed"),
        (3, "phone"),
        (4, "replaces"),
        (5, "primary"),
    ]


async def test_replaced_phone_gets_the_sms(world, phones, plan, *, send, fake_sms, planning, vault):
    """Replaced after planning: the SMS goes to the new number, and nothing to the old one's next owner."""
    await world.customer(MINE, phones=["+84912345601"])
    notice_id = await world.notice(await world.outage())
    await plan()
    await phones("PUT", f"/{(await ids(phones))['01']}", json={"number": SECOND})
    await send()
    await cut_follow_ups(room=planning)
    await send()
    assert [sms.to for sms in fake_sms.sent] == ["+84912345602"]
    assert await world.books(notice_id) == {"accepted": 1}
