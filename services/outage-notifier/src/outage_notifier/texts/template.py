"""The message templates: what each kind of notice may do. Their texts are in texts/languages/<language>.ftl.

Vietnamese carriers deliver only registered templates, with the sender's name in each. So a text is a template with
slots, and has a version that is kept with every notice.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal

from gridcare.events.envelope import Unknown
from gridcare.events.notices import Lane

Kind = Literal[
    "announcement",
    "reminder",
    "change",
    "cancellation",
    "restoration",
    "emergency",
    "ticket-opened",
    "ticket-attached",
    "payment-received",
]
"""What a notice is about; each kind has a template of its name."""

ShownKind = Kind | Unknown
"""A kind as clients are shown it: `unknown` for one that only another release knows."""


@dataclass(frozen=True, slots=True)
class Template:
    """One kind of message.

    `stopped_patience` is how long a push waits while its channel is stopped before an SMS goes out instead: hours where there
    is time, since many thousand SMS at once cost a lot, and the fault is ours to mend.
    `patience` is how long a push may go without the app's received mark before an SMS follows; with None none follows.
    `untaken_patience` is how long a push that no device takes (the provider is silent or busy) is tried before the SMS; it
    concerns some recipients, not all. Neither of these two takes more than half of the time that is left.
    `sms_first` sends an SMS at once even where a device is live. `ignores_quiet_hours` is for what cannot wait until morning.
    """

    name: Kind
    version: int
    lane: Lane
    stopped_patience: timedelta
    patience: timedelta | None = None
    untaken_patience: timedelta = timedelta(minutes=30)
    sms_first: bool = False
    ignores_quiet_hours: bool = False


TEMPLATES: Final[Mapping[Kind, Template]] = {
    template.name: template
    for template in (
        Template("announcement", 1, "bulk", timedelta(hours=4)),
        Template("reminder", 1, "bulk", timedelta(hours=2)),
        Template("change", 1, "bulk", timedelta(minutes=30), patience=timedelta(minutes=30)),
        Template("cancellation", 1, "bulk", timedelta(minutes=30)),
        Template("restoration", 1, "bulk", timedelta(minutes=15)),
        Template(
            "emergency",
            1,
            "urgent",
            timedelta(minutes=2),
            ignores_quiet_hours=True,
            patience=timedelta(minutes=10),
            untaken_patience=timedelta(minutes=2),
        ),
        Template("ticket-opened", 1, "transactional", timedelta(minutes=15), ignores_quiet_hours=True),
        Template("ticket-attached", 1, "transactional", timedelta(minutes=15), ignores_quiet_hours=True),
        Template("payment-received", 1, "transactional", timedelta(hours=1)),
    )
}


def shown_kind(kind: str) -> ShownKind:
    """Return a kind as clients are shown it."""
    return next((known for known in TEMPLATES if known == kind), "unknown")
