-- migrate:up
CREATE TABLE device_aside (
    device_id uuid PRIMARY KEY REFERENCES device (device_id) ON DELETE CASCADE,
    reason text NOT NULL,
    put_aside_at timestamptz NOT NULL
);
COMMENT ON TABLE device_aside IS 'Devices that are kept but not called: registered with another sender than us (SENDER_ID_MISMATCH). Registering one again takes it back.';
COMMENT ON COLUMN device_aside.reason IS 'the provider''s code';

-- migrate:down
DROP TABLE device_aside;
