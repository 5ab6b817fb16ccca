-- migrate:up
-- Unlogged: what it holds is worth nothing after a crash, and it is written with every limited request.
CREATE UNLOGGED TABLE token_bucket (
    bucket text NOT NULL,
    subject text NOT NULL,
    full_at timestamptz NOT NULL,
    PRIMARY KEY (bucket, subject)
);
COMMENT ON TABLE token_bucket IS 'How often callers may still do what is limited by the hour. A caller without a row has a full bucket.';
COMMENT ON COLUMN token_bucket.subject IS 'the subject of the token that the request came with';
COMMENT ON COLUMN token_bucket.full_at IS 'when the bucket is full again; each request moves it by the time in which one token comes back';

-- migrate:down
DROP TABLE token_bucket;
