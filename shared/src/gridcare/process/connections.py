"""Who may hold a connection: deadlines for what is silent, and limits that a silent client cannot use up.

A server that merely counts connections can be stopped by anybody who opens enough of them and says nothing. Here a connection
without a request under way only borrows its place: it must send its headers before a deadline, and where there is no room for
another one, the connection that has waited the longest makes room. A newcomer is refused only where every place is taken by
a request.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from gridcare.http.edge.address import NO_NETWORKS, Networks, counted_as
from gridcare.http.edge.tally import Tally
from gridcare.observability import metrics

CONNECTIONS_MAX: Final = 4000
"""A backstop for memory; the app refuses far earlier, with a problem document (middleware.REQUESTS_MAX)."""
CONNECTIONS_PER_ADDRESS_MAX: Final = 500
"""Mobile carriers put many customers behind one address, so this is high; a trusted proxy has no such limit."""
HEADERS_TIMEOUT_S: Final = 10.0
"""From the accept, or from the first byte of a later request, to the end of the headers."""
ANSWER_TIMEOUT_S: Final = 20.0
"""For a client to take what we hold of its answer (64 KiB down to 16): else a request that nobody reads is under way for ever."""


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """How many connections a process holds, how many of one address, and how long each may take to send headers, and to read."""

    total_max: int = CONNECTIONS_MAX
    per_address_max: int = CONNECTIONS_PER_ADDRESS_MAX
    headers_timeout_s: float = HEADERS_TIMEOUT_S
    answer_timeout_s: float = ANSWER_TIMEOUT_S
    trusted_proxies: Networks = NO_NETWORKS


DEFAULT_LIMITS: Final = ConnectionLimits()


class Doorkeeper:
    """The connections of one server. `on_refusal` is called when a newcomer finds every place of all taken by a request."""

    def __init__(self, limits: ConnectionLimits, *, on_refusal: Callable[[], None]) -> None:
        self.limits = limits
        self._on_refusal = on_refusal
        self._held: dict[GuardedProtocol, str | None] = {}
        self._per_address = Tally()
        self._waiting: OrderedDict[GuardedProtocol, None] = OrderedDict()
        self._waiting_of: dict[str, OrderedDict[GuardedProtocol, None]] = {}

    def lets_in(self, newcomer: "GuardedProtocol", address: str | None) -> bool:
        """Take a connection in, or return False where there is no room. Proxies that we trust have no limit of their own."""
        counted = None if address is None or address in self.limits.trusted_proxies else counted_as(address)
        full = counted is not None and self._per_address.of(counted) >= self.limits.per_address_max
        if full and not self._drop_oldest(self._waiting_of.get(counted or ""), "address"):
            return self._refuse("address")
        if len(self._held) >= self.limits.total_max and not self._drop_oldest(self._waiting, "total"):
            return self._refuse("total")
        self._held[newcomer] = counted
        if counted is not None:
            self._per_address.came(counted)
        self.waits(newcomer)
        return True

    def waits(self, connection: "GuardedProtocol") -> None:
        """Note that a connection has no request under way from now on."""
        if connection not in self._held:
            return
        self._waiting[connection] = None
        self._waiting.move_to_end(connection)
        address = self._held[connection]
        if address is not None:
            own = self._waiting_of.setdefault(address, OrderedDict())
            own[connection] = None
            own.move_to_end(connection)

    def works(self, connection: "GuardedProtocol") -> None:
        """Note that a connection has a request under way."""
        self._waiting.pop(connection, None)
        address = self._held.get(connection)
        own = self._waiting_of.get(address) if address is not None else None
        if own is not None and address is not None:
            own.pop(connection, None)
            if not own:
                del self._waiting_of[address]

    def leaves(self, connection: "GuardedProtocol") -> None:
        """Forget a connection; it may have been forgotten before."""
        self.works(connection)
        address = self._held.pop(connection, None)
        if address is not None:
            self._per_address.went(address)

    def _drop_oldest(self, waiting: "OrderedDict[GuardedProtocol, None] | None", reason: str) -> bool:
        if not waiting:
            return False
        oldest = next(iter(waiting))
        self.leaves(oldest)
        metrics.CONNECTIONS_DROPPED.inc(reason=reason)
        oldest.transport.abort()
        return True

    def _refuse(self, reason: str) -> bool:
        metrics.CONNECTIONS_REFUSED.inc(reason=reason)
        if reason == "total":  # an address that is over its own limit says nothing about the room for others
            self._on_refusal()
        return False


class _Deadline:
    """A timer that calls `late` once. To arm it while it runs moves nothing: a client that sends byte after byte wins no time."""

    def __init__(self, loop: asyncio.AbstractEventLoop, after_s: float, late: Callable[[], None]) -> None:
        self._loop, self._after_s, self._late = loop, after_s, late
        self._due: asyncio.TimerHandle | None = None

    def arm(self) -> None:
        if self._due is None:
            self._due = self._loop.call_later(self._after_s, self._late)

    def disarm(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None


class GuardedProtocol(H11Protocol):
    """uvicorn's HTTP/1.1, with a doorkeeper and deadlines for the headers of every request and for who does not read."""

    def __init__(self, doorkeeper: Doorkeeper, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._doorkeeper = doorkeeper
        limits = doorkeeper.limits
        self._headers_due = _Deadline(self.loop, limits.headers_timeout_s, partial(self._drop, "headers"))
        self._reading_due = _Deadline(self.loop, limits.answer_timeout_s, partial(self._drop, "answer"))

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's own
        peer = transport.get_extra_info("peername")
        address = str(peer[0]) if isinstance(peer, tuple) else None
        if not self._doorkeeper.lets_in(self, address):
            self.transport = transport
            transport.abort()
            return
        super().connection_made(transport)
        self._headers_due.arm()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.their_state is h11.IDLE:
            self._headers_due.arm()
        else:
            self._headers_came()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.conn.their_state is h11.IDLE:
            self._doorkeeper.waits(self)
            if self.conn.trailing_data[0]:  # a part of the next request came with this one
                self._headers_due.arm()
        else:
            self._headers_came()  # a whole pipelined request came with this one

    def connection_lost(self, exc: Exception | None) -> None:
        self._doorkeeper.leaves(self)
        self._headers_due.disarm()
        self._reading_due.disarm()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._reading_due.arm()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._reading_due.disarm()

    def _headers_came(self) -> None:
        self._headers_due.disarm()
        self._doorkeeper.works(self)

    def _drop(self, reason: str) -> None:
        metrics.CONNECTIONS_DROPPED.inc(reason=reason)
        self._doorkeeper.leaves(self)
        self.transport.abort()
