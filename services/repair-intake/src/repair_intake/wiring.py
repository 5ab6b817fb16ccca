"""The composition root: turns a process's foundation into the rooms of the service."""

import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from gridcare.http.tokens.verifier import TokenVerifier
from gridcare.process.service import Foundation
from repair_intake import NAME
from repair_intake.known_outages.core import Margins
from repair_intake.known_outages.room import KnownOutages
from repair_intake.settings import Settings
from repair_intake.teams.room import Teams
from repair_intake.tickets.core.submission import TicketRules
from repair_intake.tickets.room import Tickets


@dataclass(frozen=True, slots=True)
class Rooms:
    """The service's rooms, and who checks the callers' tokens at their doors."""

    verifier: TokenVerifier
    known_outages: KnownOutages
    teams: Teams
    tickets: Tickets


@asynccontextmanager
async def wired(foundation: Foundation[Settings]) -> AsyncIterator[Rooms]:
    """Open the rooms on a process's foundation; close what they hold, in reverse, at the end of the block."""
    db, clock, settings = foundation.db, foundation.clock, foundation.settings
    async with AsyncExitStack() as stack:
        verifier = await stack.enter_async_context(
            TokenVerifier.open(issuer=settings.oidc_issuer, audience=NAME, ca_file=settings.oidc_ca_file)
        )
        yield Rooms(
            verifier=verifier,
            known_outages=KnownOutages(db, clock),
            teams=Teams(db),
            tickets=Tickets(db, clock, rules_of(settings), secrets.randbelow),
        )


def rules_of(settings: Settings) -> TicketRules:
    """Return the rules for new tickets that the settings state."""
    return TicketRules(
        margins=Margins(
            before=timedelta(seconds=settings.outage_margin_before_s),
            after=timedelta(seconds=settings.outage_margin_after_s),
        ),
        waiting_per_supply_point_max=settings.waiting_tickets_per_supply_point_max,
        sent_per_hour_max=settings.tickets_per_hour_max,
    )
