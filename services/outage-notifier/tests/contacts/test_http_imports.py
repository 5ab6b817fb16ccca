"""Bulk imports: good lines are kept, bad ones reported, and the same file twice changes nothing."""

from datetime import timedelta

import psutil
import pytest

from gridcare.events.supply_points import SupplyPointChanged
from outage_notifier.contacts.core.import_line import (
    CONTACT_COLUMNS,
    SUPPLY_POINT_COLUMNS,
    read_contact,
    read_supply_point,
)
from outage_notifier.contacts.flow.good_lines import BAD_LINES_REPORTED_MAX, GoodLines, ImportFile
from outage_notifier.contacts.flow.imports import import_contacts
from outage_notifier.contacts.http_import_tables import read_lines, table_rows
from outage_notifier.contacts.vault import NAME, PHONE

MINE, ALSO_MINE = "PB11010012345", "PB11010012346"
CONTACTS = "customer_code,phone,language,consent,name,segment"
POINTS = "supply_point_id,customer_code,transformer_id,feeder_id,substation_id,ward_code,version"
CSV = {"content-type": "text/csv"}
FLAT_BYTES = 32 * 1024**2
"""A hundred thousand lines held in memory would take some 100 MB."""


@pytest.fixture
def load(api):
    """Return a function that imports lines under a header and returns the answer's body."""

    async def post(kind: str, header: str, *lines: str) -> dict:
        content = "\n".join([header, *lines]).encode()
        answer = await api.call("POST", f"/v1/imports/{kind}", roles=("ops",), headers=CSV, content=content)
        assert answer.status_code == 200, answer.text
        return answer.json()

    return post


async def _table(db, query: str) -> list[tuple]:
    async with db.read() as connection:
        return [tuple(row) for row in await connection.fetch(query)]


async def test_contacts_are_imported(load, db, vault):
    """Customers and phones are written, with numbers and names sealed; a number can be looked up."""
    kept = await load(
        "contacts",
        CONTACTS,
        f"{MINE},0912345678,km,true,Nguyễn Văn Bé,elderly",
        f"{MINE},0387654321,km,false,,",
        f"{ALSO_MINE},,vi,true,,",
    )
    assert kept == {"kept": 3, "refused": 0, "bad_lines": []}
    [first, second] = await _table(db, "SELECT language, segment, name_sealed FROM customer ORDER BY customer_code")
    assert (first[:2], second) == (("km", "elderly"), ("vi", "ordinary", None))
    assert vault.open(first[2], NAME, row=MINE).decode() == "Nguyễn Văn Bé"
    phones = await _table(
        db, "SELECT customer_code, number_sealed, number_index, masked, consent FROM phone ORDER BY phone_id"
    )
    opened = {vault.open(p[1], PHONE, row=p[0]).decode(): (p[0], p[3], p[4]) for p in phones}
    assert opened == {
        "+84912345678": (MINE, "+84*****78", True),
        "+84387654321": (MINE, "+84*****21", False),
    }
    assert vault.index("+84912345678", PHONE) in {p[2] for p in phones}


async def test_sessions_of_older_releases(load, db):
    """A pooled session that has an older release's staging table takes an import all the same."""
    async with db.read() as connection:
        await connection.execute("CREATE TEMPORARY TABLE staged_contact (place int) ON COMMIT DELETE ROWS")
    assert (await load("contacts", CONTACTS, f"{MINE},0912345678,km,true,,"))["kept"] == 1


async def test_bad_lines(load, db):
    """Each bad line is reported by its number in the file, without its values; the good ones are kept."""
    answer = await load(
        "contacts",
        CONTACTS,
        f"{MINE},0912345678,km,true,,",
        f"{MINE},02923812345,km,true,,",
        "",
        f"{MINE},0912345678",
        "PB9,0912345678,km,true,,",
        f"{ALSO_MINE},0387654321,vi,true,,",
    )
    assert (answer["kept"], answer["refused"]) == (2, 3)
    assert answer["bad_lines"] == [
        {"line": 3, "reason": "phone-not-mobile", "column": "phone"},
        {"line": 5, "reason": "wrong-number-of-values", "column": ""},
        {"line": 6, "reason": "invalid-customer-code", "column": "customer_code"},
    ]
    assert await _table(db, "SELECT count(*) FROM phone") == [(2,)]


