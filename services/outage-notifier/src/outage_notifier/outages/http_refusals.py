"""What the outage routes refuse."""

from gridcare.http.documents.refusals import Refusal

OUTAGE_NOT_FOUND = Refusal(404, "outage-not-found", "There is no such outage.")
CHANGED_MEANWHILE = Refusal(409, "outage-changed-meanwhile", "Somebody changed it since you read it. Read it again.")
OVER = (
    Refusal(409, "outage-already-cancelled", "The outage is cancelled."),
    Refusal(409, "outage-already-restored", "The power is back already."),
)
NOT_PUBLISHED = Refusal(409, "outage-not-published", "The outage is a draft.")
ALREADY_PUBLISHED = Refusal(409, "outage-already-published", "The outage is published: revise it to change it.")
UNCHANGED = Refusal(409, "outage-unchanged", "The revision says what is published already.")
IS_OVER = Refusal(409, "outage-is-over", "Its last window has passed: it can only be restored.")
NOT_STARTED = Refusal(409, "outage-not-started", "It has not begun: cancel it instead.")
DOCUMENT = (
    Refusal(422, "windows-count", "It has no window, or more than an outage may have."),
    Refusal(422, "window-ends-before-start", "A window ends after it starts."),
    Refusal(422, "window-too-long", "A window is longer than a cut may be."),
    Refusal(422, "window-too-far", "A window lies too far ahead."),
    Refusal(422, "windows-overlap", "Two windows share some time."),
    Refusal(422, "window-in-past", "A planned window starts in the future, and every window ends in it."),
    Refusal(422, "scope-empty", "Nothing is named that is cut."),
    Refusal(422, "unknown-scope", "No supply point hangs on some of what is to be cut."),
)
PUBLICATION = (
    Refusal(422, "statutory-notice-late", "Customers must be told earlier; say in `late_reason` why it cannot be."),
    Refusal(422, "notice-too-long", "The text does not fit an SMS or a push: use fewer words."),
)
