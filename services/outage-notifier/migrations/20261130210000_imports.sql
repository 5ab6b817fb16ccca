-- migrate:up
CREATE TABLE import (
    import_id uuid PRIMARY KEY,
    kind text NOT NULL,
    made_by text NOT NULL,
    begun_at timestamptz NOT NULL,
    ended_at timestamptz,
    digest bytea,
    kept bigint,
    refused bigint
);
COMMENT ON TABLE import IS 'Who imported what. Lines are kept as they come, so one that broke off (no ended_at) may have changed something too.';
COMMENT ON COLUMN import.made_by IS 'the subject of the caller''s token';
COMMENT ON COLUMN import.digest IS 'SHA-256 of the file';

-- migrate:down
DROP TABLE import;
