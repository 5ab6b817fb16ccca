-- migrate:up
-- What tells a repeated receipt, in a small table that forgets after 60 days; the receipts stay. The unique index of receipts
-- goes with a later release: the former one, which still runs while this one is rolled out, names it.

CREATE TABLE receipt_key (
    source text NOT NULL CHECK (source IN ('twilio', 'app')),
    dedup_key text COLLATE "C" NOT NULL,
    attempt_name text,
    noted_at timestamptz NOT NULL,
    PRIMARY KEY (source, dedup_key)
);
COMMENT ON TABLE receipt_key IS 'Which receipts came already. Kept for 60 days; a provider repeats itself within hours.';
CREATE INDEX receipt_key_by_age ON receipt_key (noted_at);
INSERT INTO receipt_key (source, dedup_key, attempt_name, noted_at)
SELECT source, dedup_key, attempt_name, received_at FROM receipt WHERE received_at > now() - interval '60 days';

-- migrate:down
DROP TABLE receipt_key;
