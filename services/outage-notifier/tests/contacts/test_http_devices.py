"""Devices of the app: registering, moving between accounts, logging out."""

from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from gridcare.postgres.token_buckets import Buckets
from gridcare.testing.http import client_for
from outage_notifier.app import build_app
from outage_notifier.contacts.flow.devices import DEVICES_PER_ACCOUNT_MAX
from outage_notifier.contacts.vault import DEVICE

MINE, ALSO_MINE, THEIRS = "PB11010012345", "PB11010012346", "PB11010054321"
DEVICE_BODY = {"kind": "fid", "registration": "cXb9_Yd7SfSDWbGZ0a1b2c", "platform": "android"}


async def _register(api, *, sub="anna", codes=(MINE,), **changes):
    return await api.call(
        "POST", "/v1/devices", sub=sub, roles=("customer",), codes=codes, json={**DEVICE_BODY, **changes}
    )


async def _log_out(api, device_id, *, sub="anna"):
    return await api.call("DELETE", f"/v1/devices/{device_id}", sub=sub, roles=("customer",), codes=(MINE,))


async def _links(db) -> list[str]:
    async with db.read() as connection:
        return [row[0] for row in await connection.fetch("SELECT customer_code FROM device_customer ORDER BY 1")]


async def test_registered_once(api, db, vault):
    """The same registration keeps its id, and is kept sealed."""
    first, second = await _register(api), await _register(api)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    async with db.read() as connection:
        [row] = await connection.fetch("SELECT account, kind, platform, registration_sealed FROM device")
    assert tuple(row)[:3] == ("anna", "fid", "android")
    assert DEVICE_BODY["registration"].encode() not in row[3]
    assert vault.open(row[3], DEVICE, row=first.json()["device_id"]).decode() == DEVICE_BODY["registration"]


async def test_links_are_the_tokens(api, db):
    """A device gets the messages of the customers whom the newest token names, and of nobody else."""
    await _register(api, codes=(MINE, ALSO_MINE))
    assert await _links(db) == [MINE, ALSO_MINE]
    await _register(api, codes=(ALSO_MINE,))
    assert await _links(db) == [ALSO_MINE]
    await _register(api, codes=())
    assert await _links(db) == []


async def test_moves_to_another_account(api, db):
    """A device belongs to one account: registering moves it, and the former account can no longer log it out."""
    first = await _register(api, sub="anna", codes=(MINE,))
    second = await _register(api, sub="binh", codes=(THEIRS,))
    assert (second.status_code, second.json()) == (200, first.json())
    assert await _links(db) == [THEIRS]
    assert (await _log_out(api, first.json()["device_id"], sub="anna")).status_code == 404
    assert (await _log_out(api, first.json()["device_id"], sub="binh")).status_code == 204


async def test_moves_from_an_import(api, db):
    """A device that was imported for a customer moves to the account that registers it."""
    line = '{"customer_code": "%s", "kind": "token", "registration": "%s", "platform": "ios"}'
    body = line % (THEIRS, DEVICE_BODY["registration"])
    imported = await api.call(
        "POST",
        "/v1/imports/devices",
        roles=("ops",),
        content=body.encode(),
        headers={"content-type": "application/jsonl"},
    )
    assert imported.json()["kept"] == 1
    assert (await _register(api)).status_code == 200
    assert await _links(db) == [MINE]


async def test_logged_out(api, db):
    """A device that logged out is gone with its links; a second logout, and another account's, are not found."""
    device_id = (await _register(api)).json()["device_id"]
    answers = [await _log_out(api, device_id, sub="binh"), await _log_out(api, device_id)]
    assert [answer.status_code for answer in answers] == [404, 204]
    assert answers[0].json()["code"] == "device-not-found"
    assert await _links(db) == []
    assert (await _log_out(api, device_id)).status_code == 404
    assert (await _log_out(api, uuid4())).status_code == 404


async def test_longest_unseen_makes_room(api, db, clock):
    """An account keeps twenty devices: the one seen longest ago makes room, not one that was seen again."""
    for number in range(DEVICES_PER_ACCOUNT_MAX):
        clock.move(minutes=1)
        assert (await _register(api, registration=f"registration-{number}")).status_code == 201
    clock.move(minutes=1)
    assert (await _register(api, registration="registration-0")).status_code == 200
    clock.move(minutes=1)
    await _register(api, registration="registration-new")
    async with db.read() as connection:
        assert await connection.fetchval("SELECT count(*) FROM device") == DEVICES_PER_ACCOUNT_MAX
    assert (await _register(api, registration="registration-0")).status_code == 200
    assert (await _register(api, registration="registration-1")).status_code == 201


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "apns"},
        {"platform": "symbian"},
        {"registration": "short"},
        {"registration": "with a blank"},
        {"registration": "x" * 4097},
        {"registration": "x" * 20 + "\n"},
        {"owner": "anna"},
        {"registration": 12345678901},
    ],
)
async def test_other_bodies_are_refused(api, db, changes):
    """A body that is no device is refused, and nothing is written."""
    answer = await _register(api, **changes)
    assert answer.status_code == 422
    async with db.read() as connection:
        assert await connection.fetchval("SELECT count(*) FROM device") == 0


async def test_customers_only(api):
    """Staff cannot register devices, nor can anybody without a token."""
    answer = await api.call("POST", "/v1/devices", roles=("planner",), json=DEVICE_BODY)
    assert (answer.status_code, answer.json()["code"]) == (403, "role-missing")
    assert (await api.client.post("/v1/devices", json=DEVICE_BODY)).status_code == 401


async def test_registrations_have_a_rate(rooms, api, db):
    """One account registers so many devices an hour; then it is told when to come again, and others are not affected."""
    app = build_app(replace(rooms, buckets=Buckets(db, {"devices": 2, "marks": 1})))
    async with client_for(app) as client:
        limited = replace(api, client=client)
        answers = [await _register(limited) for _ in range(3)]
        assert [each.status_code for each in answers] == [201, 200, 429]
        assert answers[2].json()["code"] == "too-many-requests"
        assert int(answers[2].headers["retry-after"]) >= 1
        assert (await _register(limited, sub="binh")).status_code == 200
        path = f"/v1/deliveries/{UUID(int=7)}-1/received"
        marks = [await limited.call("POST", path, roles=("customer",), codes=(MINE,)) for _ in range(2)]
    assert [each.status_code for each in marks] == [404, 429]
