"""What the outage routes take, as JSON; outages/http_answers.py is what they give."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from gridcare.events.outages import Scope, Window
from gridcare.http.body import Body
from outage_notifier.outages.core.outage import Kind, OutageDocument

ELEMENTS_MAX = 2_000
SUPPLY_POINTS_MAX = 100_000
OUTAGE_SIZE_MAX_BYTES = 8 * 1024**2
"""Room for as many supply points as a scope may list, each with the longest id."""
WINDOWS_MAX = 100
"""The rules (outages/core/rules.py) allow fewer; this only keeps a body from being endless."""

Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
Text = Annotated[
    str,
    StringConstraints(
        min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f\ue000]*[^\x00-\x20\x7f\ue000][^\x00-\x1f\x7f\ue000]*$"
    ),
]
"""One line that customers read."""
Reason = Annotated[str, StringConstraints(max_length=500, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]*$")]
Translated = Literal["km", "zh", "en"]
Revised = Annotated[int | None, Field(ge=1, description="The revision that you saw: 409 when there is a newer one.")]


class WindowIn(Body):
    """When it starts and when it is expected to end."""

    start: datetime
    end: datetime


class ScopeIn(Body):
    """What is cut: the union of all of these."""

    feeder_ids: Annotated[list[Id], Field(default_factory=list, max_length=ELEMENTS_MAX)]
    transformer_ids: Annotated[list[Id], Field(default_factory=list, max_length=ELEMENTS_MAX)]
    ward_codes: Annotated[list[Id], Field(default_factory=list, max_length=ELEMENTS_MAX)]
    supply_point_ids: Annotated[list[Id], Field(default_factory=list, max_length=SUPPLY_POINTS_MAX)]

    def scope(self) -> Scope:
        """Give it as a value: each element once, in one order."""
        return Scope(
            feeder_ids=tuple(sorted(set(self.feeder_ids))),
            transformer_ids=tuple(sorted(set(self.transformer_ids))),
            ward_codes=tuple(sorted(set(self.ward_codes))),
            supply_point_ids=tuple(sorted(set(self.supply_point_ids))),
        )


class DocumentIn(Body):
    """What an outage says; place and cause are what customers read, in Vietnamese and, where given, translated."""

    cause: Text
    place: Text
    windows: Annotated[list[WindowIn], Field(min_length=1, max_length=WINDOWS_MAX)]
    scope: ScopeIn
    cause_by_language: dict[Translated, Text] = Field(default_factory=dict)
    place_by_language: dict[Translated, Text] = Field(default_factory=dict)

    def document(self, late_reason: str = "") -> OutageDocument:
        """Give it as a value."""
        return OutageDocument(
            cause=self.cause,
            place=self.place,
            windows=tuple(Window(start=window.start, end=window.end) for window in self.windows),
            scope=self.scope.scope(),
            cause_by_language={str(name): text for name, text in self.cause_by_language.items()},
            place_by_language={str(name): text for name, text in self.place_by_language.items()},
            late_reason=late_reason,
        )


class OutageIn(DocumentIn):
    """A new outage."""

    kind: Kind
    reason: Reason = ""


class EditIn(DocumentIn):
    """All that a draft says from now on."""

    reason: Reason = ""
    revision: Revised = None


class PreviewIn(Body):
    """What would be published instead of what the outage says now; nothing: the draft as it is."""

    document: DocumentIn | None = None


class PublishIn(Body):
    """`late_reason` is needed when customers get less notice than the law wants; it is kept."""

    reason: Reason = ""
    late_reason: Reason = ""
    revision: Revised = None


class ReviseIn(DocumentIn):
    """All that a published outage says from now on, and why."""

    reason: Annotated[Reason, Field(min_length=1)]
    late_reason: Reason = ""
    revision: Revised = None


class EndIn(Body):
    """Why it is cancelled, or who says that the power is back."""

    reason: Annotated[Reason, Field(min_length=1)]
    revision: Revised = None


class RestoreIn(Body):
    """Anything worth keeping about the restoration."""

    reason: Reason = ""
    revision: Revised = None
