"""kill -9 in the middle of traffic: everything answered is in the journal, and all state is restored."""

import asyncio
import contextlib
import os
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
import requests
from pyreqwest.client import ClientBuilder
from pyreqwest.exceptions import PyreqwestError

from gridcare_local.emulators.control import EmulatorError, free_port, start_emulator
from gridcare_local.emulators.twilio import ACCOUNT_SID, AUTH_TOKEN

pytestmark = pytest.mark.server

MESSAGES_URL = f"/2010-04-01/Accounts/{ACCOUNT_SID}/Messages.json"


async def flood(emulator, build, seconds_before_kill):
    """Send from many tasks until the emulator is killed; return the names of requests that were answered with 2xx."""
    answered: list[str] = []
    stopped = asyncio.Event()
    builder = ClientBuilder().timeout(timedelta(seconds=5))
    if emulator.kind == "fcm":
        builder = builder.add_root_certificate_pem(emulator.ca_file.read_bytes())
    async with builder.build() as client:

        async def send(worker):
            at = 0
            with contextlib.suppress(PyreqwestError):
                while not stopped.is_set():
                    at += 1
                    name = f"m-{worker}-{at}"
                    if (await build(client, name).build().send()).status < 300:
                        answered.append(name)

        tasks = [asyncio.create_task(send(worker)) for worker in range(40)]
        await asyncio.sleep(seconds_before_kill)
        emulator.kill()
        stopped.set()
        await asyncio.gather(*tasks)
    return answered


async def test_answered_sms_are_journaled(tmp_path):
    """After three kills, each answered message is journaled once, and the numbers have no gaps."""
    emulator = start_emulator("twilio", tmp_path)
    try:
        answered: list[str] = []
        for round_ in range(3):

            def build(client, name, round_=round_):
                form = {"To": "+84901234567", "From": "GRIDCARE", "Body": f"{round_} {name}"}
                return client.post(emulator.url + MESSAGES_URL).basic_auth(ACCOUNT_SID, AUTH_TOKEN).form(form)

            answered += [f"{round_} {name}" for name in await flood(emulator, build, 0.3)]
            emulator.start_again()
        lines = emulator.journal(None)
    finally:
        emulator.stop()
    bodies = [line["body"] for line in lines if line["kind"] == "accepted"]
    assert len(answered) > 30
    assert set(answered) <= set(bodies)
    assert len(bodies) == len(set(bodies))
    assert [line["n"] for line in lines] == list(range(1, len(lines) + 1))


async def test_answered_pushes_are_journaled(tmp_path, connect_fcm):
    """After three kills, each answered push is journaled once."""
    emulator = start_emulator("fcm", tmp_path)
    try:
        url = f"{emulator.url}/v1/projects/gridcare-local/messages:send"
        session = connect_fcm(emulator)
        assert session.post(url, json={"message": {"token": "first"}}).status_code == 200
        answered: list[str] = []
        for round_ in range(3):

            def build(client, name, round_=round_):
                body = {"message": {"token": "device", "data": {"delivery_id": f"{round_} {name}"}}}
                return client.post(url).bearer_auth(session.credentials.token).body_json(body)

            answered += [f"{round_} {name}" for name in await flood(emulator, build, 0.3)]
            emulator.start_again()
        ids = [line["body"]["message"].get("data", {}).get("delivery_id") for line in emulator.journal()]
    finally:
        emulator.stop()
    assert len(answered) > 30
    assert set(answered) <= set(ids)
    assert len(ids) == len(set(ids))


