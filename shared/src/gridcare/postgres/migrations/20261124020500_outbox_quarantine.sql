-- migrate:up
-- Events that the broker refuses for good, out of the way of the others.

CREATE TABLE outbox_quarantine (
    id bigint PRIMARY KEY,
    shard smallint NOT NULL,
    event_id uuid NOT NULL,
    topic text NOT NULL,
    key bytea NOT NULL,
    value bytea,
    headers jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    reason text NOT NULL,
    quarantined_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE outbox_quarantine IS 'Rows of the outbox that the broker refused for good, kept until a command releases them.';
COMMENT ON COLUMN outbox_quarantine.id IS 'the id that the row had in the outbox; released, it gets a new one';
COMMENT ON COLUMN outbox_quarantine.reason IS 'a code, such as record-too-large';

-- migrate:down
INSERT INTO outbox (shard, event_id, topic, key, value, headers)
SELECT shard, event_id, topic, key, value, headers FROM outbox_quarantine ORDER BY id;
DROP TABLE outbox_quarantine;
