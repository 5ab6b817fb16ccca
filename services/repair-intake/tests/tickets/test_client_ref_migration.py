"""The migration that makes client_ref unique keeps the tickets that repeat one."""

from repair_intake.__main__ import SERVICE

_REPEAT = """
INSERT INTO ticket (ticket_id, reference, version, state, customer_code, supply_point_id, kind, category, urgent,
    description, client_ref, opened_at, opened_by)
SELECT gen_random_uuid(), 'T-' || n, 1, 'open', 'C', 'SP1', 'repair', 'meter', false, '', 'app-1', now(), 'me'
FROM generate_series(1, 3) AS n
"""


async def test_repeated_names_are_kept(owner_db):
    """Of three tickets with the same client_ref all stay, and one of them is the one that the name finds."""
    (path,) = SERVICE.migrations.glob("*_client_ref.sql")
    up, down = path.read_text().split("-- migrate:down")
    async with owner_db.transaction() as tx:
        await tx.execute(down)
        await tx.execute(_REPEAT)
        await tx.execute(up)
        rows = await tx.fetch("SELECT ticket_id, client_ref, repeats_client_ref FROM ticket ORDER BY ticket_id")
    assert [(row["client_ref"], row["repeats_client_ref"]) for row in rows] == [
        ("app-1", False),
        ("app-1", True),
        ("app-1", True),
    ]