async def test_report_is_bounded(load):
    """Of a file of bad lines the first thousand are reported, and all are counted."""
    answer = await load("contacts", CONTACTS, *["no"] * (BAD_LINES_REPORTED_MAX + 5))
    assert (answer["kept"], answer["refused"]) == (0, BAD_LINES_REPORTED_MAX + 5)
    assert [line["line"] for line in answer["bad_lines"]] == list(range(2, BAD_LINES_REPORTED_MAX + 2))


async def test_twice_the_same(load, db):
    """A file that is imported twice changes nothing: the same rows under the same ids."""
    lines = [f"PB1101{n:07},03{20_000_000 + n},vi,true,Tên {n},business" for n in range(2_500)]
    everything = "SELECT c.customer_code, language, segment, phone_id, number_index, masked, consent, created_at"
    everything += " FROM customer c JOIN phone USING (customer_code) ORDER BY phone_id"
    first = await load("contacts", CONTACTS, *lines)
    before = await _table(db, everything)
    second = await load("contacts", CONTACTS, *lines)
    assert first == second
    assert len(before) == first["kept"] == 2_500
    assert await _table(db, everything) == before


async def test_later_line_counts(load, db):
    """Of two lines about the same phone the later one counts, within a file and across files."""
    await load("contacts", CONTACTS, f"{MINE},0912345678,km,true,,", f"{MINE},0912 345 678,en,false,,")
    assert await _table(db, "SELECT consent FROM phone") == [(False,)]
    assert await _table(db, "SELECT language FROM customer") == [("en",)]
    await load("contacts", CONTACTS, f"{MINE},0912345678,vi,true,,")
    assert await _table(db, "SELECT consent FROM phone") == [(True,)]


async def test_silence_takes_nothing_away(load, db, vault):
    """A line without a name and a segment, or a file without those columns, leaves what is known."""
    await load(
        "contacts",
        CONTACTS,
        f"{MINE},0912345678,vi,true,Nguyễn Văn Bé,life_support",
        f"{MINE},0387654321,vi,true,,",
    )
    await load("contacts", "customer_code,phone,language,consent", f"{MINE},0912345678,vi,true")
    [(segment, name)] = await _table(db, "SELECT segment, name_sealed FROM customer")
    assert (segment, vault.open(name, NAME, row=MINE).decode()) == ("life_support", "Nguyễn Văn Bé")


async def test_refusals_outlive_imports(load, db):
    """Who opted out with the provider stays out; a number that was bad gets another chance."""
    await load("contacts", CONTACTS, f"{MINE},0912345678,vi,true,,")
    async with db.transaction() as tx:
        await tx.execute("UPDATE phone SET opted_out_at = now(), bad_reason = '30005', bad_at = now()")
    await load("contacts", CONTACTS, f"{MINE},0912345678,vi,true,,")
    [(opted_out_at, bad_reason, bad_at)] = await _table(db, "SELECT opted_out_at, bad_reason, bad_at FROM phone")
    assert opted_out_at is not None
    assert (bad_reason, bad_at) == (None, None)


async def test_supply_points(load, outbox, db):
    """Supply points are published without their personal columns; the consumer, not the import, projects them."""
    answer = await load(
        "supply-points",
        f"{POINTS},address,lat,lon",
        f"SP1,{MINE},TR1,FD1,SS1,31117,1,12 Nguyễn Trãi,10.03,105.78",
        f"SP1,{MINE},TR1,FD2,SS1,31117,2,,,",
        f"SP 2,{MINE},TR1,FD1,SS1,31117,1,,,",
    )
    assert (answer["kept"], answer["bad_lines"]) == (
        2,
        [{"line": 4, "reason": "invalid-code", "column": "supply_point_id"}],
    )
    events = [envelope.data for envelope in await outbox()]
    assert [(type(e), e.version, e.feeder_id) for e in events] == [
        (SupplyPointChanged, 1, "FD1"),
        (SupplyPointChanged, 2, "FD2"),
    ]
    assert await _table(db, "SELECT count(*) FROM supply_point") == [(0,)]
    [(whole,)] = await _table(db, "SELECT string_agg(convert_from(value, 'UTF8'), '') FROM outbox")
    assert "Nguyễn" not in whole
    assert "105.78" not in whole


