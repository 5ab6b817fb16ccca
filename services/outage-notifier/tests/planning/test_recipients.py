"""Paging an audience: every rule, listed in memory or along the customers, with any page size."""

from collections.abc import Sequence
from itertools import product

import pytest

from gridcare.events.outages import Scope
from outage_notifier.planning.store import recipients
from outage_notifier.planning.store.recipients import Earlier

CODES = [f"PB1101000{n:04}" for n in range(12)]
EVEN = [code for n, code in enumerate(CODES) if n % 2 == 0]
SCOPE = Scope(feeder_ids=("FD0",), supply_point_ids=(f"SP-{CODES[3]}", f"SP-{CODES[4]}"))
IN_SCOPE = sorted([*EVEN, CODES[3]])
TOLD = CODES[:6]


@pytest.fixture
async def earlier(world) -> Earlier:
    """Write twelve customers, the even ones on FD0; the first six were told by the first revision, one of them twice."""
    for n, code in enumerate(CODES):
        await world.customer(code, feeder=f"FD{n % 2}")
    outage_id = await world.outage(feeders=("FD0",))
    first, reminder = [await world.notice(outage_id, kind=kind) for kind in ("announcement", "reminder")]
    await deliver(world, first, TOLD, "accepted")
    await deliver(world, first, CODES[6:8], "superseded")
    await deliver(world, reminder, CODES[:1], "delivered")
    async with world.db.read() as c:
        return await recipients.earlier_notices(c, outage_id, 2)


async def deliver(world, notice_id, codes: Sequence[str], state: str) -> None:
    async with world.db.transaction() as tx:
        await tx.executemany(
            "INSERT INTO delivery (notice_id, recipient_id, number, home_batch_id, language, state, reason, channel,"
            " contact, tries, recorded_at) VALUES ($1, $2, $3, $1, 'vi', $4, '', 'sms', '', 1, now())",
            [(notice_id, code, number, state) for number, code in enumerate(codes)],
        )


async def read(world, rule: str, earlier: Earlier, *, listed: bool, limit: int, scope: Scope = SCOPE) -> list[str]:
    read_so_far: list[str] = []
    async with world.db.read() as c:
        audience = await recipients.open_audience(c, rule, scope, earlier, listed_max=100 if listed else 1)
        assert audience.listed == listed
        cursor: str | None = ""
        while cursor is not None:
            page = await recipients.page(c, audience, after=cursor, limit=limit)
            assert len(page.recipients) <= limit
            read_so_far += page.recipients
            assert page.cursor is None or page.cursor > cursor
            cursor = page.cursor
    return read_so_far


@pytest.mark.parametrize(("listed", "limit"), list(product([True, False], [1, 2, 5, 100])))
async def test_every_rule_in_any_pages(world, earlier, listed, limit):
    """Whatever the size of the pages and the way of reading."""
    expected = {
        "scope": IN_SCOPE,
        "scope_untold": [code for code in IN_SCOPE if code not in TOLD],
        "told": TOLD,
        "told_in_scope": [code for code in TOLD if code in IN_SCOPE],
        "told_outside_scope": [code for code in TOLD if code not in IN_SCOPE],
    }
    assert {rule: await read(world, rule, earlier, listed=listed, limit=limit) for rule in expected} == expected


@pytest.mark.parametrize("listed", [True, False])
async def test_cancelled_means_untold(world, earlier, listed):
    """Called off by revision 2: announced anew by revision 3, and called off by it only once more after that."""
    outage_id = await world.outage(revision=2)
    off = await world.notice(outage_id, revision=2, kind="cancellation", audience_rule="told_outside_scope")
    await deliver(world, off, CODES[:2], "accepted")
    known = Earlier((*earlier.notice_ids, off), (off,))
    assert await read(world, "told", known, listed=listed, limit=3) == TOLD[2:]
    untold = await read(world, "scope_untold", known, listed=listed, limit=3)
    assert CODES[0] in untold
    again = await world.notice(outage_id, revision=3)
    await deliver(world, again, CODES[:1], "accepted")
    known = Earlier((*known.notice_ids, again), (off,))
    assert await read(world, "told", known, listed=listed, limit=3) == [CODES[0], *TOLD[2:]]


@pytest.mark.parametrize("listed", [True, False])
async def test_covered_is_as_told(world, earlier, listed):
    """Their phone showed the notice, or showed nothing because a newer revision stopped it."""
    outage_id = await world.outage(revision=2)
    notice_id = await world.notice(outage_id, revision=2)
    await deliver(world, notice_id, [CODES[8]], "accepted")
    await deliver(world, notice_id, [CODES[9]], "superseded")
    await deliver(world, notice_id, CODES[10:], "covered")
    async with world.db.transaction() as tx:
        cover = "UPDATE delivery SET covered_by = $2 WHERE notice_id = $3 AND recipient_id = $1"
        await tx.execute(cover, CODES[10], CODES[8], notice_id)
        await tx.execute(cover, CODES[11], CODES[9], notice_id)
    known = Earlier((*earlier.notice_ids, notice_id))
    assert await read(world, "told", known, listed=listed, limit=3) == [*TOLD, CODES[8], CODES[10]]


@pytest.mark.parametrize("listed", [True, False])
async def test_many_points_one_recipient(world, earlier, listed):
    """More points than a page looks at: still once, and nobody behind is skipped."""
    async with world.db.transaction() as tx:
        await tx.executemany(
            "INSERT INTO supply_point VALUES ($1, $2, 'TR1', 'FD0', 'SS1', '31117', 1)",
            [(f"X{n}", CODES[5]) for n in range(30)],
        )
    assert await read(world, "scope", earlier, listed=listed, limit=2) == sorted([*IN_SCOPE, CODES[5]])


async def test_audience_of_nobody(world):
    """A first revision was told to nobody."""
    assert await read(world, "told", Earlier(), listed=True, limit=5, scope=Scope(feeder_ids=("FD9",))) == []
