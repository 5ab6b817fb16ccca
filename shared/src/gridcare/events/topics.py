"""The topics of Gridcare: names, partitions, retention. Partitions never change once a topic exists.

Partition counts are chosen for a million supply points and a few consumers per group. An event's key decides its
partition, so events about the same thing stay in order.
"""

from dataclasses import dataclass
from typing import Final

LANES: Final = ("urgent", "transactional", "bulk")
CHANNELS: Final = ("push", "sms")


@dataclass(frozen=True, slots=True)
class Topic:
    """One Kafka topic; `retention_days` is meaningless where `compacted`."""

    name: str
    partitions: int
    compacted: bool = False
    retention_days: int = 28

    @property
    def dead_letters(self) -> "Topic":
        """The topic for records that a consumer rejected, kept for less time than an inbox remembers event ids."""
        return Topic(dead_letter_topic(self.name), partitions=1, retention_days=28)


SUPPLY_POINTS: Final = Topic("supply-points.v1", partitions=12, compacted=True)
OUTAGES: Final = Topic("outages.v1", partitions=6)
TICKETS: Final = Topic("tickets.v1", partitions=12)
PAYMENTS: Final = Topic("payments.v1", partitions=12)
NOTICES: Final = Topic("notices.v1", partitions=6)
NOTICE_BATCHES: Final = {
    (channel, lane): Topic(f"notice-batches.{channel}.{lane}.v1", partitions=6, retention_days=3)
    for channel in CHANNELS
    for lane in LANES
}

ALL_TOPICS: Final[tuple[Topic, ...]] = (
    SUPPLY_POINTS,
    OUTAGES,
    TICKETS,
    PAYMENTS,
    NOTICES,
    *NOTICE_BATCHES.values(),
)


def dead_letter_topic(name: str) -> str:
    """Return the name of a topic's dead-letter topic."""
    return f"{name}.dlq"
