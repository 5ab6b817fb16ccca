"""What a person reads of the accepted messages."""

import re

import pytest
import requests

from gridcare_local.emulators.control import free_port, start_emulator

pytestmark = pytest.mark.server

SEND = "/v1/projects/gridcare-local/messages:send"


@pytest.fixture(scope="module")
def control_url():
    return f"http://127.0.0.1:{free_port()}"


@pytest.fixture(scope="module")
def fcm(control_url, tmp_path_factory):
    port = control_url.rpartition(":")[2]
    emulator = start_emulator("fcm", tmp_path_factory.mktemp("fcm"), environment={"EMULATOR_CONTROL_PORT": port})
    yield emulator
    emulator.stop()


@pytest.fixture
def told(fcm, connect_fcm):
    """Send two pushes, one after the other, to a registration as long as real ones."""
    session = connect_fcm(fcm)
    for body in ("từ 07:30", "từ 08:00"):
        message = {"token": "r" * 150, "notification": {"title": "Mất điện", "body": body}, "data": {"a": "1"}}
        assert session.post(f"{fcm.url}{SEND}", json={"message": message}).status_code == 200


@pytest.mark.usefixtures("told")
def test_outbox_in_a_terminal(control_url):
    """Over plain HTTP: newest first, the text on a line of its own, the registration last and cut short."""
    answer = requests.get(f"{control_url}/_emulator/outbox.txt", timeout=5)
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    seen = answer.text.splitlines()[:4]
    assert seen[::2] == ["từ 08:00", "từ 07:30"]
    assert re.fullmatch(r"    title: Mất điện · accepted: \S+ · data: a=1 · registration: r{12}…", seen[1])


@pytest.mark.usefixtures("told")
def test_outbox_in_a_browser(control_url):
    """The page's rows begin with the text; the whole registration is shown when it is pointed at."""
    page = requests.get(f"{control_url}/_emulator/outbox", timeout=5).text
    assert '<tr><td>từ 08:00</td><td title="Mất điện">Mất điện</td>' in page
    assert f'<td title="{"r" * 150}">{"r" * 12}…</td></tr>' in page


def test_control_port_takes_no_message(fcm, control_url):
    """Only what lies below /_emulator/ is answered over plain HTTP."""
    assert requests.post(f"{control_url}{SEND}", json={}, timeout=5).status_code == 404
    assert requests.get(f"{control_url}/_emulator/health", timeout=5).json()["pid"] == fcm.process.pid
