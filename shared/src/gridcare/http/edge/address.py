"""Who is calling: the networks of the proxies that we trust, whose `X-Forwarded-For` says it, and what counts as one caller."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, Self

from starlette.requests import Request

Network = IPv4Network | IPv6Network

_UNKNOWN = "127.0.0.1"
"""What a server without an address (behind a local socket) says of itself."""

_HOST_BITS: Final = 64
"""Of an IPv6 address; a subscriber has a network of all of them (RFC 6177), and may come from any."""


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


@lru_cache(maxsize=4096)
def counted_as(address: str) -> str:
    """Return what limits per address count a caller by: an IPv4 address, or the network of an IPv6 one."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv4Address):
        return address
    return str(parsed.ipv4_mapped or IPv6Address(int(parsed) >> _HOST_BITS << _HOST_BITS))
