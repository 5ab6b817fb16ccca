"""The errors that more than one module raises or catches. Other GridcareErrors are defined beside the code that raises them.

GridcareError
├── SettingsError          the process refuses to start; names the variable and the reason
├── Retryable              a dependency is down: wait in place, keep the order, try again
├── Rejected               this message will never be accepted: dead-letter it with the reason
├── PassedOver             this message is for a later release: count it and go on
└── BusinessError          a refusal to a caller, with an HTTP status and a stable code
    ├── BadRequest         400
    ├── Unauthenticated    401
    ├── Forbidden          403
    ├── NotFound           404  (also for things that belong to somebody else)
    ├── Conflict           409
    ├── TooLarge           413
    ├── Unprocessable      422
    ├── TooManyRequests    429
    ├── Unavailable        503
    └── Overloaded         503

Messages never carry personal data: they may reach a log or a caller.
"""

from collections.abc import Mapping
from typing import ClassVar


class GridcareError(Exception):
    """The root of the tree above, and of the errors that single modules define."""


class SettingsError(GridcareError):
    """The process is misconfigured and must not start."""


class Retryable(GridcareError):
    """A dependency is down or slow; the same work may succeed later, unchanged."""


class Rejected(GridcareError):
    """The message itself is bad; trying again cannot help.

    `reason` is a stable code that goes into the dead letter's header; `detail` is for people and holds no personal data.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail


class PassedOver(GridcareError):
    """The message holds what came later than this release: its reader is yet to come. Its argument is the event's type."""


class BusinessError(GridcareError):
    """An expected refusal, rendered as an RFC 9457 problem document.

    `code` is stable and for machines, `detail` is for people, and `extra` holds further members of the problem document.
    """

    status: ClassVar[int] = 500

    def __init__(
        self, code: str, detail: str = "", *, headers: Mapping[str, str] | None = None, **extra: object
    ) -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code
        self.detail = detail
        self.headers: Mapping[str, str] = headers or {}
        self.extra: Mapping[str, object] = extra


class BadRequest(BusinessError):
    """The request cannot be read."""

    status = 400


class Unauthenticated(BusinessError):
    """The caller did not prove who they are."""

    status = 401


class Forbidden(BusinessError):
    """The caller is known but not allowed to do this."""

    status = 403


class NotFound(BusinessError):
    """There is no such thing, or it belongs to another customer."""

    status = 404


class Conflict(BusinessError):
    """The current state does not allow it."""

    status = 409


class TooLarge(BusinessError):
    """The body exceeds its limit."""

    status = 413


class Unprocessable(BusinessError):
    """The request can be read but does not make sense."""

    status = 422


class TooManyRequests(BusinessError):
    """The caller exceeded a rate limit."""

    status = 429


class Unavailable(BusinessError):
    """A dependency is down; the same request may succeed later."""

    status = 503


class Overloaded(BusinessError):
    """Too much is under way. Anybody can bring that about, so it does not count as a server error."""

    status = 503

    def __init__(self, detail: str = "", *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__("overloaded", detail, headers=headers)
