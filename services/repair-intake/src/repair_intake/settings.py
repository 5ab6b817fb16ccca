"""Settings of repair-intake: GRIDCARE_… variables, besides those that every service has."""

from pydantic import Field

from gridcare.process.settings import ServiceSettings


class Settings(ServiceSettings):
    """What ops may set for repair-intake."""

    outage_margin_before_s: float = Field(default=15 * 60, ge=0, le=24 * 3600)
    """A cut explains tickets from this long before its start: crews may switch off early."""
    outage_margin_after_s: float = Field(default=30 * 60, ge=0, le=24 * 3600)
    """A cut explains tickets until this long after its expected end: switching back on takes time. Then those that are still
    attached to it are released."""
    waiting_tickets_per_supply_point_max: int = Field(default=5, ge=1, le=1000)
    """Urgent tickets are counted apart: five slow meters must not silence a fallen line."""
    tickets_per_hour_max: int = Field(default=20, ge=1, le=10_000)
    """Of one submitter; urgent tickets are counted apart here too."""
