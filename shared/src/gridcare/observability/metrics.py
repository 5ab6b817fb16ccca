"""Every metric of Gridcare, declared once with its help text, its unit in the name and the closed sets of its labels.

Use them as `metrics.DEAD_LETTERS.inc(topic=…, reason=…)`, `.set(…)`, `.observe(seconds, …)`. No label ever holds an id.
"""

from typing import Final

from gridcare.observability.instruments import Counter, Gauge, Histogram, Named, one_of

_TOPIC: Final = Named(r"[a-z]+(-[a-z]+)*(\.[a-z0-9]+){0,6}", values_max=1_000)
"""Far more than are declared: dead-letter topics count, and a run of the tests makes hundreds."""

_REASON: Final = Named(r"[a-z]+(-[a-z0-9]+){0,8}", values_max=64)
_ROUTE: Final = Named(r"/[a-zA-Z0-9_/{}.:-]*", values_max=200)
_LOOP: Final = Named(r"[a-z]+([-_][a-z]+){0,6}", values_max=32)
_FIELD: Final = Named(r"[a-z]+(_[a-z]+)*", values_max=64)
_CHANNEL: Final = one_of("push", "sms")
_LANE: Final = one_of("urgent", "transactional", "bulk")
_PROVIDER: Final = one_of("twilio", "fcm", "vnpay", "momo", "zalopay", "bank", "oidc")
_FATE: Final = one_of("handled", "retryable", "rejected", "passed_over", "bug")
_STATE: Final = one_of(
    "planned",
    "held",
    "retrying",
    "unknown",
    "awaiting",
    "accepted",
    "delivered",
    "failed",
    "unreachable",
    "opted_out",
    "superseded",
    "expired",
    "covered",
    "unresolved",
)
_OUTCOME: Final = one_of("accepted", "refused", "retry", "unknown", "misconfigured")
_METHOD: Final = one_of("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_STATUS: Final = one_of(*(str(status) for status in range(200, 600)))
_WORK: Final = Named(r"[a-z]+(-[a-z]+)*", values_max=32)
_ERROR_CLASS: Final = Named(r"[A-Za-z]+", values_max=32)

_FAST_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_SLOW_S: Final = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)

# outbox and relay
OUTBOX_OLDEST_UNSENT_SECONDS: Final = Gauge(
    "outbox_oldest_unsent_seconds", "Age of the oldest event that is not yet on its topic."
)
RELAY_BATCH_SECONDS: Final = Histogram(
    "relay_batch_seconds", "Time from reading a batch of the outbox to marking it sent.", buckets_s=_SLOW_S
)
RECORDS_QUARANTINED: Final = Counter(
    "records_quarantined", "Events that the broker refused for good.", {"topic": _TOPIC, "reason": _REASON}
)
RELAY_SHARDS_HELD: Final = Gauge("relay_shards_held", "Shards of the outbox that this process publishes.")

# Kafka
KAFKA_RECORDS_SENT: Final = Counter("kafka_records_sent", "Records that the broker took.", {"topic": _TOPIC})
KAFKA_SEND_TIMEOUTS: Final = Counter("kafka_send_timeouts", "Sends whose outcome was not known in time.")
KAFKA_PRODUCERS_REPLACED: Final = Counter("kafka_producers_replaced", "Producers thrown away after a fatal error.")
CONSUMER_RECORDS: Final = Counter(
    "consumer_records", "Records by what became of them.", {"topic": _TOPIC, "fate": _FATE}
)
CONSUMER_UNKNOWN_VALUES: Final = Counter(
    "consumer_unknown_values",
    "Values that came later than this release, in records by their field.",
    {"topic": _TOPIC, "field": _FIELD},
)
CONSUMER_BATCH_SECONDS: Final = Histogram(
    "consumer_batch_seconds", "Time to apply one fetched batch.", {"topic": _TOPIC}, buckets_s=_SLOW_S
)
CONSUMER_LAG: Final = Gauge("consumer_lag_records", "Records behind the end of the topic.", {"topic": _TOPIC})
CONSUMER_PAUSED: Final = Gauge(
    "consumer_paused_partitions", "Partitions that wait for a dependency.", {"topic": _TOPIC}
)
CONSUMER_LOST: Final = Gauge(
    "consumer_lost_records",
    "Records that a partition's group committed and the restored database lost.",
    {"topic": _TOPIC},
)
DEAD_LETTERS: Final = Counter("dead_letters", "Records put aside, by reason.", {"topic": _TOPIC, "reason": _REASON})

