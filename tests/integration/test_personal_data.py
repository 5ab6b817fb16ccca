"""No phone, name, address or registration is anywhere but in the notifier's database and with the providers.

This runs last: every other test of the folder has left its logs, records, spans and metrics by then, crashes included.
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
    """Match any canary: its phone in whatever notation, or the word that its names, addresses and registrations hold."""
    canaries = json.loads((whole.stack.root / "data" / "canaries.json").read_text())
    phones = [phone[-NATIONAL_DIGITS:] for phone in canaries["phones"]]
    return re.compile("|".join([CANARY_MARKER, *phones]).encode(), re.IGNORECASE)


@pytest.fixture(scope="module")
def _provoked(whole) -> None:
    """Walk the canaries into every place where a careless line of code would write them down."""
    person = next(each for each in whole.people() if each.code in whole.world.canary_codes and each.devices)
    phone, name = person.contacts[0].phone, person.contacts[0].name
    ticket = open_ticket(whole, person, description=f"{name}, call {phone}")
    wait_message(whole, person, "ticket-opened", holds=ticket["reference"])
    outage_id = whole.draft(mark="CANARIES")
    whole.ask(outage_id, "publish")
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
def test_the_providers_were_told_of_the_canaries(whole, needles):
    """The search can find: the canaries are in what the providers took, and in the data that was imported."""
    for provider in ("twilio", "fcm"):
        journal = whole.stack.catalog.emulator_dir(provider) / "journal.jsonl"
        assert needles.search(journal.read_bytes())
    assert needles.search((whole.stack.root / "data" / "contacts.csv").read_bytes())


@pytest.mark.usefixtures("_provoked")
def test_no_canary_is_in_a_log_or_a_span(whole, needles):
    """Logs of all processes and servers, and the files of spans, hold none."""
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
def test_no_canary_is_on_a_topic(whole, needles):
    """Keys, values and headers of every topic, dead letters included, hold none."""
    kafka = whole.stack.settings.addresses["kafka"]
    held = everything(kafka)
    assert held["supply-points.v1"]
    assert held["tickets.v1"]
    assert [topic for topic, content in held.items() if needles.search(content)] == []


@pytest.mark.usefixtures("_provoked")
def test_no_canary_is_in_a_metric(whole, needles):
    """The metrics of every process hold none."""
    for name in SERVICE_PARTS:
        port = whole.stack.settings.ports[f"{name}.health"]
        page = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=10, trust_env=False)
        assert page.status_code == 200
        assert page.content
        assert not needles.search(page.content), name


def _hit(file: Path, needles: re.Pattern[bytes]) -> str:
    line = next(line for line in file.read_bytes().splitlines() if needles.search(line))
    return f"{file.name}: {line[:300].decode(errors='replace')}"
