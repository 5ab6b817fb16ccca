"""The composition root: turns a process's foundation into the rooms of the service."""

import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from gridcare.http.tokens.verifier import TokenVerifier
from gridcare.postgres.database import Database
from gridcare.process.foundation import Foundation
from gridcare.process.settings import DatabaseSettings
from gridcare.values.clock import SystemClock
from repair_intake import NAME
from repair_intake.known_outages.core import Margins
from repair_intake.known_outages.room import KnownOutages
from repair_intake.settings import ApiSettings, ConsumerSettings, TicketSettings, WorkerSettings
from repair_intake.teams.room import Teams
from repair_intake.tickets.core.submission import TicketRules
from repair_intake.tickets.room import Tickets


@dataclass(frozen=True, slots=True)
class ApiRooms:
    """The rooms behind the api's doors, and who checks the callers' tokens there."""

    verifier: TokenVerifier
    teams: Teams
    tickets: Tickets


@dataclass(frozen=True, slots=True)
class WorkerRooms:
    """The rooms that the worker's loops go through."""

    known_outages: KnownOutages
    tickets: Tickets


@asynccontextmanager
async def serving(foundation: Foundation[ApiSettings]) -> AsyncIterator[ApiRooms]:
    """Open the api's rooms on its foundation; close what they hold, in reverse, at the end of the block."""
    settings = foundation.settings
    async with AsyncExitStack() as stack:
        verifier = await stack.enter_async_context(
            TokenVerifier.open(issuer=settings.oidc_issuer, audience=NAME, ca_file=settings.oidc_ca_file)
        )
        yield ApiRooms(verifier=verifier, teams=Teams(foundation.db), tickets=tickets_of(foundation))


@asynccontextmanager
async def working(foundation: Foundation[WorkerSettings]) -> AsyncIterator[WorkerRooms]:
    """Open the worker's rooms on its foundation."""
    yield WorkerRooms(
        known_outages=KnownOutages(foundation.db, foundation.clock),
        tickets=tickets_of(foundation),
    )


@asynccontextmanager
async def retaining(settings: DatabaseSettings) -> AsyncIterator[KnownOutages]:
    """Open the database for the command that does at once what the worker does each hour."""
    url = settings.database_url.get_secret_value()
    async with Database.open(url, application_name=f"{NAME} retention", pool_size=2) as db:
        yield KnownOutages(db, SystemClock(settings.clock_offset_s))


def tickets_of(
    foundation: Foundation[ApiSettings] | Foundation[ConsumerSettings] | Foundation[WorkerSettings],
) -> Tickets:
    """Return the room of tickets: an api opens them, a consumer explains them, a worker releases them."""
    return Tickets(foundation.db, foundation.clock, rules_of(foundation.settings), secrets.randbelow)


def rules_of(settings: TicketSettings) -> TicketRules:
    """Return the rules for new tickets that the settings state."""
    return TicketRules(
        margins=Margins(
            before=timedelta(seconds=settings.outage_margin_before_s),
            after=timedelta(seconds=settings.outage_margin_after_s),
        ),
        waiting_per_supply_point_max=settings.waiting_tickets_per_supply_point_max,
        sent_per_hour_max=settings.tickets_per_hour_max,
    )
