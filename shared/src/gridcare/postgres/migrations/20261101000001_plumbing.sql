-- migrate:up
-- What every service's database has beside its own tables: the outbox, the inbox, Idempotency-Keys.

CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    shard smallint NOT NULL,
    event_id uuid NOT NULL,
    topic text NOT NULL,
    key bytea NOT NULL,
    value bytea,
    headers jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000);
COMMENT ON TABLE outbox IS 'Events that became true in their transaction and are not yet published; the relay deletes what was acknowledged.';
COMMENT ON COLUMN outbox.shard IS 'hash of the key; one relay publishes a shard at a time, in the order of id';
COMMENT ON COLUMN outbox.value IS 'NULL is a tombstone';
CREATE INDEX outbox_by_shard ON outbox (shard, id);

CREATE TABLE inbox (
    consumer text NOT NULL,
    event_id uuid NOT NULL,
    received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (consumer, event_id)
);
COMMENT ON TABLE inbox IS 'Events that were applied, noted in the transaction that applied them; kept longer than any topic.';
CREATE INDEX inbox_by_age ON inbox (received_at);

CREATE TABLE idempotency (
    caller text NOT NULL,
    key text NOT NULL,
    fingerprint bytea NOT NULL,
    status smallint NOT NULL,
    body bytea NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (caller, key)
);
COMMENT ON TABLE idempotency IS 'Answers of requests that carried an Idempotency-Key, stored in the transaction of their effect; kept 7 days.';
CREATE INDEX idempotency_by_age ON idempotency (created_at);

-- migrate:down
DROP TABLE idempotency;
DROP TABLE inbox;
DROP TABLE outbox;
