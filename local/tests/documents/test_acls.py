"""The access lists, tried on a real broker: each service writes and reads its own topics, and nothing else."""

import asyncio

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import GroupAuthorizationFailedError, TopicAuthorizationFailedError
from aiokafka.protocol.admin import CreateAclsRequest
from aiokafka.structs import TopicPartition

from gridcare.errors import GridcareError, Retryable
from gridcare.events import ALL_TOPICS, Wire
from gridcare.events.topics import OUTAGES, TICKETS
from gridcare.kafka.admin import ensure_topics, new_admin
from gridcare.kafka.brokers import Brokers, Login
from gridcare.kafka.clients import new_group_member
from gridcare.kafka.dead_letters.replay import dead_letters
from gridcare.kafka.produce import Producer
from gridcare_local.documents.acls import REPLAYS, acls_of
from gridcare_local.documents.write import RECEIVES, applications
from gridcare_local.emulators.keys import new_identity
from gridcare_local.servers.kafka.secured import Secured
from gridcare_local.servers.kafka.server import start_kafka
from gridcare_local.servers.ports import claim_ports

pytestmark = pytest.mark.server

LITERAL, ALLOW = 3, 3
JOIN_DEADLINE_S = 60
SERVICES = {each.name: each for each in applications()}
GROUPS = [(service, group) for service in SERVICES for group in RECEIVES[service]]


@pytest.fixture(scope="module")
async def brokers_of(tmp_path_factory):
    """Yield the brokers as each service reaches them, with all topics and access lists in place."""
    folder, identity = tmp_path_factory.mktemp("acls"), new_identity()
    (keys := folder / "keys.pem").write_bytes(identity.key + identity.chain)
    (authority := folder / "ca.pem").write_bytes(identity.authority)
    (port,) = claim_ports(folder, 1)
    users = dict.fromkeys([*SERVICES, *map(REPLAYS.format, SERVICES)], "right")
    secured = Secured(port, keys, users, access_lists=True)
    server = await asyncio.to_thread(start_kafka, folder / "kafka", secured=secured)
    await ensure_topics(Brokers(server.bootstrap))
    admin = new_admin(Brokers(server.bootstrap))
    await admin.start()
    for acl in (each for service in SERVICES.values() for each in acls_of(service)):
        entry = (acl.resource, acl.name, LITERAL, f"User:{acl.principal}", "*", acl.operation, ALLOW)
        answer = await admin._send_to_controller(CreateAclsRequest(*map(_plain, entry)))
        assert [code for code, _ in answer.creation_responses] == [0]
    await admin.close()
    yield {name: Brokers(f"localhost:{port}", Login(name, "right", authority)) for name in users}
    server.stop()


def _plain(value):
    return int(value) if isinstance(value, int) else value


async def _may_write(brokers: Brokers, topic: str) -> bool:
    async with AIOKafkaProducer(**brokers.options()) as producer:
        try:
            await producer.send_and_wait(topic, b"v", key=b"k")
        except TopicAuthorizationFailedError:
            return False
        return True


async def _may_read(brokers: Brokers, topic: str) -> bool:
    async with AIOKafkaConsumer(**brokers.options(), auto_offset_reset="earliest") as consumer:
        consumer.assign([TopicPartition(topic, 0)])
        try:
            await consumer.getmany(timeout_ms=1_000)
        except TopicAuthorizationFailedError:
            return False
        return True


@pytest.mark.parametrize("service", SERVICES)
async def test_writes_its_topics_alone(brokers_of, service):
    """Of all topics, a service's principal may write those that its events go to, and its dead letters."""
    received = {topic.dead_letters.name for topics in RECEIVES[service].values() for topic in topics}
    own = {topic.name for topic in SERVICES[service].sent()} | received
    names = {name for topic in ALL_TOPICS for name in (topic.name, topic.dead_letters.name)}
    assert {name for name in names if await _may_write(brokers_of[service], name)} == own


@pytest.mark.parametrize("service", SERVICES)
async def test_reads_its_topics_alone(brokers_of, service):
    """Of all topics, a service's principal may read those that it has a door for."""
    own = {topic.name for topics in RECEIVES[service].values() for topic in topics}
    assert {topic.name for topic in ALL_TOPICS if await _may_read(brokers_of[service], topic.name)} == own


async def test_groups_are_its_own(brokers_of):
    """A service cannot move the offsets of another one's group, even on a topic that both read."""
    for group, refused in (("repair-intake", False), ("outage-notifier", True)):
        consumer = AIOKafkaConsumer(**brokers_of["repair-intake"].options(), group_id=group, enable_auto_commit=False)
        consumer.assign([TopicPartition(OUTAGES.name, 0)])
        try:
            await consumer.start()
            await consumer.commit({TopicPartition(OUTAGES.name, 0): 0})
            assert not refused
        except GroupAuthorizationFailedError:
            assert refused
        finally:
            await consumer.stop()


@pytest.mark.parametrize(("service", "group"), GROUPS)
async def test_consumers_are_let_in(brokers_of, service, group):
    """A consumer joins its group, gets the partitions of all its topics, reads them and commits."""
    topics = {topic.name for topic in RECEIVES[service][group]}
    member = new_group_member(brokers_of[service], group=group, client_id="tests", session_timeout_s=10)
    member.subscribe(list(topics))
    await member.start()
    try:
        async with asyncio.timeout(JOIN_DEADLINE_S):
            while {each.topic for each in member.assignment()} != topics:
                await member.getmany(timeout_ms=100)
        await member.commit(dict.fromkeys(member.assignment(), 0))
    finally:
        await member.stop()


@pytest.mark.parametrize("service", SERVICES)
async def test_replays_its_own_alone(brokers_of, service):
    """Whoever replays reads the service's dead letters and writes their topics again, and has no other right."""
    received = {topic for topics in RECEIVES[service].values() for topic in topics}
    brokers = brokers_of[REPLAYS.format(service)]
    for topic in ALL_TOPICS:
        assert await _may_write(brokers, topic.name) == (topic in received), topic.name
        assert await _may_replay(brokers, topic.name) == (topic in received), topic.name


async def _may_replay(brokers: Brokers, topic: str) -> bool:
    try:
        assert [each async for each in dead_letters(brokers, topic)] == []  # no consumer wrote what is there
    except Retryable:
        return False
    return True


async def test_relays_are_let_in(brokers_of):
    """A relay's producer, which is idempotent, needs nothing but the right to write."""
    async with Producer(brokers_of["repair-intake"], client_id="tests", send_deadline_s=20) as producer:
        await producer.send_batch([Wire(TICKETS.name, b"k", b"v", [])])
        with pytest.raises(GridcareError):
            await producer.send_batch([Wire(OUTAGES.name, b"k", b"v", [])])


@pytest.mark.parametrize("service", SERVICES)
async def test_topics_are_checked_by_all(brokers_of, service):
    """The job topics succeeds as any service's principal."""
    assert await ensure_topics(brokers_of[service], [TICKETS], deadline_s=20) == []
