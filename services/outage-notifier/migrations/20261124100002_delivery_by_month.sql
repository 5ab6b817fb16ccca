-- migrate:up
-- squawk-ignore-file renaming-object, require-concurrent-index-creation
-- The former release goes on working on the partitioned table, and on what it wrote, which becomes the first partition
-- (delivery_before). There is no index by recipient any more where deliveries are being written: it cost a seventh of what
-- they write. A month's partition gets its own when the month is over (index_partition).

ALTER INDEX delivery_due RENAME TO delivery_before_due;
ALTER INDEX delivery_by_recipient RENAME TO delivery_before_by_recipient;
SELECT partition_by_month('delivery', 'notice_id', 'notice_id, recipient_id');
CREATE INDEX delivery_due ON delivery (next_attempt_at) WHERE next_attempt_at IS NOT NULL;
COMMENT ON TABLE delivery IS 'One notice to one recipient, once something is known of it; before that it is a planned member of its home batch.';

CREATE INDEX notice_large ON notice (notice_id) WHERE recipient_id IS NULL;

CREATE FUNCTION index_partition(part text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM FROM pg_inherits WHERE inhparent = 'delivery'::regclass AND inhrelid = to_regclass(quote_ident(part));
    IF NOT FOUND THEN
        RAISE EXCEPTION '% is no partition of deliveries', part;
    END IF;
    EXECUTE format('CREATE INDEX IF NOT EXISTS %I ON %I (recipient_id)', part || '_by_recipient', part);
END $$;
COMMENT ON FUNCTION index_partition IS 'Gives a month''s deliveries their index by recipient, once the month is over.';

-- migrate:down
DROP FUNCTION index_partition(text);
DROP INDEX notice_large;
CREATE TABLE delivery_whole (LIKE delivery INCLUDING ALL) WITH (fillfactor = 85);
INSERT INTO delivery_whole SELECT * FROM delivery;
DROP TABLE delivery;
ALTER TABLE delivery_whole RENAME TO delivery;
ALTER INDEX delivery_whole_pkey RENAME TO delivery_pkey;
ALTER INDEX delivery_whole_next_attempt_at_idx RENAME TO delivery_due;
CREATE INDEX delivery_by_recipient ON delivery (recipient_id, notice_id);
