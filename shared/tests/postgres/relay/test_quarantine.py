"""The command `parked`: what the broker refused is listed and released."""

from uuid import uuid4

import pytest
from pydantic import SecretStr

from gridcare.errors import Rejected
from gridcare.postgres.poison.command import parked_command
from gridcare.postgres.poison.guard import count_parked
from gridcare.process.settings import DatabaseSettings
from gridcare.testing.metrics import sample
from gridcare.testing.outbox import Publisher, append, unsent
from gridcare.testing.waiting import eventually


@pytest.fixture
def settings(database_url):
    """Return what the command reads of a service's settings."""
    return DatabaseSettings(database_url=SecretStr(database_url))


async def test_listed_and_released(db, relaying, settings, capsys):
    """A refused event is listed with its reason; released, it is published with its id, after what waited."""
    bad, publisher = uuid4(), Publisher()
    publisher.bad[str(bad).encode()] = Rejected("record-too-large")
    await append(db, (bad, 1))
    relaying(publisher)

    async def listed() -> str:
        assert await parked_command(settings, ["list"]) == 0
        return capsys.readouterr().out

    await eventually(listed)
    line = (await listed()).split()
    assert line[2] == "notice-batches.push.bulk.v1"
    assert line[-1] == "record-too-large"
    await count_parked(db)
    assert sample("parked_work_items", kind="event") == 1
    publisher.bad.clear()
    assert await parked_command(settings, ["release", "event", line[1]]) == 0
    await eventually(lambda: publisher.versions(bad) == [1])
    assert dict(publisher.sent[0].headers)["ce_id"].decode() == line[3]
    capsys.readouterr()
    assert await listed() == ""
    assert await unsent(db) == 0


async def test_nothing_to_release(db, settings, capsys):
    """Releasing what is not there says so, by its exit status too."""
    assert await parked_command(settings, ["release", "event", "--all"]) == 1
    assert capsys.readouterr().out.endswith("0 released\n")
