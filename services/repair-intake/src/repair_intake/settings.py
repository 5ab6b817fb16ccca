"""Settings of repair-intake: GRIDCARE_… variables. The parts come first, then what each process reads."""

from pydantic import Field

from gridcare.process.settings import HttpSettings, ProcessSettings, Settings, TopicsSettings


class TicketSettings(Settings):
    """The part of processes that open tickets or explain them."""

    outage_margin_before_s: float = Field(default=15 * 60, ge=0, le=24 * 3600)
    """A cut explains tickets from this long before its start: crews may switch off early."""
    outage_margin_after_s: float = Field(default=30 * 60, ge=0, le=24 * 3600)
    """A cut explains tickets until this long after its expected end: switching back on takes time. Then those that are still
    attached to it are released."""
    waiting_tickets_per_supply_point_max: int = Field(default=5, ge=1, le=1000)
    """Urgent tickets are counted apart: five slow meters must not silence a fallen line."""
    tickets_per_hour_max: int = Field(default=20, ge=1, le=10_000)
    """Of one submitter; urgent tickets are counted apart here too."""


class ApiSettings(HttpSettings, TicketSettings):
    """What `api` reads."""


class ConsumerSettings(TopicsSettings, TicketSettings):
    """What `consumer` reads."""


class WorkerSettings(ProcessSettings, TicketSettings):
    """What `worker` reads."""
