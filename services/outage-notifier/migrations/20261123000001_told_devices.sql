-- migrate:up
SET lock_timeout = '5s';
ALTER TABLE delivery ADD COLUMN told_devices text[];
COMMENT ON COLUMN delivery.told_devices IS 'devices that took the push while others of the recipient are tried again: these are left out';

-- migrate:down
SET lock_timeout = '5s';
ALTER TABLE delivery DROP COLUMN told_devices;