# notices
DELIVERIES: Final = Counter("deliveries", "Deliveries that came into a state.", {"channel": _CHANNEL, "state": _STATE})
BATCHES_CLAIMED: Final = Counter(
    "batches_claimed", "Batches taken under a lease.", {"channel": _CHANNEL, "lane": _LANE}
)
BATCHES_LOST: Final = Counter("batches_lost", "Batches whose lease had gone to another.", {"channel": _CHANNEL})
BREAKERS_OPENED: Final = Counter(
    "breakers_opened",
    "Times that a channel was stopped because our own credentials looked wrong.",
    {"channel": _CHANNEL},
)
OPEN_BREAKERS: Final = Gauge("open_breakers", "1 while a channel is stopped by a fault of ours.", {"channel": _CHANNEL})
DELIVERIES_STRAYED: Final = Counter(
    "deliveries_strayed", "Open deliveries that no batch and no due time would have tried again; they are cut again."
)
RATE_GRANT_WAITS: Final = Counter("rate_grant_waits", "Waits for a share of the provider's rate.", {"lane": _LANE})
RATE_GRANT_WAIT_SECONDS: Final = Histogram(
    "rate_grant_wait_seconds", "Time waited for a share of the provider's rate.", {"lane": _LANE}, buckets_s=_SLOW_S
)

# providers
PROVIDER_CALLS: Final = Counter(
    "provider_calls", "Calls to a provider, by class of outcome.", {"provider": _PROVIDER, "outcome": _OUTCOME}
)
PROVIDER_CALL_SECONDS: Final = Histogram(
    "provider_call_seconds", "Time of one call to a provider.", {"provider": _PROVIDER}, buckets_s=_FAST_S
)
PROVIDER_CALLBACKS: Final = Counter(
    "provider_callbacks",
    "Callbacks of a provider.",
    {"provider": _PROVIDER, "outcome": one_of("stored", "repeated", "bad_signature", "invalid")},
)

PAYMENTS_UNANSWERED: Final = Counter(
    "payments_unanswered", "Payments that expired without a definite answer of their provider.", {"provider": _PROVIDER}
)

# HTTP
HTTP_REQUESTS: Final = Counter(
    "http_requests", "Requests answered.", {"route": _ROUTE, "method": _METHOD, "status": _STATUS}
)
HTTP_REQUEST_SECONDS: Final = Histogram(
    "http_request_seconds", "Time to answer a request.", {"route": _ROUTE, "method": _METHOD}, buckets_s=_FAST_S
)
SERVER_ERRORS: Final = Counter(
    "server_errors",
    "Requests that failed for a bug or a dependency of ours. Refusals for want of room, which callers bring about, are not.",
    {"route": _ROUTE},
)
CONNECTIONS_DROPPED: Final = Counter(
    "connections_dropped",
    "Connections that were closed: late with their headers, not reading their answer, or silent where others need room.",
    {"reason": one_of("headers", "answer", "address", "total")},
)
CONNECTIONS_REFUSED: Final = Counter(
    "connections_refused",
    "Connections refused: every place, of their address or in total, was taken by a request.",
    {"reason": one_of("address", "total")},
)
REQUESTS_REFUSED: Final = Counter(
    "requests_refused",
    "Requests refused: too many were under way, from their address or in total.",
    {"reason": one_of("address", "total")},
)
BODIES_REFUSED: Final = Counter("bodies_refused", "Bodies refused: the memory for bodies was used up.")
TOKENS_REFUSED: Final = Counter("tokens_refused", "Bearer tokens refused, by reason.", {"reason": _REASON})

# database and process
DATABASE_POOL_IN_USE: Final = Gauge("database_pool_in_use_connections", "Pooled connections that are in use.")
PARTITIONS_AHEAD: Final = Gauge("partitions_ahead_months", "Months to come that have their partitions.")
OVERDUE_PARTITIONS: Final = Gauge(
    "overdue_partitions", "Partitions that are kept past their time, since a notice of that time has not ended."
)
PARTITION_STRAYS: Final = Gauge("partition_stray_rows", "Rows whose month has no partition; counted up to 1000.")
DATABASE_RETRYABLE: Final = Counter(
    "database_retryable_errors", "Transactions that failed for a reason that passes.", {"error_class": _ERROR_CLASS}
)
LOOP_FAILURES: Final = Counter("loop_failures", "Rounds of a background loop that failed.", {"loop": _LOOP})
WORK_FAILURES: Final = Counter(
    "work_failures", "Pieces of work that raised an error and were counted.", {"kind": _WORK}
)
PARKED_WORK: Final = Gauge(
    "parked_work_items", "Pieces of work that failed five times and wait for the command `parked`.", {"kind": _WORK}
)
