"""Kafka: topics, the producer, the consumer runtime with the fates of a record, dead letters and their replay."""
