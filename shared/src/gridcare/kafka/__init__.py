"""Kafka: topics, the producer, the consumer's runtime with its three fates, dead letters and their replay."""
