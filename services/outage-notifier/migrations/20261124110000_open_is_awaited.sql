-- migrate:up
-- squawk-ignore-file require-concurrent-index-creation
-- A sender asks whether a delivery still names its follow-up batch, and the worker which batches are named. The constraint is
-- not validated, so that it does not read every delivery there is; it holds for all that is written from now on.
SET lock_timeout = '5s';
CREATE INDEX delivery_in_follow_up ON delivery (follow_up_batch_id) WHERE follow_up_batch_id IS NOT NULL;
ALTER TABLE delivery ADD CONSTRAINT delivery_open_is_awaited CHECK (
    state NOT IN ('held', 'retrying', 'unknown', 'awaiting')
    OR next_attempt_at IS NOT NULL OR follow_up_batch_id IS NOT NULL
) NOT VALID;
COMMENT ON CONSTRAINT delivery_open_is_awaited ON delivery IS
'whoever is open has a due time or waits in a follow-up batch: else nobody would ever look at it again';
COMMENT ON COLUMN delivery.follow_up_batch_id IS 'the batch that it waits in; NULL once its outcome there is recorded';

-- migrate:down
SET lock_timeout = '5s';
ALTER TABLE delivery DROP CONSTRAINT delivery_open_is_awaited;
DROP INDEX delivery_in_follow_up;
