-- migrate:up
-- A channel that our own fault stops is not claimed: all senders see it here.

CREATE TABLE breaker (
    channel text PRIMARY KEY CHECK (channel IN ('push', 'sms')),
    opened_at timestamptz,
    reason text,
    probe_at timestamptz,
    usual_calls float8 NOT NULL CHECK (usual_calls > 0),
    usual_lost float8 NOT NULL CHECK (usual_lost >= 0),
    suspicion float8 NOT NULL DEFAULT 0,
    CHECK ((opened_at IS NULL) = (reason IS NULL)),
    CHECK ((opened_at IS NULL) = (probe_at IS NULL))
);
COMMENT ON TABLE breaker IS 'One row a channel. While it is open, batches of the channel are claimed by a probe only.';
COMMENT ON COLUMN breaker.opened_at IS 'on the clock of the service, which patience is counted on; NULL: closed';
COMMENT ON COLUMN breaker.reason IS 'the provider''s code that opened it, or too-many-devices-lost';
COMMENT ON COLUMN breaker.probe_at IS 'when the next probe may be made, on the database''s clock';
COMMENT ON COLUMN breaker.usual_calls IS 'with usual_lost: what share of contacts is usually lost (ledger/core/breaker.py)';
INSERT INTO breaker (channel, usual_calls, usual_lost) VALUES ('push', 2000, 100), ('sms', 2000, 100);

ALTER TABLE batch ADD COLUMN stopped_look_at timestamptz NOT NULL DEFAULT '-infinity';
COMMENT ON COLUMN batch.stopped_look_at IS 'while its channel is stopped: when the worker looks next who falls back or expires';

-- migrate:down
ALTER TABLE batch DROP COLUMN stopped_look_at;
DROP TABLE breaker;
