-- migrate:up
-- What the processes of every service remember of work that fails again and again, so that it has an end.

CREATE TABLE poison (
    kind text NOT NULL,
    item_id text NOT NULL,
    tries bigint NOT NULL,
    error_class text,
    progress text,
    first_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    retry_at timestamptz,
    parked_at timestamptz,
    PRIMARY KEY (kind, item_id),
    CHECK (tries >= 0)
);
COMMENT ON TABLE poison IS 'Work that raised an error or may be killing its process: counted, tried again after a pause, parked after five tries.';
COMMENT ON COLUMN poison.tries IS 'how often it failed; one that could kill the process is counted before it begins';
COMMENT ON COLUMN poison.error_class IS 'of the last error, never its text; NULL: the process was killed and could not say';
COMMENT ON COLUMN poison.progress IS 'how far the work had got when it last began: a try that got further starts the count again';
COMMENT ON COLUMN poison.retry_at IS 'nobody takes it up before';
COMMENT ON COLUMN poison.parked_at IS 'nobody takes it up until the command parked releases it';

-- migrate:down
DROP TABLE poison;
