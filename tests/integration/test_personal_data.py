"""Phones, names, addresses and registrations are only in the notifier's database and with the providers.

This file runs last, when every other test of the folder, crashes included, has left its logs, records, spans and
metrics.
"""

import json
import re
from pathlib import Path

import httpx
import pytest
from tests.integration.support.customers import open_ticket, wait_message
from tests.integration.support.records import everything

from gridcare_local.demo.cut import NOTIFIER
from gridcare_local.errors import LocalStackError
from gridcare_local.stack.catalog import SERVICE_PARTS, SERVICES
from gridcare_local.town.people.customers import CANARY_MARKER

NATIONAL_DIGITS = 9


@pytest.fixture(scope="module")
def needles(whole) -> re.Pattern[bytes]:
    """Match any canary: its phone in any notation, or the word in its names, addresses and registrations."""
    canaries = json.loads((whole.stack.root / "data" / "canaries.json").read_text())
    return needles_of(canaries["phones"])


def needles_of(phones) -> re.Pattern[bytes]:
    """Return what matches the word and these phones, but not their digits in the middle of a number such as a time in ns."""
    numbers = "|".join(phone[-NATIONAL_DIGITS:] for phone in phones)
    return re.compile(rf"{CANARY_MARKER}|(?<![\d.])(?:00?84|84|0)?(?:{numbers})".encode(), re.IGNORECASE)


@pytest.mark.parametrize("written", ["+84320909090", "0320909090", "84 320909090", "320909090", "phone=03209090900"])
def test_phones_are_found(written):
    """A phone is found in each notation, with a digit too many too."""
    assert needles_of(["+84320909090"]).search(written.encode())


def test_times_are_no_phones():
    """The digits of a phone within a time in nanoseconds are none."""
    assert not needles_of(["+84320909090"]).search(b'"end_ns":1795532090909081039')


@pytest.fixture(scope="module")
def _provoked(whole) -> None:
    """Send the canaries through every path where careless code might write them down."""
    person = next(each for each in whole.people() if each.code in whole.world.canary_codes and each.devices)
    phone, name = person.contacts[0].phone, person.contacts[0].name
    ticket = open_ticket(whole, person, description=f"{name}, call {phone}")
    wait_message(whole, person, "ticket-opened", holds=ticket["reference"])
    outage_id = whole.draft(mark="CANARIES")
    whole.change(outage_id, "publish")
    whole.wait_told(outage_id)
    ops = whole.client("ops")
    bad = whole.stack.root / "data" / "bad_contacts.csv"
    bad.write_text(
        "customer_code,phone,language,consent,name\n"
        f"{person.code},{phone}0,vi,true,{name}\nNOBODY,{phone},vi,true,{name}\n{person.code},{phone},{name},true,{name}\n"
    )
    assert ops.upload(NOTIFIER, "/v1/imports/contacts", bad, "text/csv")["refused"] == 3
    for service in SERVICES:
        with pytest.raises(LocalStackError):
            ops.get(service, f"/v1/nothing/{phone}?name={CANARY_MARKER}&phone={phone}")
    with pytest.raises(LocalStackError):
        ops.post(NOTIFIER, "/v1/outages", {"phone": phone, "name": name})
    url = f"{whole.stack.catalog.api_url(NOTIFIER)}/v1/callbacks/twilio?attempt={CANARY_MARKER}"
    httpx.post(url, data={"To": phone, "Body": str(name)}, headers={"X-Twilio-Signature": "forged"}, timeout=10)


@pytest.mark.usefixtures("_provoked")
def test_the_search_can_succeed(whole, needles):
    """The canaries are found in the providers' journals and in the imported data."""
    for provider in ("twilio", "fcm"):
        journal = whole.stack.catalog.emulator_dir(provider) / "journal.jsonl"
        assert needles.search(journal.read_bytes())
    assert needles.search((whole.stack.root / "data" / "contacts.csv").read_bytes())


@pytest.mark.usefixtures("_provoked")
def test_logs_hold_no_canary(whole, needles):
    """The logs of all processes and servers and the files of spans contain no canary."""
    root = whole.stack.root
    files = [
        *root.glob("logs/*"),
        *root.glob("traces/*"),
        root / "postgres" / "postgres.log",
        root / "kafka" / "kafka.log",
    ]
    written = [file for file in files if file.stat().st_size]
    assert {f"{name}.log" for name in SERVICE_PARTS} <= {file.name for file in files}
    assert any(file.parent.name == "traces" for file in written)
    assert [_hit(file, needles) for file in written if needles.search(file.read_bytes())] == []


@pytest.mark.usefixtures("_provoked")
def test_topics_hold_no_canary(whole, needles):
    """Keys, values and headers on every topic, dead letters included, contain no canary."""
    kafka = whole.stack.settings.addresses["kafka"]
    held = everything(kafka)
    assert held["supply-points.v1"]
    assert held["tickets.v1"]
    assert [topic for topic, content in held.items() if needles.search(content)] == []


@pytest.mark.usefixtures("_provoked")
def test_metrics_hold_no_canary(whole, needles):
    """The metrics of every process contain no canary."""
    for name in SERVICE_PARTS:
        port = whole.stack.settings.ports[f"{name}.health"]
        page = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=10, trust_env=False)
        assert page.status_code == 200
        assert page.content
        assert not needles.search(page.content), name


def _hit(file: Path, needles: re.Pattern[bytes]) -> str:
    line = next(line for line in file.read_bytes().splitlines() if needles.search(line))
    return f"{file.name}: {line[:300].decode(errors='replace')}"
