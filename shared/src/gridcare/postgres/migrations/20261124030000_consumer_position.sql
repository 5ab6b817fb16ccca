-- migrate:up
-- How far consumers are, so that a database that was restored to an earlier time is noticed.

CREATE TABLE consumer_position (
    consumer_group text NOT NULL,
    topic text NOT NULL,
    partition bigint NOT NULL,
    next_offset bigint NOT NULL,
    rewind_to bigint,
    behind_until bigint,
    PRIMARY KEY (consumer_group, topic, partition),
    CHECK (num_nulls(rewind_to, behind_until) IN (0, 2)),
    CHECK (rewind_to < behind_until)
);
COMMENT ON TABLE consumer_position IS 'The next offset of each partition, noted after its records are applied and before the broker is told.';
COMMENT ON COLUMN consumer_position.rewind_to IS 'the first record that a restored database lost; NULL: none';
COMMENT ON COLUMN consumer_position.behind_until IS 'the record after the last one that was lost';

-- migrate:down
DROP TABLE consumer_position;
