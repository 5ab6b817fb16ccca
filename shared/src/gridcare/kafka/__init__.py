"""Kafka: topics, the producer, the consumer runtime with the three fates of a record, dead letters and their replay."""
