-- migrate:up
SET lock_timeout = '5s';
ALTER TABLE attempt ADD COLUMN not_before timestamptz;
COMMENT ON COLUMN attempt.not_before IS 'an SMS: what the provider''s clock showed at least when the call began, by its own answers; NULL: it had not answered yet';

-- migrate:down
SET lock_timeout = '5s';
ALTER TABLE attempt DROP COLUMN not_before;
