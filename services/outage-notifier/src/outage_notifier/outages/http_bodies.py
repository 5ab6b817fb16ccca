"""What the outage routes accept, as JSON; outages/http_answers.py is what they return."""

from datetime import datetime
from typing import Annotated

import msgspec
from pydantic import AfterValidator, Field, StringConstraints

from gridcare.events.outages import OutageKind
from gridcare.http.body import Body
from outage_notifier.outages.core.outage import OutageDocument
from outage_notifier.texts.languages import Translated

ELEMENTS_MAX = 2_000
SUPPLY_POINTS_MAX = 100_000
OUTAGE_SIZE_MAX_BYTES = 8 * 1024**2
"""Enough for as many supply points as a scope may list, each with the longest id."""
WINDOWS_MAX = 100
"""The rules (outages/core/rules.py) allow fewer; this only bounds the body."""


def _each_once(ids: list[str]) -> list[str]:
    return sorted(set(ids))


_EACH_ONCE = AfterValidator(_each_once)

Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
Text = Annotated[
    str,
    StringConstraints(
        min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f\ue000]*[^\x00-\x20\x7f\ue000][^\x00-\x1f\x7f\ue000]*$"
    ),
]
"""One line that customers read; it is not blank."""
Elements = Annotated[list[Id], Field(default_factory=list, max_length=ELEMENTS_MAX), _EACH_ONCE]
"""Grid elements or wards; each counts once."""
Reason = Annotated[str, StringConstraints(max_length=500, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]*$")]
Revised = Annotated[int | None, Field(ge=1, description="The revision that you saw: 409 when there is a newer one.")]


class WindowIn(Body):
    """When it starts and when it is expected to end."""

    start: datetime
    end: datetime


class ScopeIn(Body):
    """What is cut: the union of all of these."""

    feeder_ids: Elements
    transformer_ids: Elements
    ward_codes: Elements
    supply_point_ids: Annotated[list[Id], Field(default_factory=list, max_length=SUPPLY_POINTS_MAX), _EACH_ONCE]


class DocumentIn(Body):
    """What an outage says. Customers read place and cause, in Vietnamese or, where there is one, in a translation."""

    cause: Text
    place: Text
    windows: Annotated[list[WindowIn], Field(min_length=1, max_length=WINDOWS_MAX)]
    scope: ScopeIn
    cause_by_language: dict[Translated, Text] = Field(default_factory=dict)
    place_by_language: dict[Translated, Text] = Field(default_factory=dict)

    def document(self) -> OutageDocument:
        """Return it as a value."""
        return msgspec.convert(self, OutageDocument, from_attributes=True)


class OutageIn(DocumentIn):
    """A new outage."""

    kind: OutageKind
    reason: Reason = ""


class EditIn(DocumentIn):
    """All that a draft says from now on."""

    reason: Reason = ""
    revision: Revised = None


class PreviewIn(Body):
    """What would be published instead of what the outage says now; without a document, the draft as it is."""

    document: DocumentIn | None = None


class PublishIn(Body):
    """`late_reason` is needed when customers get less notice than the law demands; it is kept."""

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
