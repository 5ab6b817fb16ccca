"""What the outage routes refuse."""

from gridcare.http.documents.refusals import Refusal

OUTAGE_NOT_FOUND = Refusal(404, "outage-not-found", "There is no such outage.")
CHANGED_MEANWHILE = Refusal(
    409, "outage-changed-meanwhile", "Somebody changed the outage since you read it. Read it again."
)
OVER = (
    Refusal(409, "outage-already-cancelled", "The outage is cancelled."),
    Refusal(409, "outage-already-restored", "The power is already back."),
)
NOT_PUBLISHED = Refusal(409, "outage-not-published", "The outage is a draft.")
ALREADY_PUBLISHED = Refusal(409, "outage-already-published", "The outage is already published: revise it to change it.")
UNCHANGED = Refusal(409, "outage-unchanged", "The revision changes nothing: it says what is already published.")
IS_OVER = Refusal(409, "outage-is-over", "The last window of the outage has passed: it can only be restored.")
NOT_STARTED = Refusal(409, "outage-not-started", "The outage has not begun: cancel it instead.")
DOCUMENT = (
    Refusal(422, "windows-count", "The outage has no window, or more windows than it may have."),
    Refusal(422, "window-ends-before-start", "A window must end after it starts."),
    Refusal(422, "window-too-long", "A window is longer than a cut may be."),
    Refusal(422, "window-too-far", "A window lies too far ahead."),
    Refusal(422, "windows-overlap", "Two windows share some time."),
    Refusal(
        422, "window-in-past", "A planned window must start in the future, and every window must end in the future."
    ),
    Refusal(422, "scope-empty", "The scope is empty: name at least one feeder, transformer, ward or supply point."),
    Refusal(422, "unknown-scope", "Some of what is to be cut has no supply point; `unknown` names it."),
)
PUBLICATION = (
    Refusal(
        422, "statutory-notice-late", "Customers must be told earlier; if they cannot be, say why in `late_reason`."
    ),
    Refusal(422, "notice-too-long", "The text does not fit an SMS or a push: use fewer words."),
)
