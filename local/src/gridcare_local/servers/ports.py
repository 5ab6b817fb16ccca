"""Free ports on the loopback that stay a part's own while it is down."""

import json
import random
import socket
import time
from pathlib import Path

from gridcare_local.errors import LocalStackError
from gridcare_local.servers.cache import cache_dir, file_lock, write_atomically

# Below the range that kernels draw the local ends of outgoing connections from: a client that keeps trying a closed
# port of that range can be given the very same port, connect to itself and so keep the server from coming back.
FIRST_PORT = 12_000
LAST_PORT = 31_999
LOCK_TIMEOUT_S = 30.0
TRIES_MAX = 2_000
SOON_S = 2.0
POLL_S = 0.02


def is_free(port: int) -> bool:
    """Whether a server could bind the port on the loopback now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: ignore connections in TIME_WAIT
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def is_soon_free(port: int) -> bool:
    """Whether it is free within a moment: its former holder may have been killed just now."""
    deadline = time.monotonic() + SOON_S
    while not is_free(port):
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_S)
    return True


def claim_ports(owner: Path, count: int) -> list[int]:
    """Draw `count` free ports and keep them for `owner`, a folder: no other folder is given them while that one exists.

    So two clones that start at the same moment never draw the same port, though neither listens yet.
    """
    claims_file = cache_dir() / "ports.json"
    with file_lock(cache_dir() / "ports.lock", timeout_s=LOCK_TIMEOUT_S):
        claims = _living_claims(claims_file)
        drawn: list[int] = []
        for _ in range(TRIES_MAX):
            if len(drawn) == count:
                break
            port = random.randint(FIRST_PORT, LAST_PORT)
            if str(port) not in claims and is_free(port):
                claims[str(port)] = str(owner.resolve())
                drawn.append(port)
        if len(drawn) < count:
            raise LocalStackError(f"no {count} free ports between {FIRST_PORT} and {LAST_PORT} on the loopback")
        write_atomically(claims_file, json.dumps(claims))
    return drawn


def release_ports(owner: Path) -> None:
    """Give back what `owner` had claimed."""
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
