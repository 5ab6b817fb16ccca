-- migrate:up
SET lock_timeout = '5s';
ALTER TABLE breaker ADD COLUMN witnesses text[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN breaker.witnesses IS 'customers whose contacts were refused since there was no suspicion: one with broken devices does not stop a channel';

-- migrate:down
SET lock_timeout = '5s';
ALTER TABLE breaker DROP COLUMN witnesses;
