"""The composition root: what a process's foundation is made into."""

import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from gridcare.http.auth import TokenVerifier
from gridcare.postgres.database import Database
from gridcare.process.service import Foundation
from gridcare.values.clock import Clock
from repair_intake import NAME
from repair_intake.known_outages.core import Margins
from repair_intake.settings import Settings
from repair_intake.tickets.core.submission import Rules
from repair_intake.tickets.flow.submit_ticket import Intake


@dataclass(frozen=True, slots=True)
class Services:
    """Everything that a flow needs."""

    settings: Settings
    clock: Clock
    db: Database
    verifier: TokenVerifier
    intake: Intake


@asynccontextmanager
async def wired(foundation: Foundation[Settings]) -> AsyncIterator[Services]:
    """Open what this service needs beside its foundation, and close it in reverse."""
    settings = foundation.settings
    async with AsyncExitStack() as stack:
        verifier = await stack.enter_async_context(TokenVerifier.open(issuer=settings.oidc_issuer, audience=NAME))
        intake = Intake(foundation.db, foundation.clock, rules_of(settings), secrets.randbelow)
        yield Services(settings, foundation.clock, foundation.db, verifier, intake)


def rules_of(settings: Settings) -> Rules:
    """Give the rules that the settings make."""
    return Rules(
        margins=Margins(
            before=timedelta(seconds=settings.outage_margin_before_s),
            after=timedelta(seconds=settings.outage_margin_after_s),
        ),
        waiting_per_supply_point_max=settings.waiting_tickets_per_supply_point_max,
        sent_per_hour_max=settings.tickets_per_hour_max,
    )