def test_statuses_survive_kills(tmp_path, connect_twilio, receiver, eventually):
    """A message that was not delivered before the kill is delivered, with its callbacks, after the restart."""
    emulator = start_emulator("twilio", tmp_path, environment={"EMULATOR_TWILIO_PACE_S": "1"})
    try:
        client = connect_twilio(emulator)
        message = client.messages.create(
            to="+84901234567", from_="GRIDCARE", body="x", status_callback=receiver.url, validity_period=600
        )
        emulator.kill()
        assert receiver.posts == []
        emulator.start_again()
        eventually(lambda: receiver.statuses() == ["sent", "delivered"])
        assert client.messages(message.sid).fetch().status == "delivered"
        assert [listed.sid for listed in client.messages.list(to="+84901234567")] == [message.sid]
    finally:
        emulator.stop()


def test_callbacks_survive_kills(tmp_path, connect_twilio, receiver, eventually):
    """The callbacks of statuses reached before the kill that were not posted yet are posted after the restart."""
    emulator = start_emulator("twilio", tmp_path, environment={"EMULATOR_TWILIO_PACE_S": "0.01"})
    try:
        emulator.script([{"match": {}, "action": {"callback_delay_s": 60}}])
        client = connect_twilio(emulator)
        sid = client.messages.create(to="+84901234567", from_="GRIDCARE", body="x", status_callback=receiver.url).sid
        eventually(lambda: client.messages(sid).fetch().status == "delivered")
        emulator.kill()
        assert receiver.posts == []
        emulator.start_again()
        eventually(lambda: sorted(receiver.statuses()) == ["delivered", "sent"])
    finally:
        emulator.stop()


def test_scripts_survive_kills(tmp_path, connect_twilio):
    """A rule's counters are restored, so every third request fails, even across a restart."""
    emulator = start_emulator("twilio", tmp_path)
    try:
        emulator.script([{"match": {"every": 3}, "action": {"http_status": 503}}])
        url, auth = emulator.url + MESSAGES_URL, (ACCOUNT_SID, AUTH_TOKEN)
        form = {"To": "+84901234567", "From": "GRIDCARE", "Body": "x"}
        before = [requests.post(url, data=form, auth=auth, timeout=5).status_code for _ in range(4)]
        emulator.kill()
        emulator.start_again()
        after = [requests.post(url, data=form, auth=auth, timeout=5).status_code for _ in range(3)]
        assert (before, after) == ([201, 201, 503, 201], [201, 503, 201])
        assert (emulator.script_state()[0]["seen"], emulator.script_state()[0]["fired"]) == (7, 2)
    finally:
        emulator.stop()


def test_paused_emulators_resume(oidc_emulator):
    """A paused emulator does not answer; a resumed one does."""
    url = f"{oidc_emulator.url}/jwks.json"
    oidc_emulator.pause()
    try:
        with pytest.raises(requests.exceptions.ReadTimeout):
            requests.get(url, timeout=0.2)
    finally:
        oidc_emulator.resume()
    assert requests.get(url, timeout=5).status_code == 200


def test_taken_ports_are_named(tmp_path, running_oidc):
    """Starting on a port that is in use raises an error with the port."""
    with pytest.raises(EmulatorError, match=str(running_oidc.port)):
        start_emulator("oidc", tmp_path, port=running_oidc.port)


def test_state_directories_are_exclusive(running_oidc):
    """A second emulator does not start on the same state directory, where it would damage the journal."""
    with pytest.raises(EmulatorError, match="another emulator runs"):
        start_emulator("oidc", running_oidc.state_dir)


def test_settings_are_needed():
    """Without its required settings, an emulator does not start and names them."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("EMULATOR_")}
    command = [sys.executable, "-m", "gridcare_local.emulators.oidc"]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=20)
    assert ended.returncode != 0
    assert "EMULATOR_PORT and EMULATOR_STATE_DIR" in ended.stderr


def test_emulators_exit_with_their_parent(tmp_path):
    """An emulator exits by itself after its parent was killed."""
    port = free_port()
    program = (
        "import sys, time; from pathlib import Path; from gridcare_local.emulators.control import start_emulator; "
        f"print(start_emulator('oidc', Path({str(tmp_path)!r}), port={port}).process.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()
    deadline = time.monotonic() + 10
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
