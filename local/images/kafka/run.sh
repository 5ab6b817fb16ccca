#!/bin/sh
# What the tests need of the official image: turn KAFKA_NODE_ID=1 into node.id=1, format the storage once, start the broker.
set -eu

properties=/opt/kafka/config/server.properties
env | grep '^KAFKA_' | grep -v '^KAFKA_HEAP_OPTS=' | while IFS='=' read -r name value; do
    printf '%s=%s\n' "$(echo "${name#KAFKA_}" | tr 'A-Z_' 'a-z.')" "$value"
done > "$properties"

java() {
    # shellcheck disable=SC2086 # several words
    exec /opt/java/bin/java ${KAFKA_HEAP_OPTS:-} -XX:+UseSerialGC -XX:TieredStopAtLevel=1 \
        -Dorg.slf4j.simpleLogger.defaultLogLevel=warn -cp '/opt/kafka/libs/*' "$@"
}

(java kafka.tools.StorageTool format --ignore-formatted -t "$CLUSTER_ID" -c "$properties" > /dev/null)
java kafka.Kafka "$properties"
