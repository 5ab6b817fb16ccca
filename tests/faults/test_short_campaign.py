"""A campaign of half a minute: a relay's worst moment, and the judge, which finds nothing and could."""

import dataclasses
from pathlib import Path

import pytest
from tests.faults.campaign import campaign
from tests.faults.judge.judge import judge
from tests.faults.matrix.fault import Fault, run_fault
from tests.faults.matrix.processes import die_at

pytestmark = [pytest.mark.server, pytest.mark.timeout(600)]

SUPPLY_POINTS = 150


async def die_at_the_worst_moment(run) -> str:
    await die_at(run, "repair-intake-relay", "relay.acknowledged:2", tickets=6, payments=3, cuts=1)
    return "a relay died"


async def test_short_campaign(tmp_path: Path):
    """A relay dies after Kafka's acknowledgement: every invariant holds, and is seen to be able to fail."""
    async with campaign(tmp_path, seed=1, supply_points=SUPPLY_POINTS) as run:
        outcome = await run_fault(Fault(0, "the worst moment", die_at_the_worst_moment), run)
        evidence = run.evidence
    assert outcome.invariants == frozenset(), outcome.wrong
    assert evidence is not None
    assert len(evidence["tickets"]) > 10
    assert evidence["deliveries"]
    assert evidence.moved
    spoken = {each.invariant for each in judge(spoiled(evidence))}
    assert spoken >= {"I1", "I2", "I3", "I4", "I5", "I7", "I8", "I9", "I10", "I11", "I12", "I13", "I15"}


def spoiled(evidence):
    """Return the same evidence with one thing wrong for nearly every invariant, so that each is seen to speak."""
    spoils = dict(evidence.tables)
    for table in ("tickets", "bills"):
        spoils[table] = spoils[table][1:]
    spoils["deliveries"] = [row for row in spoils["deliveries"] if row["channel"] != "push"]
    spoils["entries"] = [row for row in spoils["entries"] if row["kind"] != "clearing"]
    spoils["tickets"] = [*spoils["tickets"], spoils["tickets"][0]]
    spoils["money"] = [*spoils["money"], spoils["money"][-1], spoils["money"][-1]]
    records = [each for each in evidence.records if each.topic != "outages.v1"]
    events = [each for each in records if each.topic == "tickets.v1"]
    twisted = [dataclasses.replace(events[0], version=9, event_id="a"), dataclasses.replace(events[0], event_id="b")]
    committed = {group: {name: offset - 1 for name, offset in of.items()} for group, of in evidence.committed.items()}
    return dataclasses.replace(
        evidence,
        tables=spoils,
        records=[*records, *twisted],
        texts=[*evidence.texts, *evidence.texts],
        committed=committed,
    )
