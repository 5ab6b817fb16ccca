-- migrate:up
SET lock_timeout = '5s';
CREATE TABLE cover (
    notice_id uuid NOT NULL,
    recipient_id text COLLATE "C" NOT NULL,
    covered_by text COLLATE "C" NOT NULL,
    channel text NOT NULL CHECK (channel IN ('push', 'sms')),
    contact_key bytea NOT NULL,
    look_at timestamptz,
    PRIMARY KEY (notice_id, recipient_id)
);
COMMENT ON TABLE cover IS 'Which contact a covered recipient relies on, and who was to be told on it: they are told otherwise if nobody was.';
COMMENT ON COLUMN cover.contact_key IS 'as in notice_contact: a number''s index, or a device''s id';
COMMENT ON COLUMN cover.look_at IS 'when to look whether covered_by was told on the contact; NULL: they were';
CREATE INDEX cover_by_owner ON cover (notice_id, covered_by);
CREATE INDEX cover_to_look_at ON cover (look_at, notice_id) WHERE look_at IS NOT NULL;

ALTER TABLE notice ADD COLUMN completions int NOT NULL DEFAULT 0;
COMMENT ON COLUMN notice.completions IS 'how often it was completed: again when a recipient who was covered had to be told after all';

-- migrate:down
SET lock_timeout = '5s';
ALTER TABLE notice DROP COLUMN completions;
DROP TABLE cover;
