"""An outage as planners write it, and the changes that it may go through.

    draft ─publish─▶ published ─restore─▶ restored
      │ ▲ edit        │  ▲ revise
      └─┴──cancel─────┴──┴──────────────▶ cancelled

Every change is kept as a revision. What a change tells customers and other services is in notices.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

import msgspec

from gridcare.errors import Conflict
from gridcare.events.outages import OutageKind, Scope, Window
from outage_notifier.outages.core.rules import (
    OutageRules,
    check_revised,
    check_scope,
    check_starting,
    check_windows,
    notice_given,
)

OutageState = Literal["draft", "published", "cancelled", "restored"]
Action = Literal["created", "edited", "published", "revised", "cancelled", "restored"]


class OutageDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What a revision of an outage says; stored as JSON.

    Customers read `place` and `cause`, in Vietnamese or, where there is one, in a translation. Planners may use the languages
    that this release knows (http_bodies); a stored document may have others. `late_reason` says why this revision was
    published later than the law demands.
    """

    cause: str
    place: str
    windows: tuple[Window, ...]
    scope: Scope
    cause_by_language: dict[str, str] = {}
    place_by_language: dict[str, str] = {}
    late_reason: str = ""

    @property
    def start(self) -> datetime:
        """The start of the first window."""
        return min(window.start for window in self.windows)

    @property
    def end(self) -> datetime:
        """The end of the last window."""
        return max(window.end for window in self.windows)


class Outage(msgspec.Struct, frozen=True, kw_only=True, rename={"state": "status"}):
    """An outage as of its newest revision. `version` counts its published changes.

    Where it is kept, for an Idempotency-Key or in its table, the state is called `status`, as the first release named it.
    """

    outage_id: UUID
    kind: OutageKind
    state: OutageState
    revision: int
    version: int
    document: OutageDocument
    created_by: str
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Revision:
    """One state of an outage as it is kept: what made it, who, when and why."""

    revision: int
    action: Action
    document: OutageDocument
    reason: str
    made_by: str
    made_at: datetime


@dataclass(frozen=True, slots=True)
class Change:
    """What was decided: the outage before and after, and what its revision is called."""

    before: Outage | None
    after: Outage
    action: Action

    @property
    def published(self) -> bool:
        """Whether customers and other services hear of it."""
        return self.before is None or self.after.version > self.before.version


_ENDED: Final[Mapping[OutageState, str]] = {
    "cancelled": "outage-already-cancelled",
    "restored": "outage-already-restored",
}


def create(
    outage_id: UUID, kind: OutageKind, document: OutageDocument, *, by: str, rules: OutageRules, now: datetime
) -> Change:
    """Create a draft. Raises Unprocessable for windows that never make sense; the past is refused at publication."""
    check_windows(document.windows, rules=rules, now=now)
    check_scope(document.scope)
    draft = Outage(
        outage_id=outage_id,
        kind=kind,
        state="draft",
        revision=1,
        version=0,
        document=document,
        created_by=by,
        created_at=now,
        updated_at=now,
    )
    return Change(None, draft, "created")


def edit(outage: Outage, document: OutageDocument, *, rules: OutageRules, now: datetime) -> Change:
    """Change a draft. Raises Conflict when it is no longer one, and Unprocessable as `create` does."""
    if outage.state == "published":
        raise Conflict("outage-already-published", "a published outage is revised, not edited")
    _refuse_ended(outage)
    check_windows(document.windows, rules=rules, now=now)
    check_scope(document.scope)
    return _change(outage, "draft", "edited", now=now, document=document)


def publish(outage: Outage, *, late_reason: str, rules: OutageRules, now: datetime) -> Change:
    """Publish a draft. Raises Conflict, and Unprocessable `window-in-past` or `statutory-notice-late`."""
    if outage.state == "published":
        raise Conflict("outage-already-published", "the outage is published; revise it to change it")
    _refuse_ended(outage)
    document = outage.document
    check_windows(document.windows, rules=rules, now=now)
    check_starting(document.windows, kind=outage.kind, rules=rules, now=now)
    if outage.kind == "planned":
        notice_given(document.start, late_reason=late_reason, rules=rules, now=now)
    kept = msgspec.structs.replace(document, late_reason=late_reason)
    return _change(outage, "published", "published", now=now, document=kept, heard=True)


def revise(outage: Outage, document: OutageDocument, *, rules: OutageRules, now: datetime) -> Change:
    """Change what was published. Raises Conflict, `outage-unchanged` when nothing is new, and Unprocessable as `publish` does.

    The statutory notice period counts again for what is new: another time, or more people.
    """
    _must_be_published(outage)
    check_windows(document.windows, rules=rules, now=now)
    check_scope(document.scope)
    check_revised(document.windows, outage.document.windows, kind=outage.kind, rules=rules, now=now)
    old = msgspec.structs.replace(outage.document, late_reason="")
    if msgspec.structs.replace(document, late_reason="") == old:
        raise Conflict("outage-unchanged", "the revision says what is published already")
    if outage.kind == "planned":
        earliest = _earliest_news(document, outage.document, now)
        if earliest is not None:
            notice_given(earliest, late_reason=document.late_reason, rules=rules, now=now)
    return _change(outage, "published", "revised", now=now, document=document, heard=True)


def cancel(outage: Outage, *, now: datetime) -> Change:
    """Call an outage off, or drop a draft without telling anybody. Raises Conflict."""
    _refuse_ended(outage)
    if outage.state == "draft":
        return _change(outage, "cancelled", "cancelled", now=now)
    if now >= outage.document.end:
        raise Conflict("outage-is-over", "its last window has passed: it can only be restored")
    return _change(outage, "cancelled", "cancelled", now=now, heard=True)


def restore(outage: Outage, *, now: datetime) -> Change:
    """Note that the power is back. Raises Conflict."""
    _must_be_published(outage)
    if now < outage.document.start:
        raise Conflict("outage-not-started", "it has not begun: cancel it instead")
    return _change(outage, "restored", "restored", now=now, heard=True)


def _change(
    outage: Outage,
    state: OutageState,
    action: Action,
    *,
    now: datetime,
    document: OutageDocument | None = None,
    heard: bool = False,
) -> Change:
    after = msgspec.structs.replace(
        outage,
        state=state,
        revision=outage.revision + 1,
        version=outage.version + int(heard),
        document=document or outage.document,
        updated_at=now,
    )
    return Change(outage, after, action)


def _refuse_ended(outage: Outage) -> None:
    code = _ENDED.get(outage.state)
    if code is not None:
        raise Conflict(code, f"the outage is {outage.state}")


def _must_be_published(outage: Outage) -> None:
    _refuse_ended(outage)
    if outage.state != "published":
        raise Conflict("outage-not-published", "the outage is a draft")


def _earliest_news(new: OutageDocument, old: OutageDocument, now: datetime) -> datetime | None:
    """Return the start of the first window that customers cannot have known of, or None."""
    coming = [window for window in new.windows if window.end > now]
    if _wider(new.scope, old.scope):
        return min((window.start for window in coming), default=None)
    news = [w for w in coming if not any(o.start <= w.start and w.end <= o.end for o in old.windows)]
    return min((window.start for window in news), default=None)


def _wider(new: Scope, old: Scope) -> bool:
    return any(set(getattr(new, name)) - set(getattr(old, name)) for name in Scope.__struct_fields__)
