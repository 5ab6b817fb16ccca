"""The plans of the hot statements on filled tables: by indexes, and in the months that they are about."""

import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import pytest

from gridcare.values.ids import first_id, uuid7
from outage_notifier.inbox import store as inbox
from outage_notifier.ledger.core.delivery import OPEN
from outage_notifier.ledger.core.months import month_of, months_later
from outage_notifier.ledger.store import attempt, batch, breaker, cover, delivery, notice, progress
from outage_notifier.planning.store import follow_up
from outage_notifier.receipts.store import receipt, received_mark

RECIPIENTS = 4_000
NOTICES_A_MONTH = 3
THIS_MONTH = month_of(datetime.now(UTC))
MONTHS = [months_later(THIS_MONTH, n) for n in range(1, 4)]
CODES = [f"PB{n:011}" for n in range(1, 501)]
FILLED = {f"{table}_{month:%Y_%m}" for table in ("delivery", "batch", "attempt") for month in MONTHS}

_FILL = (
    """
    INSERT INTO notice (notice_id, kind, template, template_version, slots, tag, lane, audience_rule, due_at, useful_until,
        state, created_at)
    VALUES ($1, 'k', 't', 1, '{}', '', 'bulk', 'scope', now(), now(), 'completed', now())
    """,
    """
    INSERT INTO batch (batch_id, notice_id, home, channel, lane, members, size, state)
    SELECT CASE n WHEN 1 THEN $2 ELSE (left($2::uuid::text, 24) || lpad(to_hex(n), 12, '0'))::uuid END, $1, true, 'push', 'bulk',
        '[]', 500, 'settled' FROM generate_series(1, $3::int) AS n
    """,
    """
    INSERT INTO delivery (notice_id, recipient_id, number, home_batch_id, language, state, reason, channel, contact, tries,
        recorded_at)
    SELECT $1, 'PB' || lpad(n::text, 11, '0'), n, $2, 'vi', 'accepted', '', 'push', '', 1, now()
    FROM generate_series(1, $3::int) AS n
    """,
    """
    INSERT INTO attempt (batch_id, place, try, notice_id, recipient_id, channel, contact_id, started_at)
    SELECT $2, n, 1, $1, 'PB' || lpad(n::text, 11, '0'), 'push', 'd', now() FROM generate_series(1, $3::int) AS n
    """,
)


@pytest.fixture
async def filled(owner_url):
    """Yield a connection, as services open them, to three months; a notice and a batch are of the second."""
    settings = {"jit": "off", "random_page_cost": "1.1", "timezone": "UTC"}
    connection = await asyncpg.connect(owner_url, server_settings=settings)
    named: list[tuple[UUID, UUID]] = []
    for month in MONTHS:
        for day in range(NOTICES_A_MONTH):
            ids = uuid7(month + timedelta(days=day + 1)), uuid7(month + timedelta(days=day + 1))
            named.append(ids)
            await connection.execute(_FILL[0], ids[0])
            for statement in _FILL[1:]:
                await connection.execute(statement, *ids, RECIPIENTS)
    await connection.execute(delivery._STAGE)
    await connection.execute("ANALYZE")
    yield connection, *named[NOTICES_A_MONTH]
    await connection.close()


def nodes(plan):
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


async def plan_of(connection, statement: str, *arguments) -> tuple[set[str], set[str]]:
    """Return which filled tables a statement reads from end to end, and which tables it looks at at all."""
    (explained,) = json.loads(await connection.fetchval("EXPLAIN (FORMAT JSON) " + statement, *arguments))
    read = [node for node in nodes(explained["Plan"]) if "Relation Name" in node]
    whole = {node["Relation Name"] for node in read if node["Node Type"] == "Seq Scan"} & FILLED
    return whole, {node["Relation Name"] for node in read}


MONTH = f"{MONTHS[1]:%Y_%m}"
NOW = datetime.now(UTC)
STATES = [state.value for state in OPEN]


