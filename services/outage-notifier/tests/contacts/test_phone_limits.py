"""What customers may not learn of others who change their phones, and how many changes and numbers there may be."""

from dataclasses import replace

from gridcare.postgres.token_buckets import Buckets
from gridcare.testing.http import client_for
from outage_notifier.app import build_app
from outage_notifier.contacts.store import phone as phone_store

MINE = "PB11010012345"
FIRST, SECOND, THIRD = "0912345601", "0912345602", "0912345603"


async def ids(phones) -> dict[str, int]:
    """Return the phones' ids by the last two digits, the primary one first."""
    return {each["masked"][-2:]: each["phone_id"] for each in (await phones("GET")).json()["items"]}


async def test_who_changed_what(phones, load, owner_db):
    """Customers learn no subject: it was they, another holder, or the distributor. Staff see who it was."""
    await load(f"{MINE},{FIRST},vi,true,,,")
    await phones("POST", json={"number": SECOND}, sub="other-holder")
    await phones("POST", json={"number": THIRD}, roles=("ops",), codes=(), sub="clerk")
    await phones("DELETE", f"/{(await ids(phones))['03']}")
    async with owner_db.transaction() as tx:
        await tx.execute(
            "INSERT INTO phone_change (customer_code, phone_id, action, masked, made_by, made_at)"
            " VALUES ($1, 1, 'removed', '*01', 'before', now())",
            MINE,
        )
    answer = await phones("GET", "/changes")
    assert [c["made_by"] for c in answer.json()["items"]] == ["unknown", "you", "staff", "holder", "staff"]
    for subject in ("ops", "clerk", "other-holder", "before"):
        assert f'"{subject}"' not in answer.text
    shown = (await phones("GET", "/changes", roles=("ops",), codes=(), sub="clerk")).json()["items"]
    assert [(c["made_by"], c["subject"]) for c in shown] == [
        *[("unknown", "before"), ("holder", "anna"), ("you", "clerk"), ("holder", "other-holder"), ("staff", "ops")]
    ]


async def test_changes_have_a_rate(rooms, api, db):
    """One caller changes phones so many times an hour, by all routes together; reading goes on."""
    path, caller = f"/v1/customers/{MINE}/phones", {"sub": "anna", "roles": ("customer",), "codes": (MINE,)}
    number = {"number": FIRST}
    routes = [("POST", ""), ("PUT", "/1"), ("PUT", "/1/primary"), ("DELETE", "/1")]
    async with client_for(build_app(replace(rooms, buckets=Buckets(db, {"phones": len(routes)})))) as client:
        limited = replace(api, client=client)
        for refused in (False, True):
            for method, where in routes:
                answer = await limited.call(method, path + where, json=number, **caller)
                assert (answer.status_code == 429) == refused, (method, where, answer.text)
        assert (await limited.call("GET", path, **caller)).status_code == 200


async def test_new_numbers_have_an_end(phones, rooms, load, clock):
    """A customer types so many numbers in a year, in whatever way; known ones, staff and imports are not refused."""
    most = rooms.contacts.new_phones_per_year_max
    await phones("POST", json={"number": FIRST})
    for at in range(most - 1):
        path = f"/{next(iter((await ids(phones)).values()))}"
        answer = await phones("PUT", path, json={"number": f"09123457{at:02}"})
        assert answer.status_code == 200, answer.text
    path = f"/{next(iter((await ids(phones)).values()))}"
    for method, where in (("PUT", path), ("POST", "")):
        answer = await phones(method, where, json={"number": SECOND})
        assert (answer.status_code, answer.json()["code"]) == (409, "too-many-new-phones")
    assert (await phones("PUT", path, json={"number": FIRST})).status_code == 200
    assert (await phones("POST", roles=("ops",), codes=(), json={"number": SECOND})).status_code == 200
    await load(f"{MINE},{THIRD},vi,true,,,")
    assert list(await ids(phones)) == ["01", "03", "02"]
    clock.move(days=366)
    assert (await phones("POST", json={"number": "0912345699"})).status_code == 200


async def test_removed_ones_are_not_read(phones, owner_db):
    """However many phones a customer had, a request reads those that there are, and the one that it names."""
    await phones("POST", json={"number": FIRST})
    async with owner_db.transaction() as tx:
        await tx.execute(
            "INSERT INTO phone (customer_code, number_sealed, number_index, masked, consent, created_at, removed_at)"
            " SELECT $1, '', n::text::bytea, '*', true, now() - interval '2 years', now() FROM generate_series(1, 500) AS n",
            MINE,
        )
        books = await phone_store.books(tx, [MINE], maker="customer", numbers=[b"7"], phone_id=None)
        assert len(books[MINE]._phones) == 2
        assert len(await phone_store.of_customer(tx, MINE)) == 1
