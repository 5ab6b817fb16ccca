"""What the processes of a service may do in its database, which they do not own.

One role owns the database and runs `migrate`. The processes log in as members of another one, which can change no table, no
trigger and no right, and which has only those privileges on rows that its service declares.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, Self

from gridcare.errors import GridcareError
from gridcare.postgres.database import Connection, direct_connection

Privilege = Literal["SELECT", "INSERT", "UPDATE", "DELETE"]

STATEMENT_TIMEOUT_S = 60


class RoleMissing(GridcareError):
    """The role that the processes are members of does not exist; `migrate` may not create roles."""


@dataclass(frozen=True, slots=True)
class Rights:
    """What may be done with the rows of a table; where `update_of` names columns, only these are changed."""

    privileges: tuple[Privilege, ...]
    update_of: tuple[str, ...] = ()

    def of(self, *columns: str) -> Self:
        """Return these rights and that to change some columns."""
        return type(self)(self.privileges, columns)

    def __str__(self) -> str:
        of_columns = [f"UPDATE ({', '.join(self.update_of)})"] if self.update_of else []
        return ", ".join([*self.privileges, *of_columns])


def may(*privileges: Privilege) -> Rights:
    """Return the rights to read a table and to do what is named."""
    return Rights(("SELECT", *privileges))


SHARED: Final[Mapping[str, Rights]] = {
    "consumer_crash": may("INSERT", "UPDATE", "DELETE"),
    "consumer_position": may("INSERT", "UPDATE"),
    "dead_letter": may("INSERT", "UPDATE", "DELETE"),
    "dead_letter_replay": may("INSERT"),
    "idempotency": may("INSERT", "UPDATE", "DELETE"),
    "inbox": may("INSERT", "DELETE"),
    "outbox": may("INSERT", "DELETE"),
    "outbox_id_seq": may(),  # the relay reads which id was drawn last
    "outbox_quarantine": may("INSERT", "DELETE"),
    "poison": may("INSERT", "UPDATE", "DELETE"),
    "token_bucket": may("INSERT", "UPDATE", "DELETE"),
}
"""The tables of the shared plumbing, which every service's database has."""


@dataclass(frozen=True, slots=True)
class Grants:
    """The role of a service's processes, and what it may do beside SHARED.

    `functions` are those that it may call, with the types of their arguments: `add_partition(text, date)`. A table that is
    not named is closed to it.
    """

    role: str
    tables: Mapping[str, Rights]
    functions: Sequence[str] = ()

    def all_tables(self) -> Mapping[str, Rights]:
        """Return the rights of every table, those of the shared plumbing too."""
        return {**SHARED, **self.tables}


_IS_THERE = "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)"
_OWN_TABLES = """
SELECT string_agg(c.oid::regclass::text, ', ') FROM pg_class c
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = ANY('{r,p,v,m,S}') AND pg_has_role(c.relowner, 'USAGE')
"""
_OWN_FUNCTIONS = """
SELECT string_agg(p.oid::regprocedure::text, ', ') FROM pg_proc p
WHERE p.pronamespace = 'public'::regnamespace AND pg_has_role(p.proowner, 'USAGE')
"""


async def give_grants(database_url: str, grants: Grants) -> None:
    """Grant the role what is declared and revoke everything else, in one transaction. Idempotent.

    The address is the owner's. Whatever an older release's processes still do must stay declared while they run. Raises
    RoleMissing.
    """
    async with direct_connection(
        database_url, application_name="migrate", statement_timeout_s=STATEMENT_TIMEOUT_S
    ) as connection:
        if not await connection.fetchval(_IS_THERE, grants.role):
            raise RoleMissing(
                f"the role {grants.role} does not exist: CREATE ROLE {grants.role} NOLOGIN, and grant it to the processes' login"
            )
        async with connection.transaction():
            for statement in await _statements(connection, grants):
                await connection.execute(statement)


async def _statements(connection: Connection, grants: Grants) -> list[str]:
    role = grants.role
    database = await connection.fetchval("SELECT quote_ident(current_database())")
    # what another role owns, such as an extension's, is not ours to take
    tables = await connection.fetchval(_OWN_TABLES)
    functions = await connection.fetchval(_OWN_FUNCTIONS)
    return [
        f"GRANT CONNECT, TEMPORARY ON DATABASE {database} TO {role}",
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
        f"REVOKE ALL ON SCHEMA public FROM {role}",
        f"GRANT USAGE ON SCHEMA public TO {role}",
        f"REVOKE ALL ON TABLE {tables} FROM PUBLIC, {role}",
        *([f"REVOKE ALL ON FUNCTION {functions} FROM PUBLIC, {role}"] if functions else []),
        *(f"GRANT {rights} ON TABLE {table} TO {role}" for table, rights in grants.all_tables().items()),
        *(f"GRANT EXECUTE ON FUNCTION {function} TO {role}" for function in grants.functions),
    ]
