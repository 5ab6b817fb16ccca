"""Claims free ports on the loopback that stay reserved while their part is down."""

import json
import random
import socket
import time
from pathlib import Path

from gridcare_local.errors import LocalStackError
from gridcare_local.servers.cache import cache_dir, file_lock, write_atomically

# Below the range of ephemeral ports. A client that keeps trying a closed port in that range may be given the same port
# as its local one, connect to itself and so block the server's return.
FIRST_PORT = 12_000
LAST_PORT = 31_999
LOCK_TIMEOUT_S = 30.0
TRIES_MAX = 2_000
SOON_S = 2.0
POLL_S = 0.02


def is_free(port: int) -> bool:
    """Return whether a server could bind the port on the loopback now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # like servers, ignore connections in TIME_WAIT
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def is_soon_free(port: int) -> bool:
    """Return whether the port is free within SOON_S: its former holder may just have been killed."""
    deadline = time.monotonic() + SOON_S
    while not is_free(port):
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_S)
    return True


def claim_ports(owner: Path, count: int) -> list[int]:
    """Choose `count` free ports and reserve them for the folder `owner` as long as it exists.

    So two clones that start at the same moment never choose the same port, although nobody listens on it yet. Raises
    LocalStackError if there are not enough free ports.
    """
    claims_file = cache_dir() / "ports.json"
    with file_lock(cache_dir() / "ports.lock", timeout_s=LOCK_TIMEOUT_S):
        claims = _living_claims(claims_file)
        chosen: list[int] = []
        for _ in range(TRIES_MAX):
            if len(chosen) == count:
                break
            port = random.randint(FIRST_PORT, LAST_PORT)
            if str(port) not in claims and is_free(port):
                claims[str(port)] = str(owner.resolve())
                chosen.append(port)
        if len(chosen) < count:
            raise LocalStackError(f"no {count} free ports between {FIRST_PORT} and {LAST_PORT} on the loopback")
        write_atomically(claims_file, json.dumps(claims))
    return chosen


def release_ports(owner: Path) -> None:
    """Release the ports that `owner` had claimed."""
    claims_file = cache_dir() / "ports.json"
    with file_lock(cache_dir() / "ports.lock", timeout_s=LOCK_TIMEOUT_S):
        claims = {port: path for port, path in _living_claims(claims_file).items() if path != str(owner.resolve())}
        write_atomically(claims_file, json.dumps(claims))


def _living_claims(claims_file: Path) -> dict[str, str]:
    try:
        claims: dict[str, str] = json.loads(claims_file.read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return {port: owner for port, owner in claims.items() if Path(owner).exists()}
