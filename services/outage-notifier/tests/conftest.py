"""The fixtures of outage-notifier's tests; outage_notifier_testing defines them."""

from outage_notifier_testing.sending import (  # noqa: F401 - fixtures
    catalog,
    fake_push,
    fake_sms,
    ledger,
    marks,
    plan,
    planned,
    planning,
    send,
    sending,
)
from outage_notifier_testing.wired import api, rooms, settings  # noqa: F401 - fixtures
from outage_notifier_testing.world import clock, grants, migrations, vault, world  # noqa: F401 - fixtures
