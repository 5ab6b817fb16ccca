"""The migration to partitions: what the first release wrote is all still there, in its place, under the same rules."""

import shutil
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest

from gridcare.postgres.schema.grants import give_grants
from gridcare.postgres.schema.migrate import migrate
from gridcare.values.ids import first_id, uuid7
from gridcare_local.testing.rights import wrong_rights
from gridcare_local.testing.servers import empty_database
from outage_notifier.ledger.core.delivery import RECORDED

FIRST_RELEASE = "20261123"
TABLES = ("notice", "batch", "delivery", "attempt", "notice_contact", "receipt")
NOW = datetime.now(UTC)
OLD = NOW - timedelta(days=70)

_NOTICE = """
INSERT INTO notice (notice_id, kind, template, template_version, slots, tag, lane, audience_rule, recipient_id,
    due_at, useful_until, state, created_at)
VALUES ($1, 'announcement', 'announcement', 1, '{}', 't', 'bulk', $2, $3, $4, $4, 'planned', $4)
"""
_BATCH = """
INSERT INTO batch (batch_id, notice_id, home, channel, lane, members, size, state) VALUES ($1, $2, $3, $4, 'bulk', '[]', 500, $5)
"""
_DELIVERY = """
INSERT INTO delivery (notice_id, recipient_id, number, home_batch_id, language, state, reason, channel, contact, tries,
    next_attempt_at, recorded_at, told_devices)
VALUES ($1, $2, $3, $4, 'vi', $5, '', 'push', '', 1, $6, now(), '{d}')
"""
_ATTEMPT = """
INSERT INTO attempt VALUES ($1, $2, 1, $3, 'PB1', $4, '7', $5, $6, $7, NULL, $8, NULL)
"""
_RECEIPT = """
INSERT INTO receipt (source, dedup_key, attempt_name, received_at) VALUES ('twilio', $1, 'b.1.1', $2)
"""


async def fill(connection, notice_ids) -> None:
    """Write every state of every table, about notices of different months, as the first release did."""
    for notice_id in notice_ids:
        at = NOW
        await connection.execute(_NOTICE, notice_id, "scope", None, at)
        home = uuid7(at)
        for home_, channel, state in ((True, "push", "ready"), (False, "sms", "settled"), (True, "none", "settled")):
            await connection.execute(_BATCH, home if channel == "push" else uuid7(at), notice_id, home_, channel, state)
        for number, state in enumerate(RECORDED, start=1):
            due = at if state in {"held", "retrying", "unknown", "awaiting"} else None
            await connection.execute(_DELIVERY, notice_id, f"PB{number}", number, home, state, due)
        await connection.execute("INSERT INTO notice_contact VALUES ($1, 'k', 'PB1')", notice_id)
        outcomes = (None, "accepted", "refused", "retry", "unknown", "misconfigured")
        for place, outcome in enumerate(outcomes):
            for channel in ("push", "sms"):
                message_id = f"{channel}-{notice_id}" if outcome == "accepted" else None
                n = place * 2 + (channel == "sms")
                await connection.execute(
                    _ATTEMPT, home, n, notice_id, channel, at, at if outcome else None, outcome, message_id
                )
        for key, received_at in (("SM1", at), ("SM2", OLD)):
            await connection.execute(_RECEIPT, f"{key}{notice_id}:sent", received_at)


async def everything(connection) -> dict[str, list[dict]]:
    return {
        table: [dict(row) for row in await connection.fetch(f"SELECT * FROM {table} AS t ORDER BY t::text")]
        for table in TABLES
    }


@pytest.fixture
def of_first_release(migrations, tmp_path):
    """Return a folder with the first release's migrations."""
    for file in sorted(migrations.glob("*.sql")):
        if file.name < f"{FIRST_RELEASE}999999":
            shutil.copy(file, tmp_path)
    return tmp_path


