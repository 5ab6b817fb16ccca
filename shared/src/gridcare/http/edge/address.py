"""The networks of the proxies that we trust: their `X-Forwarded-For` says who is calling."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final, Self

from starlette.requests import Request

Network = IPv4Network | IPv6Network

_UNKNOWN = "127.0.0.1"
"""What a server without an address (behind a local socket) says of itself."""


@dataclass(frozen=True, slots=True)
class Networks:
    """A set of addresses; empty where no proxy is trusted."""

    networks: tuple[Network, ...] = ()

    @classmethod
    def of_text(cls, text: str) -> Self:
        """Return the networks that a comma-separated list names. Raises ValueError."""
        return cls(tuple(ip_network(part.strip()) for part in text.split(",") if part.strip()))

    def __contains__(self, address: str) -> bool:
        return _within(self.networks, address)

    def __str__(self) -> str:
        return ",".join(str(network) for network in self.networks)


NO_NETWORKS: Final = Networks()


@lru_cache(maxsize=4096)
def _within(networks: Iterable[Network], address: str) -> bool:
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in networks)


def client_address(request: Request) -> str:
    """Return the address of who sent a request: the peer's, or the one that a trusted proxy named.

    A proxy that names something else than an address (RFC 7239 allows `unknown`) counts as the caller itself would: the
    answer is always an address.
    """
    named = request.client.host if request.client else ""
    try:
        return str(ip_address(named))
    except ValueError:
        return _UNKNOWN
