-- migrate:up
SET lock_timeout = '5s';
ALTER TABLE delivery ADD COLUMN looked_at timestamptz;
COMMENT ON COLUMN delivery.looked_at IS 'when the first of the look-ups that `looks` counts ended, on the database''s clock: the second counts only if the pause between them has really passed';

-- migrate:down
SET lock_timeout = '5s';
ALTER TABLE delivery DROP COLUMN looked_at;