@pytest.fixture
async def old_urls(postgres_admin_url, grants, of_first_release):
    """Yield the addresses of a database of the first release, which knew one role."""
    async with empty_database(postgres_admin_url, grants) as urls:
        await migrate(urls.owner, of_first_release)
        yield urls


@pytest.fixture
def old_url(old_urls):
    """Return its address for that role."""
    return old_urls.owner


@pytest.fixture
async def old(old_url):
    """Yield a connection to it."""
    connection = await asyncpg.connect(old_url)
    yield connection
    await connection.close()


IDS = (uuid7(OLD), uuid7(NOW), uuid4(), UUID(int=1), uuid7(NOW + timedelta(days=40)), UUID(int=2**128 - 1))
"""Old, new, drawn by hand, the lowest, of a clock that was ahead, the highest."""


async def test_migrating_keeps_everything(old, old_url, migrations):
    """Every row of every state is there after the migration, unchanged, whatever its id."""
    await fill(old, IDS)
    before = await everything(old)
    await migrate(old_url, migrations)
    after = await everything(old)
    assert {table: len(rows) for table, rows in after.items()} == {table: len(rows) for table, rows in before.items()}
    for table, rows in before.items():
        assert [{name: row[name] for name in rows[0]} for row in after[table]] == rows


async def test_rows_go_by_month(old, old_url, migrations):
    """What the first release wrote stays where it is; what comes later goes to its month, and strange ids to the rest."""
    await fill(old, IDS)
    await migrate(old_url, migrations)
    later = uuid7(NOW + timedelta(hours=2))
    await old.execute(_DELIVERY, later, "PB1", 1, uuid7(NOW), "accepted", None)
    where = dict(await old.fetch("SELECT notice_id, min(tableoid::regclass::text) FROM delivery GROUP BY 1"))
    assert where[IDS[0]] == where[IDS[1]] == where[IDS[3]] == "delivery_before"
    assert where[IDS[5]] == "delivery_default"
    assert where[later] == f"delivery_{NOW + timedelta(hours=2):%Y_%m}"
    assert where[IDS[4]] == f"delivery_{NOW + timedelta(days=40):%Y_%m}"


async def test_messages_stay_bound_once(old, old_url, migrations):
    """A message of the last 60 days belongs to one attempt, in any month: a second one is refused, until it is released."""
    await fill(old, IDS[:2])
    await migrate(old_url, migrations)
    assert {row[0] for row in await old.fetch("SELECT message_id FROM sms_message")} == {
        f"sms-{each}" for each in IDS[:2]
    }
    message_id, later = f"sms-{IDS[0]}", uuid7(NOW + timedelta(days=40))
    with pytest.raises(asyncpg.UniqueViolationError):
        await old.execute(_ATTEMPT, later, 1, later, "sms", NOW, NOW, "accepted", message_id)
    await old.execute(_ATTEMPT, later, 1, later, "sms", NOW, NOW, "unknown", None)
    with pytest.raises(asyncpg.UniqueViolationError):
        await old.execute("UPDATE attempt SET provider_message_id = $1 WHERE batch_id = $2", message_id, later)
    await old.execute("UPDATE attempt SET provider_message_id = NULL WHERE provider_message_id = $1", message_id)
    await old.execute("UPDATE attempt SET provider_message_id = $1 WHERE batch_id = $2", message_id, later)
    assert await old.fetchval("SELECT batch_id FROM sms_message WHERE message_id = $1", message_id) == later


async def test_receipt_keys_are_taken_over(old, old_url, migrations):
    """Receipts of the last 60 days are known again when they are repeated; older ones never are."""
    await fill(old, IDS[:1])
    await migrate(old_url, migrations)
    assert [row[0] for row in await old.fetch("SELECT dedup_key FROM receipt_key")] == [f"SM1{IDS[0]}:sent"]


