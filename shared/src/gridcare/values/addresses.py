"""Addresses of other systems: https, and plain http to this machine alone."""

from typing import Final
from urllib.parse import urlsplit

THIS_MACHINE: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def is_safe(url: str) -> bool:
    """Return whether nobody between us and the address can read or change what is said: https, or this very machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and host in THIS_MACHINE))
