"""The pages on which people read the accepted messages."""

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
def _two_pushes(fcm, connect_fcm):
    """Send two pushes to a registration as long as a real one."""
    session = connect_fcm(fcm)
    for body in ("từ 07:30", "từ 08:00"):
        message = {"token": "r" * 150, "notification": {"title": "Mất điện", "body": body}, "data": {"a": "1"}}
        assert session.post(f"{fcm.url}{SEND}", json={"message": message}).status_code == 200


@pytest.mark.usefixtures("_two_pushes")
def test_outbox_in_a_terminal(control_url):
    """The text page, over plain HTTP, has the newest first, texts on lines of their own and shortened registrations."""
    answer = requests.get(f"{control_url}/_emulator/outbox.txt", timeout=5)
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    lines = answer.text.splitlines()[:4]
    assert lines[::2] == ["từ 08:00", "từ 07:30"]
    assert re.fullmatch(r"    title: Mất điện · accepted: \S+ · data: a=1 · registration: r{12}…", lines[1])


@pytest.mark.usefixtures("_two_pushes")
def test_outbox_in_a_browser(control_url):
    """The rows of the page begin with the text; a tooltip shows the whole registration."""
    page = requests.get(f"{control_url}/_emulator/outbox", timeout=5).text
    assert '<tr><td>từ 08:00</td><td title="Mất điện">Mất điện</td>' in page
    assert f'<td title="{"r" * 150}">{"r" * 12}…</td></tr>' in page


def test_control_port_takes_no_message(fcm, control_url):
    """Only requests below /_emulator/ are answered over plain HTTP."""
    assert requests.post(f"{control_url}{SEND}", json={}, timeout=5).status_code == 404
    assert requests.get(f"{control_url}/_emulator/health", timeout=5).json()["pid"] == fcm.process.pid
