-- migrate:up
-- squawk-ignore-file require-concurrent-index-creation
-- Deliveries of a month without a partition are asked for by recipient too, as those of a month that is over. There are few.
SET lock_timeout = '5s';
CREATE INDEX delivery_default_by_recipient ON delivery_default (recipient_id);

-- migrate:down
SET lock_timeout = '5s';
DROP INDEX delivery_default_by_recipient;
