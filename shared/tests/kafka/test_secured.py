"""Clients prove themselves to a broker that they have proven first: a real one, with TLS and SCRAM users."""

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from aiokafka.errors import KafkaError

from gridcare.errors import Retryable, SettingsError
from gridcare.events import Topic, Wire
from gridcare.kafka.admin import ensure_topics, new_admin
from gridcare.kafka.brokers import Brokers, Login
from gridcare.kafka.clients import close_consumer, new_group_member, new_reader
from gridcare.kafka.consume import Subscription
from gridcare.kafka.produce import Producer
from gridcare.postgres.database import Database
from gridcare.testing.kafka import Seen, consuming, hint, poison, read_all, wires
from gridcare.testing.waiting import eventually
from gridcare_local.emulators.keys import new_identity
from gridcare_local.servers.kafka.secured import Secured
from gridcare_local.servers.kafka.server import start_kafka
from gridcare_local.servers.ports import claim_ports

pytestmark = pytest.mark.server

TOPIC = Topic("test-secured.v1", partitions=1)
NOBODY_WAITS_S = 20


@dataclass(frozen=True)
class Doors:
    """The broker's door for users, and the same one without TLS and login."""

    login: Login
    secured: Brokers
    plain_at_secured: Brokers


@pytest.fixture(scope="module")
def doors(tmp_path_factory):
    folder, identity = tmp_path_factory.mktemp("secured"), new_identity()
    keys, authority = folder / "keys.pem", folder / "ca.pem"
    keys.write_bytes(identity.key + identity.chain)
    authority.write_bytes(identity.authority)
    (port,) = claim_ports(folder, 1)
    server = start_kafka(folder / "kafka", secured=Secured(port, keys, {"repair-intake": "right"}))
    login = Login("repair-intake", "right", authority)
    address = f"localhost:{port}"
    yield Doors(login, Brokers(address, login), Brokers(address))
    server.stop()


async def test_every_client_logs_in(doors: Doors, db: Database, group: str):
    """Admin, producer, group member, dead letters' producer and reader work over TLS with the user's password."""
    await ensure_topics(doors.secured, [TOPIC], deadline_s=NOBODY_WAITS_S)
    seen = Seen()
    async with Producer(doors.secured, client_id="tests") as producer:
        await producer.send_batch([poison(TOPIC)])
        await producer.send_batch(wires(TOPIC, [hint(1), hint(2)]))
    async with consuming(doors.secured, db, Subscription((TOPIC,), seen), group=group):
        await eventually(lambda: seen.numbers == [1, 2])
    assert len(await read_all(doors.secured, TOPIC.dead_letters.name)) == 1


@pytest.mark.parametrize("wrong", ["password", "user", "authority", "name", "plain"])
async def test_refused_for_every_client(doors: Doors, tmp_path: Path, group: str, wrong: str):
    """No client gets in with a wrong password or in the clear, nor tells its password to a broker that it cannot trust."""
    brokers = _wrong(doors, wrong, tmp_path)
    clients = (
        (reader := new_reader(brokers, client_id="tests")).start(),
        (member := new_group_member(brokers, group=group, client_id="tests", session_timeout_s=6)).start(),
        (admin := new_admin(brokers)).start(),
    )
    async with Producer(brokers, client_id="tests", send_deadline_s=4) as producer:
        outcomes = await asyncio.gather(
            producer.send_batch([Wire(TOPIC.name, b"k", b"v", [])]),
            *(asyncio.wait_for(start, 4) for start in clients),
            return_exceptions=True,
        )
    await asyncio.gather(close_consumer(reader), close_consumer(member), admin.close())
    assert [isinstance(each, Retryable | KafkaError | TimeoutError) for each in outcomes] == [True] * 4


def _wrong(doors: Doors, wrong: str, tmp_path: Path) -> Brokers:
    stranger = tmp_path / "ca.pem"
    stranger.write_bytes(new_identity().authority)
    another_name = doors.secured.bootstrap.replace(
        "localhost", "127.1"
    )  # the same address, by no name of the certificate
    return {
        "password": replace(doors.secured, login=replace(doors.login, password="wrong")),
        "user": replace(doors.secured, login=replace(doors.login, username="nobody")),
        "authority": replace(doors.secured, login=replace(doors.login, ca_file=stranger)),
        "name": Brokers(another_name, doors.login),
        "plain": doors.plain_at_secured,
    }[wrong]


def test_unreadable_authorities_are_told(tmp_path: Path):
    """A file of authorities that is missing or holds none is a wrong setting, named as such."""
    empty = tmp_path / "empty.pem"
    empty.touch()
    for file in (tmp_path / "missing.pem", empty):
        with pytest.raises(SettingsError, match="GRIDCARE_KAFKA_CA_FILE"):
            Brokers("kafka.example:9093", Login("u", "p", file)).options()


def test_passwords_are_not_shown():
    """What may end up in a log or a traceback names the user and not the password."""
    assert "secret" not in repr(Brokers("kafka.example:9093", Login("u", "secret")))