async def test_former_release_goes_on(old, old_url, migrations):
    """The former release's statements that name an index or a table still work on the same connection, prepared before."""
    notice_id, home = uuid7(NOW), uuid7(NOW)
    record = await old.prepare(
        "INSERT INTO delivery AS d (notice_id, recipient_id, number, home_batch_id, language, state, reason, channel, contact,"
        " tries, recorded_at) VALUES ($1, 'PB9', 9, $2, 'vi', $3, '', 'push', '', 1, now())"
        " ON CONFLICT (notice_id, recipient_id) DO UPDATE SET state = excluded.state WHERE d.state = ANY('{held}'::text[])"
    )
    keep = await old.prepare(
        "INSERT INTO receipt (source, dedup_key, received_at) VALUES ('twilio', $1, now())"
        " ON CONFLICT (source, dedup_key) DO NOTHING RETURNING receipt_id"
    )
    claim = await old.prepare(
        "UPDATE batch SET attempt = attempt + 1 WHERE batch_id = $1 AND state = 'ready' RETURNING 1"
    )
    await old.execute(_NOTICE, notice_id, "scope", None, NOW)
    await old.execute(_BATCH, home, notice_id, True, "push", "ready")
    await record.fetch(notice_id, home, "held")
    await keep.fetch("SM1:sent")
    await migrate(old_url, migrations)
    await record.fetch(notice_id, home, "accepted")
    assert await old.fetchval("SELECT state FROM delivery WHERE recipient_id = 'PB9'") == "accepted"
    assert await keep.fetchval("SM1:sent") is None
    assert await claim.fetchval(home) == 1


async def test_old_tables_get_grants(old_urls, migrations, grants):
    """The processes' role gets the same rights as in a new database, and may call nothing else."""
    await migrate(old_urls.owner, migrations)
    await give_grants(old_urls.owner, grants)
    assert await wrong_rights(old_urls.app, grants) == []


async def test_downs_bring_back(old, old_url, migrations):
    """The way back keeps everything too, and may be gone forward again."""
    await fill(old, IDS)
    before = await everything(old)
    await migrate(old_url, migrations)
    files = [file for file in sorted(migrations.glob("*.sql")) if file.name > f"{FIRST_RELEASE}999999"]
    for file in reversed(files):
        await old.execute(file.read_text().partition("-- migrate:down")[2])
        await old.execute("DELETE FROM schema_migrations WHERE version = $1", file.name.partition("_")[0])
    assert await everything(old) == before
    await migrate(old_url, migrations)
    assert await old.fetchval("SELECT count(*) FROM delivery") == len(before["delivery"])


async def test_typed_numbers_are_unverified(old, old_url, migrations, tmp_path):
    """Numbers that customers typed in the app before it was kept who brought them are not verified; all others are."""
    for file in migrations.glob("*.sql"):
        if file.name < "20261201000500":
            shutil.copy(file, tmp_path)
    await migrate(old_url, tmp_path)
    await old.execute(
        "INSERT INTO import (import_id, kind, made_by, begun_at) VALUES ($1, 'contacts', 'ops', $2)", IDS[1], NOW
    )
    for n, (action, made_by) in enumerate([(None, ""), ("added", "ops"), ("added", "anna"), ("replaced", "anna")]):
        phone_id = await old.fetchval(
            "INSERT INTO phone (customer_code, number_sealed, number_index, masked, consent, created_at)"
            " VALUES ($1, '', '', $2, true, $3) RETURNING phone_id",
            *(f"PB{n}", f"{action} {made_by}", NOW),
        )
        if action:
            await old.execute(
                "INSERT INTO phone_change (customer_code, phone_id, action, masked, made_by, made_at)"
                " VALUES ($1, $2, $3, '', $4, $5)",
                *(f"PB{n}", phone_id, action, made_by, NOW),
            )
    await migrate(old_url, migrations)
    verified = [row[0] for row in await old.fetch("SELECT verified FROM phone ORDER BY customer_code")]
    assert verified == [True, True, False, False]


async def test_first_ids_agree(db):
    """The database and the services see the same time in an id."""
    async with db.read() as connection:
        assert await connection.fetchval("SELECT first_id($1)", NOW) == first_id(NOW)