async def test_devices_are_imported(api, db, clock):
    """Devices are written once for their customers; one that an account registered is left alone."""
    registration = "cXb9_Yd7SfSDWbGZ0a1b2c"
    line = '{"customer_code":"%s","kind":"fid","registration":"%s","platform":"android"}'
    content = "\n".join([line % (MINE, registration), line % (ALSO_MINE, registration + "x"), "{}"]).encode()

    async def import_them() -> dict:
        answer = await api.call(
            "POST",
            "/v1/imports/devices",
            roles=("ops",),
            headers={"content-type": "application/x-ndjson"},
            content=content,
        )
        return answer.json()

    assert await import_them() == await import_them()
    links = "SELECT customer_code, account FROM device JOIN device_customer USING (device_id) ORDER BY 1"
    assert await _table(db, links) == [(MINE, MINE), (ALSO_MINE, ALSO_MINE)]
    body = {"kind": "fid", "registration": registration, "platform": "android"}
    await api.call("POST", "/v1/devices", sub="anna", roles=("customer",), codes=(ALSO_MINE,), json=body)
    clock.time += timedelta(days=1)
    answer = await import_them()
    assert (answer["kept"], answer["bad_lines"]) == (
        2,
        [{"line": 3, "reason": "missing-value", "column": "customer_code"}],
    )
    assert sorted(await _table(db, links)) == [(ALSO_MINE, ALSO_MINE), (ALSO_MINE, "anna")]


async def test_ops_only(api):
    """Nobody but ops imports, and only tables."""
    for kind in ("contacts", "supply-points", "devices"):
        refused = await api.call("POST", f"/v1/imports/{kind}", roles=("planner", "customer"), headers=CSV)
        assert (refused.status_code, refused.json()["code"]) == (403, "role-missing")
        strange = await api.call("POST", f"/v1/imports/{kind}", roles=("ops",), json={})
        assert (strange.status_code, strange.json()["code"]) == (422, "unsupported-table")
        empty = await api.call("POST", f"/v1/imports/{kind}", roles=("ops",), headers=CSV)
        assert (empty.status_code, empty.json()["code"]) == (422, "invalid-header")


async def test_flat_memory():
    """A hundred thousand lines are read in no more memory than some thousands need."""

    async def body():
        yield f"{POINTS}\n".encode()
        for start in range(0, 100_000, 500):
            lines = (f"SP{n},{MINE},TR1,FD1,SS1,31117,1" for n in range(start, start + 500))
            yield ("\n".join(lines) + "\n").encode()

    process = psutil.Process()
    sizes, used_bytes = [], []
    good = GoodLines(read_lines(table_rows(body(), "csv", SUPPLY_POINT_COLUMNS), read_supply_point))
    async for chunk in good.chunks():
        sizes.append(len(chunk))
        used_bytes.append(process.memory_info().rss)
    assert (good.report().kept, max(sizes)) == (100_000, 1_000)
    assert max(used_bytes) - used_bytes[0] < FLAT_BYTES


async def test_many_contacts(rooms, db):
    """Twenty thousand contacts, two phones a customer, are all kept, a transaction for each chunk."""

    async def body():
        yield f"{CONTACTS}\n".encode()
        for start in range(0, 20_000, 1_000):
            lines = (f"PB1101{n // 2:07},03{20_000_000 + n},vi,true,," for n in range(start, start + 1_000))
            yield ("\n".join(lines) + "\n").encode()

    lines = read_lines(table_rows(body(), "csv", CONTACT_COLUMNS), read_contact)
    report = await import_contacts(ImportFile(lines, made_by="ops"), room=rooms.contacts)
    assert (report.kept, report.refused) == (20_000, 0)
    counts = "SELECT (SELECT count(*) FROM customer), (SELECT count(*) FROM phone)"
    assert await _table(db, counts) == [(10_000, 20_000)]
