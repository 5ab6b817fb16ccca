"""The properties of a single-node broker, embedded or in a container."""

import base64
import uuid
from typing import Final

SINGLE_NODE: Final[dict[str, str]] = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "listener.security.protocol.map": "BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "inter.broker.listener.name": "BROKER",
    "controller.listener.names": "CONTROLLER",
    "auto.create.topics.enable": "false",
    "group.initial.rebalance.delay.ms": "0",
    # a single node cannot have a second copy of anything
    "default.replication.factor": "1",
    "min.insync.replicas": "1",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "3",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "1",
    # after a kill -9, a broker waits until the session of its former process is over: nine seconds by default
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
    # small, since the defaults are for a machine that does nothing else
    "num.network.threads": "2",
    "num.io.threads": "4",
    "log.cleaner.dedupe.buffer.size": str(16 << 20),
    "log.index.size.max.bytes": str(1 << 20),
}


def new_cluster_id() -> str:
    """Return a new cluster id: a UUID in base64 without hyphens, since a leading one would look like an option."""
    return base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "A")
