"""What is counted and told of one partition's records."""

from dataclasses import dataclass

from aiokafka.structs import TopicPartition

from gridcare.errors import PassedOver
from gridcare.events import Envelope
from gridcare.events.envelope import unknown_fields
from gridcare.kafka.fate import Fate
from gridcare.observability import metrics
from gridcare.observability.logging import get_logger

logger = get_logger()


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts what becomes of the records that a group reads of a partition."""

    partition: TopicPartition
    group: str

    def count(self, fate: Fate, records: int = 1) -> None:
        metrics.CONSUMER_RECORDS.inc(records, topic=self.partition.topic, fate=fate.value)

    def pass_over(self, later: PassedOver, offset: int) -> None:
        self.count(Fate.PASSED_OVER)
        logger.info("record_passed_over", event_type=str(later), **self.where(offset))

    def count_unknown(self, envelope: Envelope) -> None:
        """Count the values of an event that came later than this release."""
        for field in unknown_fields(envelope.data) if envelope.data else ():
            metrics.CONSUMER_UNKNOWN_VALUES.inc(topic=self.partition.topic, field=field)

    def where(self, offset: int | None = None) -> dict[str, str | int | None]:
        """Return the fields that say in a log or a span which record is meant."""
        partition = self.partition
        return {"group": self.group, "topic": partition.topic, "partition": partition.partition, "offset": offset}