def of_one_month(n: UUID, b: UUID) -> dict:
    """Return the statements about a notice or a batch, by name: with the table that is partitioned, and arguments."""
    return {
        "find": (delivery._FIND, "delivery", ([n] * 500, CODES)),
        "homes": (delivery._HOMES, "delivery", ([n] * 500, CODES)),
        "page": (delivery._PAGE, "delivery", (n, "", None, 50)),
        "record": (delivery._MERGE, "delivery", (STATES, [b], [n])),
        "mark": (received_mark._RECORDED, "delivery", (n, 1, CODES[:2])),
        "claim": (batch._CLAIM, "batch", (b, 30.0, True)),
        "lock": (batch._LOCK, "batch", (b, 1)),
        "settle": (batch._SETTLE, "batch", (b, STATES)),
        "renew": (batch._RENEW, "batch", (b, 1, 30.0)),
        "lock many": (batch._LOCK_MANY, "batch", ([b],)),
        "complete": (attempt._COMPLETE, "attempt", (b, [1], [1], [NOW], ["accepted"], [None], ["SM1"])),
        "named": (attempt._NAMED, "attempt", ([b], [1], [1])),
        "bind": (attempt._BIND, "attempt", ([b], [1], [1], ["SM1"], NOW)),
    }


OF_ALL_MONTHS = {
    "due": (follow_up._DUE, (NOW, STATES, 500, 500 * follow_up.WINDOW)),
    "unknown": (delivery._TAKE_UNKNOWN, (NOW, NOW, 40)),
    "hint again": (batch._TAKE_SILENT, (60.0, 1000)),
    "messages": (attempt._OF_MESSAGES, (["SM1"],)),
    "unheard": (breaker._LOOK, (5.0,)),
}
LOOKS = [
    *(
        batch.any_silent(60),
        batch.ANY_LEASED,
        batch.ANY_STOPPED,
        cover.ANY_DUE,
        delivery.ANY_UNKNOWN,
        follow_up.ANY_DUE,
    ),
    *(
        notice.ANY_CLAIMABLE,
        notice.ANY_SINGLE,
        notice.ANY_TO_PLAN,
        progress.ANY_DONE,
        receipt.ANY_DUE,
        received_mark.ANY_DUE,
    ),
]
"""What idle processes ask all the time, in one statement."""


async def test_hot_statements_read_one_month(filled):
    """What is about one notice or batch looks into its month alone, and reads no filled table from end to end."""
    connection, notice_id, batch_id = filled
    for name, (statement, table, arguments) in of_one_month(notice_id, batch_id).items():
        whole, tables = await plan_of(connection, statement, *arguments)
        assert whole == set(), name
        assert {each for each in tables if each.startswith(f"{table}_2")} == {f"{table}_{MONTH}"}, name


async def test_sweeps_use_indexes(filled):
    """What falls due in any month is found by small indexes."""
    connection, *_ = filled
    for name, (statement, arguments) in OF_ALL_MONTHS.items():
        whole, _ = await plan_of(connection, statement, *arguments)
        assert whole == set(), name


@pytest.mark.parametrize("rows", [0, 2_000])
async def test_looks_use_indexes(owner_db, rows):
    """What processes ask all the time is planned once, by indexes even where the tables were empty then."""
    statement = "SELECT $1::timestamptz, " + ", ".join(f"({query}) IS NOT NULL" for query in LOOKS)
    async with owner_db.transaction() as tx:
        for _ in range(rows):
            await tx.execute(_FILL[0], uuid7(MONTHS[0]))
        await tx.execute("ANALYZE notice")
    async with owner_db.keeping_plans() as looking, looking.read() as connection:
        await connection.execute(f"PREPARE look (timestamptz) AS {statement}")
        (explained,) = json.loads(await connection.fetchval("EXPLAIN (FORMAT JSON) EXECUTE look (now())"))
        plans = await connection.fetchrow("SELECT generic_plans, custom_plans FROM pg_prepared_statements")
    read = {node["Relation Name"] for node in nodes(explained["Plan"]) if node["Node Type"] == "Seq Scan"}
    assert read <= {"breaker"}, "it has a row for each channel"
    assert tuple(plans) == (1, 0)


async def test_inbox_asks_by_key(filled):
    """The inbox finds a customer's messages by key in the months that have no index by recipient, and by index in the others."""
    connection, *_ = filled
    await connection.execute("SELECT index_partition($1)", f"delivery_{MONTHS[0]:%Y_%m}")
    arguments = (CODES[:2], None, None, 50, first_id(MONTHS[1]))
    whole, _ = await plan_of(connection, inbox._PAGE, *arguments)
    assert not {table for table in whole if table.startswith("delivery")}
    assert len(await connection.fetch(inbox._PAGE, *arguments)) == len(MONTHS) * NOTICES_A_MONTH * 2
