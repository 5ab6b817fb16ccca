"""Apache Kafka from its jars."""
