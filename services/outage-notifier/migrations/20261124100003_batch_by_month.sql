-- migrate:up
-- squawk-ignore-file renaming-object, require-concurrent-index-creation, ban-drop-constraint
-- A batch's notice is written before it and in the same database: planners hold its row when they cut batches. A foreign key
-- would lock notices whenever a partition comes or goes.

ALTER INDEX batch_ready RENAME TO batch_before_ready;
ALTER INDEX batch_by_notice RENAME TO batch_before_by_notice;
ALTER TABLE batch DROP CONSTRAINT batch_notice_id_fkey;
SELECT partition_by_month('batch', 'batch_id', 'batch_id');
CREATE INDEX batch_ready ON batch (hinted_at) WHERE state = 'ready';
CREATE INDEX batch_by_notice ON batch (notice_id) WHERE notice_id IS NOT NULL;
COMMENT ON TABLE batch IS 'At most 500 deliveries of one channel and lane, handled together; members are stored and never queried again.';

-- migrate:down
CREATE TABLE batch_whole (LIKE batch INCLUDING ALL);
INSERT INTO batch_whole SELECT * FROM batch;
DROP TABLE batch;
ALTER TABLE batch_whole RENAME TO batch;
ALTER INDEX batch_whole_pkey RENAME TO batch_pkey;
ALTER INDEX batch_whole_hinted_at_idx RENAME TO batch_ready;
ALTER INDEX batch_whole_notice_id_idx RENAME TO batch_by_notice;
ALTER TABLE batch ADD CONSTRAINT batch_notice_id_fkey FOREIGN KEY (notice_id) REFERENCES notice (notice_id);
