"""The plans of the statements behind lists and sweeps, on filled tables: by indexes."""

import pytest

from repair_intake.tickets.store import ticket

_FILL = """
INSERT INTO ticket (ticket_id, reference, version, state, customer_code, supply_point_id, kind, category, urgent, description,
    opened_at, opened_by)
SELECT gen_random_uuid(), n::text, 1, CASE n % 3 WHEN 0 THEN 'open' ELSE 'closed' END, 'PB' || lpad((n % 900)::text, 11, '0'),
    'SP' || n, 'repair', 'no_power', false, '', now(), 's' || n FROM generate_series(1, 9000) AS n
"""
CODES = ["PB00000000007", "PB00000000008"]


@pytest.mark.parametrize("states", [[], ["open"], ["open", "closed"]])
async def test_lists_ask_by_customer(db, states):
    """A customer's list is read by the index of customers, with and without states, also by a plan for any arguments."""
    async with db.transaction() as tx:
        await tx.execute(_FILL)
        await tx.execute("ANALYZE ticket")
        for mode in ("force_custom_plan", "force_generic_plan"):
            await tx.execute(f"SET LOCAL plan_cache_mode = {mode}")
            lines = await tx.fetch(f"EXPLAIN {ticket._PAGE}", CODES, states, None, 51)
            plan = "\n".join(line[0] for line in lines)
            assert "ticket_by_customer" in plan
            assert "Seq Scan" not in plan
