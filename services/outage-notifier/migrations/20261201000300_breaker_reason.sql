-- migrate:up
SET lock_timeout = '5s';
COMMENT ON COLUMN breaker.reason IS 'the provider''s code that opened it, or too-many-devices-lost, or too-many-phones-lost';

-- migrate:down
SET lock_timeout = '5s';
COMMENT ON COLUMN breaker.reason IS 'the provider''s code that opened it, or too-many-devices-lost';
