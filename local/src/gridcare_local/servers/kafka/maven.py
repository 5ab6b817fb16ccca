"""Fetches a file from a Maven repository with deadlines, checks it against our checksum and stores it atomically."""

import hashlib
import time
from pathlib import Path
from typing import Any

from maven_artifact.artifact import Artifact
from maven_artifact.downloader import Downloader
from maven_artifact.requestor import RequestException
from requests import HTTPError
from requests import RequestException as TransportError

from gridcare.process.backoff import Backoff

TRIES_MAX = 3
RETRY_PAUSE_FIRST_S = 1.0
RETRY_PAUSE_MAX_S = 5.0
CONNECT_TIMEOUT_S = 10.0
SILENCE_TIMEOUT_S = 30.0
FILE_TIMEOUT_S = 300.0
CHUNK_BYTES = 1 << 16
PASSING_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})


def make_downloader(mirror: str | None) -> Any:
    """Return the library's downloader for the public repository, or for `mirror`."""
    untyped: Any = Downloader
    return untyped(base=mirror) if mirror else untyped()


def fetch(downloader: Any, coordinates: str, sha256: str, path: Path) -> str | None:
    """Fetch a file to `path` with a few tries. Return the reason if all failed, else None."""
    reason = ""
    backoff = Backoff(first_s=RETRY_PAUSE_FIRST_S, limit_s=RETRY_PAUSE_MAX_S)
    for tried in range(TRIES_MAX):
        if tried:
            time.sleep(backoff.failed())
        try:
            return _fetch_once(downloader, coordinates, sha256, path)
        except HTTPError as error:
            reason = f"{coordinates}: {error}"
            if error.response is None or error.response.status_code not in PASSING_STATUSES:
                return reason
        except (RequestException, TransportError, OSError) as error:
            reason = f"{coordinates}: {str(error) or getattr(error, 'msg', type(error).__name__)}"
    return reason


def _fetch_once(downloader: Any, coordinates: str, sha256: str, path: Path) -> str | None:
    """Fetch a file and move it to `path` if its checksum is right. Return the reason if it is wrong."""
    # not Downloader.download: it has no time limit, prints, writes in place and takes the checksum from the same server
    address = downloader.resolver.uri_for_artifact(Artifact.parse(coordinates))
    partial = path.with_name(f".{path.name}.partial")
    deadline = time.monotonic() + FILE_TIMEOUT_S
    digest = hashlib.sha256()
    timeouts = (CONNECT_TIMEOUT_S, SILENCE_TIMEOUT_S)
    try:
        with (
            downloader.requestor.request(address, None, stream=True, timeout=timeouts) as answer,
            partial.open("wb") as file,
        ):
            for chunk in answer.iter_content(CHUNK_BYTES):
                digest.update(chunk)
                file.write(chunk)
                if time.monotonic() > deadline:
                    raise TimeoutError(f"not complete after {FILE_TIMEOUT_S:.0f} s")
        if digest.hexdigest() != sha256:
            return f"{coordinates}: SHA-256 is {digest.hexdigest()}, but the list says {sha256}; refused"
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return None
