"""Apache Kafka, run from its jars."""
