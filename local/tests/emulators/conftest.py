"""An emulator of each kind for the session, with an empty script at the start of each test, and real clients."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from urllib.parse import parse_qsl

import pytest
from google.auth.transport.requests import AuthorizedSession, Request
from google.oauth2 import service_account
from requests import Session
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from gridcare_local.emulators.control import Emulator, start_emulator
from gridcare_local.emulators.twilio import ACCOUNT_SID, AUTH_TOKEN

MESSAGING = "https://www.googleapis.com/auth/firebase.messaging"
DEADLINE_S = 10.0


@pytest.fixture
def eventually() -> Callable[[Callable[[], object]], None]:
    def wait(condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while not condition():
            assert time.monotonic() < deadline, "the condition was not met in time"
            time.sleep(0.01)

    return wait


@pytest.fixture
def twilio_emulator(running_twilio: Emulator) -> Emulator:
    running_twilio.script([])
    return running_twilio


@pytest.fixture
def connect_twilio() -> Iterator[Callable[..., Client]]:
    """Yield a function that returns real Twilio clients, which are closed at the end."""
    sessions: list[Session] = []

    def connect(emulator: Emulator, *, auth_token: str = AUTH_TOKEN, timeout_s: float = 10.0) -> Client:
        http_client = TwilioHttpClient(timeout=timeout_s)
        sessions.append(http_client.session)
        client = Client(ACCOUNT_SID, auth_token, http_client=http_client)
        client.api.base_url = emulator.url
        return client

    yield connect
    for session in sessions:
        session.close()


@pytest.fixture
def sms(twilio_emulator: Emulator, connect_twilio: Callable[..., Client]) -> Client:
    return connect_twilio(twilio_emulator)


@dataclass
class Receiver:
    """A callback endpoint: the posts it received and the statuses it answers with."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    posts: list[tuple[str, dict[str, str], str]] = field(default_factory=list)

    def statuses(self) -> list[str]:
        return [form["MessageStatus"] for _, form, _ in self.posts]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    received, lock = Receiver(), Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            form = dict(parse_qsl(body, keep_blank_values=True))
            with lock:
                received.posts.append((self.path, form, self.headers["x-twilio-signature"]))
                status = received.answers.pop(0) if received.answers else 204
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    received.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield received
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def fcm_emulator(running_fcm: Emulator) -> Emulator:
    running_fcm.script([])
    running_fcm.settings()
    return running_fcm


def trusting_session(emulator: Emulator) -> Session:
    session = Session()
    session.trust_env = False  # REQUESTS_CA_BUNDLE would override `verify`
    session.verify = str(emulator.ca_file)
    return session


@pytest.fixture
def connect_fcm() -> Iterator[Callable[[Emulator], AuthorizedSession]]:
    """Yield a function that returns sessions with google-auth's service-account credentials, closed at the end."""
    sessions: list[Session] = []

    def connect(emulator: Emulator) -> AuthorizedSession:
        credentials = service_account.Credentials.from_service_account_file(
            emulator.service_account_file, scopes=[MESSAGING]
        )
        for_tokens = trusting_session(emulator)
        session = AuthorizedSession(credentials, auth_request=Request(for_tokens))
        session.trust_env, session.verify = False, str(emulator.ca_file)
        sessions.extend([for_tokens, session])
        return session

    yield connect
    for session in sessions:
        session.close()


@pytest.fixture
def push(fcm_emulator: Emulator, connect_fcm: Callable[[Emulator], AuthorizedSession]) -> Callable[..., object]:
    """Return a function that sends a push, by default a valid message to the registration."""
    session = connect_fcm(fcm_emulator)

    def send(registration: str = "device-1", *, timeout_s: float = 10.0, **message: object) -> object:
        body = {"message": {"token": registration, **message}}
        return session.post(
            f"{fcm_emulator.url}/v1/projects/gridcare-local/messages:send", json=body, timeout=timeout_s
        )

    return send


@pytest.fixture(scope="session")
def running_oidc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    emulator = start_emulator("oidc", tmp_path_factory.mktemp("oidc"))
    yield emulator
    emulator.stop()


@pytest.fixture
def oidc_emulator(running_oidc: Emulator) -> Emulator:
    running_oidc.script([])
    return running_oidc
