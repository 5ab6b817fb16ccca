-- migrate:up
-- squawk-ignore-file require-concurrent-index-creation
-- Urgent first, then what is useful for the shortest time. The former release's planners find due notices by the new indexes too.
SET lock_timeout = '5s';
ALTER TABLE batch ADD COLUMN useful_until timestamptz;
COMMENT ON COLUMN batch.useful_until IS 'when the first of its notices is no longer useful; NULL in what the first release planned';
UPDATE batch b SET useful_until = n.useful_until FROM notice n WHERE b.state = 'ready' AND n.notice_id = b.notice_id;
CREATE INDEX batch_waiting ON batch (channel, lane, useful_until) WHERE state = 'ready';
CREATE INDEX notice_large_due ON notice (due_at) WHERE state = 'scheduled' AND recipient_id IS NULL;
CREATE INDEX notice_singles_due ON notice (lane, useful_until, notice_id)
WHERE state = 'scheduled' AND recipient_id IS NOT NULL;

-- migrate:down
SET lock_timeout = '5s';
DROP INDEX notice_singles_due;
DROP INDEX notice_large_due;
DROP INDEX batch_waiting;
ALTER TABLE batch DROP COLUMN useful_until;
