"""Settings of repair-intake: GRIDCARE_… variables, beside those that every service has."""

from pydantic import Field

from gridcare.process.settings import ServiceSettings


class Settings(ServiceSettings):
    """What ops may set for repair-intake."""

    outage_margin_before_s: float = Field(default=15 * 60, ge=0, le=24 * 3600)
    """A ticket this long before a cut's start is explained by it: crews switch off early (DESIGN.md §6)."""
    outage_margin_after_s: float = Field(default=30 * 60, ge=0, le=24 * 3600)
    """And this long after its expected end: switching back on takes time."""
    waiting_tickets_per_supply_point_max: int = Field(default=5, ge=1, le=1000)
    """Counted apart for urgent ones: five slow meters must not silence a fallen line."""
    tickets_per_hour_max: int = Field(default=20, ge=1, le=10_000)
    """Of one sender, counted in the same way."""
