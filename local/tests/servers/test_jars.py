"""Fetching Kafka's jars from a mirror on the loopback."""

import hashlib
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from gridcare_local.errors import LocalStackError
from gridcare_local.servers.kafka.jars import LIST, Jar, ensure_jars, read_list

CONTENT = b"a jar" * 1000
GOOD = Jar("org.example:thing:1.0", hashlib.sha256(CONTENT).hexdigest())
TAMPERED = Jar("org.example:thing:1.0", hashlib.sha256(b"another").hexdigest())
ABSENT = Jar("org.example:absent:1.0", GOOD.sha256)


class Mirror(ThreadingHTTPServer):
    """Serves one jar and remembers the requested paths."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answer)
        self.requested = []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}/maven"


class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.requested.append(self.path)
        exists = self.path == "/maven/org/example/thing/1.0/thing-1.0.jar"
        self.send_response(200 if exists else 404)
        self.send_header("Content-Length", str(len(CONTENT) if exists else 0))
        self.end_headers()
        if exists:
            self.wfile.write(CONTENT)

    def log_message(self, *_):
        pass


@pytest.fixture
def mirror():
    with Mirror() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_list_is_well_formed():
    """Each line has coordinates and a SHA-256, none is repeated, and Kafka and its log binding are listed."""
    jars = read_list()
    assert len({jar.file_name for jar in jars}) == len(jars) > 40
    assert all(re.fullmatch(r"[\w.-]+:[\w.-]+:[\w.-]+", jar.coordinates) for jar in jars)
    assert all(re.fullmatch(r"[0-9a-f]{64}", jar.sha256) for jar in jars)
    assert {"kafka_2.13-4.3.1.jar", "slf4j-simple-1.7.36.jar"} <= {jar.file_name for jar in jars}


def test_list_names_no_host():
    """The list contains no address or host name, so any mirror can serve it."""
    assert not re.search(r"://|\bwww\.|maven\.org|repo\d?\.", LIST.read_text())


def test_bad_lines_are_named(tmp_path):
    """A line without a checksum raises an error with its number."""
    (tmp_path / "jars.txt").write_text("# note\norg.example:thing:1.0\n")
    with pytest.raises(ValueError, match="line 2"):
        read_list(tmp_path / "jars.txt")


def test_jars_are_fetched_once(tmp_path, mirror):
    """A jar is fetched from the mirror only if it is missing."""
    progress = []
    (path,) = ensure_jars(
        [GOOD], folder=tmp_path, mirror=mirror.url, progress=lambda done, of: progress.append((done, of))
    )
    assert path.read_bytes() == CONTENT
    ensure_jars([GOOD], folder=tmp_path, mirror=mirror.url)
    assert len(mirror.requested) == 1
    assert progress == [(1, 1)]


def test_mirror_is_a_setting(tmp_path, mirror, monkeypatch):
    """Jars are fetched from the address in GRIDCARE_MAVEN_MIRROR."""
    monkeypatch.setenv("GRIDCARE_MAVEN_MIRROR", mirror.url)
    ensure_jars([GOOD], folder=tmp_path)
    assert mirror.requested == ["/maven/org/example/thing/1.0/thing-1.0.jar"]


def test_damaged_jars_are_replaced(tmp_path, mirror):
    """A file in the cache with a wrong checksum is fetched again."""
    (tmp_path / GOOD.file_name).write_bytes(b"half of it")
    (path,) = ensure_jars([GOOD], folder=tmp_path, mirror=mirror.url)
    assert path.read_bytes() == CONTENT


def test_wrong_checksum_is_refused(tmp_path, mirror):
    """A fetched file with a wrong checksum raises an error and is not kept in the cache."""
    with pytest.raises(LocalStackError, match=r"SHA-256 is .* refused"):
        ensure_jars([TAMPERED], folder=tmp_path, mirror=mirror.url)
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]


def test_failure_says_what_to_do(tmp_path, mirror):
    """The error names the jar, the folder and the settings of mirror and broker; other jars are kept."""
    with pytest.raises(LocalStackError) as failure:
        ensure_jars([ABSENT, GOOD], folder=tmp_path, mirror=mirror.url)
    for words in ("1 of 2", ABSENT.coordinates, "GRIDCARE_MAVEN_MIRROR", str(tmp_path), "GRIDCARE_KAFKA_BOOTSTRAP"):
        assert words in str(failure.value)
    assert (tmp_path / GOOD.file_name).read_bytes() == CONTENT


def test_two_clones_at_once(tmp_path, mirror):
    """Two callers that need the same jar at the same time fetch it once."""
    twins = [
        threading.Thread(target=ensure_jars, args=([GOOD],), kwargs={"folder": tmp_path, "mirror": mirror.url})
        for _ in range(2)
    ]
    for twin in twins:
        twin.start()
    for twin in twins:
        twin.join()
    assert len(mirror.requested) == 1
