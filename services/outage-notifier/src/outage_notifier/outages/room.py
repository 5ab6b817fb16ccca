"""What the use cases of outages work in."""

from dataclasses import dataclass

from gridcare.postgres.database import Database
from gridcare.values.clock import Clock
from outage_notifier.outages.core.rules import OutageRules
from outage_notifier.texts.rendering import Catalog


@dataclass(frozen=True, slots=True)
class Outages:
    """The database, the clock, the rules of outages and the texts. `sms_price_vnd` is the price of one segment, in dong."""

    db: Database
    clock: Clock
    rules: OutageRules
    catalog: Catalog
    sms_price_vnd: int
