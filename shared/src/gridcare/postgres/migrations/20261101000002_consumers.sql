-- migrate:up
-- What the consumers of every service remember of bad records: crashes, dead letters, replays.

CREATE TABLE consumer_crash (
    consumer_group text NOT NULL,
    topic text NOT NULL,
    partition bigint NOT NULL,
    "offset" bigint NOT NULL,
    until_offset bigint NOT NULL,
    crashes bigint NOT NULL,
    error_class text,
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (consumer_group, topic, partition, "offset"),
    CHECK (until_offset >= "offset"),
    CHECK (crashes > 0)
);
COMMENT ON TABLE consumer_crash IS 'Records in whose handling a process died, or may be dying now: the row is written before and deleted after.';
COMMENT ON COLUMN consumer_crash.until_offset IS 'the last record that was in hand; which one of them killed is not known yet';
COMMENT ON COLUMN consumer_crash.error_class IS 'NULL: the process was killed and could not say';

CREATE TABLE dead_letter (
    consumer_group text NOT NULL,
    topic text NOT NULL,
    partition bigint NOT NULL,
    "offset" bigint NOT NULL,
    reason text NOT NULL,
    event_id uuid,
    dead_lettered_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    published_at timestamptz,
    PRIMARY KEY (consumer_group, topic, partition, "offset")
);
COMMENT ON TABLE dead_letter IS 'Records that a consumer put aside; the record itself lies in the topic''s dead-letter topic.';
COMMENT ON COLUMN dead_letter.published_at IS 'NULL until the dead-letter topic acknowledged the record; the offset is committed after that';
CREATE INDEX dead_letter_by_age ON dead_letter (consumer_group, dead_lettered_at);

CREATE TABLE dead_letter_replay (
    consumer_group text NOT NULL,
    topic text NOT NULL,
    partition bigint NOT NULL,
    "offset" bigint NOT NULL,
    event_id uuid,
    actor text NOT NULL,
    replayed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (consumer_group, topic, partition, "offset")
);
COMMENT ON TABLE dead_letter_replay IS 'The audit of dead letters that were published again, each once.';

-- migrate:down
DROP TABLE dead_letter_replay;
DROP TABLE dead_letter;
DROP TABLE consumer_crash;
