"""The rules for outages: windows that make sense, and the notice that the law demands.

The limits are settings, since a regulator may change them. Five days' notice of a planned cut comes from Article 27 of the
Electricity Law of 2004; Electricity Law 61/2024/QH15 and Circular 04/2025/TT-BCT have replaced it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from itertools import pairwise
from typing import Final

from gridcare.errors import Unprocessable
from gridcare.events.outages import OutageKind, Scope, Window

BEGAN_AGO_MAX: Final = timedelta(hours=72)
"""An unplanned cut may be entered after it began, but not years later."""


@dataclass(frozen=True, slots=True)
class OutageRules:
    """The limits. `statutory_notice` is the time from publication to the start; `statutory_basis` names the law.

    A reminder is due at `reminder_at`, Vietnam's time, on the evening before, unless the announcement is newer than
    `reminder_gap`. A restoration is worth telling for `restoration_useful`.
    """

    windows_max: int = 20
    window_max: timedelta = timedelta(hours=72)
    ahead_max: timedelta = timedelta(days=400)
    statutory_notice: timedelta = timedelta(days=5)
    statutory_basis: str = ""
    reminder_at: time = time(18, 0)
    reminder_gap: timedelta = timedelta(hours=12)
    restoration_useful: timedelta = timedelta(hours=4)


@dataclass(frozen=True, slots=True)
class NoticeGiven:
    """How much notice customers get, and how much the law demands."""

    given: timedelta
    wanted: timedelta
    basis: str

    @property
    def late(self) -> bool:
        """Whether customers get less than the law demands."""
        return self.given < self.wanted


def check_windows(windows: Sequence[Window], *, rules: OutageRules, now: datetime) -> None:
    """Refuse windows that never make sense, whatever the outage's state. Raises Unprocessable."""
    if not 1 <= len(windows) <= rules.windows_max:
        raise Unprocessable("windows-count", f"an outage has 1 to {rules.windows_max} windows")
    for index, window in enumerate(windows):
        if window.end <= window.start:
            raise Unprocessable("window-ends-before-start", "a window must end after it starts", window=index)
        if window.end - window.start > rules.window_max:
            hours = int(rules.window_max / timedelta(hours=1))
            raise Unprocessable("window-too-long", f"a window is at most {hours} hours long", window=index)
        if window.end > now + rules.ahead_max:
            raise Unprocessable("window-too-far", f"at most {rules.ahead_max.days} days ahead", window=index)
    ordered = sorted(range(len(windows)), key=lambda index: windows[index].start)
    for earlier, later in pairwise(ordered):
        if windows[later].start < windows[earlier].end:
            raise Unprocessable("windows-overlap", "two windows share some time", window=later)


def check_scope(scope: Scope) -> None:
    """Refuse an outage that cuts nothing. Raises Unprocessable."""
    if scope == Scope():
        raise Unprocessable("scope-empty", "name at least one feeder, transformer, ward or supply point")


def check_starting(windows: Sequence[Window], *, kind: OutageKind, rules: OutageRules, now: datetime) -> None:
    """Refuse to publish the past: a planned cut must not have begun, an unplanned one must not be over.

    Raises Unprocessable `window-in-past`.
    """
    for index, window in enumerate(windows):
        if kind == "planned" and window.start <= now:
            raise Unprocessable("window-in-past", "a planned window must start in the future", window=index)
        _check_not_over(window, index, now)
        if window.start < now - min(BEGAN_AGO_MAX, rules.window_max):
            raise Unprocessable("window-in-past", "the window began too long ago", window=index)


def check_revised(
    windows: Sequence[Window], published: Sequence[Window], *, kind: OutageKind, rules: OutageRules, now: datetime
) -> None:
    """Refuse a revision that changes the past: a window that began keeps its start, one that is over stays as it was.

    Raises Unprocessable `window-in-past`.
    """
    starts = {window.start for window in published}
    if all(window.end <= now for window in windows):
        raise Unprocessable("window-in-past", "no window is left to come")
    for index, window in enumerate(windows):
        if window in published:
            continue
        _check_not_over(window, index, now)
        if window.start not in starts:
            check_starting([window], kind=kind, rules=rules, now=now)


def notice_given(start: datetime, *, late_reason: str, rules: OutageRules, now: datetime) -> NoticeGiven:
    """Return the notice that customers get. Raises Unprocessable `statutory-notice-late` when it is late without a reason."""
    given = NoticeGiven(start - now, rules.statutory_notice, rules.statutory_basis)
    if given.late and not late_reason:
        raise Unprocessable(
            "statutory-notice-late",
            "customers must be told earlier; if they cannot be, say why in late_reason",
            notice_hours=round(given.given / timedelta(hours=1), 1),
            wanted_hours=round(given.wanted / timedelta(hours=1), 1),
            legal_basis=given.basis,
        )
    return given


def _check_not_over(window: Window, index: int, now: datetime) -> None:
    if window.end <= now:
        raise Unprocessable("window-in-past", "a window ends in the future", window=index)
