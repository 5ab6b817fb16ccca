"""What the role of a service's processes may do in its database, read from the catalog and tried out.

A service's tests compare it with what the service declares; nothing here comes from how the rights were given.
"""

from collections.abc import Iterator, Mapping
from typing import Final

import asyncpg

from gridcare.postgres.schema.grants import Grants, Rights

_TABLES = """
SELECT c.relname::text AS name, c.relkind = 'S' AS is_sequence, pg_has_role(c.relowner, 'MEMBER') AS is_own,
    ARRAY(SELECT p FROM unnest($1::text[]) AS p WHERE has_table_privilege(c.oid, p)) AS privileges,
    ARRAY(SELECT p || ' ' || a.attname FROM unnest('{SELECT,INSERT,UPDATE,REFERENCES}'::text[]) AS p, pg_attribute a
          WHERE c.relkind <> 'S' AND a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
            AND has_column_privilege(c.oid, a.attnum, p) AND NOT has_table_privilege(c.oid, p)) AS of_columns,
    c.relkind = 'S' AND has_sequence_privilege(c.oid, 'USAGE') AS is_drawn_from
FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = ANY('{r,p,v,m,f,S}')
"""
_FUNCTIONS = """
SELECT p.oid::regprocedure::text AS name, has_function_privilege(p.oid, 'EXECUTE') AS is_open,
    p.prosecdef AND NOT coalesce('search_path=public, pg_temp' = ANY(p.proconfig), false) AS is_unsafe
FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace
"""
_DATABASE = """
SELECT has_schema_privilege('public', 'CREATE') AS creates_in_schema,
    has_database_privilege(current_database(), 'CREATE') AS creates_schemas,
    (SELECT rolsuper OR rolcreaterole OR rolcreatedb OR rolbypassrls OR rolreplication FROM pg_roles WHERE rolname = current_user)
        AS is_special,
    pg_has_role((SELECT datdba FROM pg_database WHERE datname = current_database()), 'MEMBER') AS is_owner
"""
_REFUSING = """
SELECT t.tgrelid::regclass::text AS name, bool_or(t.tgtype & 8 > 0) AS deletes,
    bool_or(t.tgtype & 16 > 0 AND t.tgattr::text = '' AND t.tgqual IS NULL) AS updates,
    array_agg(a.attname::text) FILTER (WHERE a.attname IS NOT NULL) AS columns
FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
LEFT JOIN pg_attribute a ON a.attrelid = t.tgrelid AND t.tgtype & 16 > 0 AND a.attnum = ANY(t.tgattr)
WHERE p.proname LIKE 'refuse_change%' GROUP BY 1
"""
_ALL: Final = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER", "MAINTAIN")
_ALTERATIONS = (
    "ALTER TABLE {} DISABLE TRIGGER ALL",
    "ALTER TABLE {} ADD COLUMN more int",
    "ALTER TABLE {} OWNER TO CURRENT_USER",
    "CREATE INDEX more ON {} ((1))",
    "CREATE TRIGGER more BEFORE INSERT ON {} FOR EACH STATEMENT EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    "TRUNCATE {} CASCADE",
    "DROP TABLE {} CASCADE",
)
_ELSEWHERE = (
    "CREATE TABLE more (n int)",
    "CREATE FUNCTION more() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE SCHEMA more",
    "SET session_replication_role = replica",  # would pass over triggers
    "SELECT version FROM schema_migrations",
)


async def wrong_rights(url: str, grants: Grants) -> list[str]:
    """Return what the role of an address may do otherwise than declared, and what it may do beside the tables' rows."""
    connection = await asyncpg.connect(url)
    try:
        tables = {row["name"]: row for row in await connection.fetch(_TABLES, _ALL)}
        functions = await connection.fetch(_FUNCTIONS)
        database = await connection.fetchrow(_DATABASE)
    finally:
        await connection.close()
    wrong = [f"the role {what}" for what, holds in (database or {"": True}).items() if holds]
    wrong += [f"{row['name']}: has no fixed search_path" for row in functions if row["is_unsafe"]]
    callable_ = {row["name"] for row in functions if row["is_open"]}
    declared = {name.replace("timestamptz", "timestamp with time zone").replace(", ", ",") for name in grants.functions}
    wrong += [f"{name}: may be called, or was to be" for name in sorted(callable_ ^ declared)]
    wrong += [f"{name}: is declared and not there" for name in grants.all_tables().keys() - tables.keys()]
    return wrong + [
        line for name in sorted(tables) for line in _wrong(dict(tables[name]), grants.all_tables().get(name))
    ]


def _wrong(table: Mapping[str, object], rights: Rights | None) -> Iterator[str]:
    name, seen = table["name"], {*_names(table["privileges"]), *_names(table["of_columns"])}
    declared = {*rights.privileges, *(f"UPDATE {column}" for column in rights.update_of)} if rights else set()
    if seen != declared:
        yield f"{name}: {sorted(seen)}, not {sorted(declared)}"
    if table["is_own"] or table["is_drawn_from"]:
        yield f"{name}: is the role's own"


def _names(value: object) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else []


async def append_only(url: str) -> dict[str, list[str]]:
    """Return the tables whose triggers refuse that rows are deleted or changed, each with what may be done all the same."""
    connection = await asyncpg.connect(url)
    try:
        found = {}
        for row in await connection.fetch(_REFUSING):
            name, may = row["name"], []
            if row["deletes"] and await connection.fetchval("SELECT has_table_privilege($1, 'DELETE, TRUNCATE')", name):
                may.append("DELETE")
            if row["updates"] and await connection.fetchval("SELECT has_any_column_privilege($1, 'UPDATE')", name):
                may.append("UPDATE")
            open_column = "SELECT c FROM unnest($2::text[]) AS c WHERE has_column_privilege($1, c, 'UPDATE')"
            may += [f"UPDATE {each['c']}" for each in await connection.fetch(open_column, name, row["columns"] or [])]
            found[name] = may
        return found
    finally:
        await connection.close()


async def alterations(url: str) -> list[str]:
    """Return the statements that change tables, triggers, rights or the schema and are not refused to an address's role."""
    connection = await asyncpg.connect(url)
    done = []
    try:
        tables = [row["name"] for row in await connection.fetch(_TABLES, _ALL) if not row["is_sequence"]]
        for statement in (*_ELSEWHERE, *(each.format(table) for table in tables for each in _ALTERATIONS)):
            trial = connection.transaction()
            await trial.start()
            try:
                await connection.execute(statement)
                done.append(statement)
            except asyncpg.InsufficientPrivilegeError:
                pass
            finally:
                await trial.rollback()
    finally:
        await connection.close()
    return done
