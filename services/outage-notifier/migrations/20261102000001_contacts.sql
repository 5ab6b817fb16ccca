-- migrate:up
-- Whom a cut concerns and how they are told: supply points, projected from their topic, and contacts, which are kept in
-- this database alone.

CREATE TABLE supply_point (
    supply_point_id text PRIMARY KEY,
    customer_code text COLLATE "C" NOT NULL,
    transformer_id text NOT NULL,
    feeder_id text NOT NULL,
    substation_id text NOT NULL,
    ward_code text NOT NULL,
    version bigint NOT NULL
);
COMMENT ON TABLE supply_point IS 'Projection of supply-points.v1: an older version is ignored, a tombstone deletes.';
CREATE INDEX supply_point_by_feeder ON supply_point (feeder_id, customer_code);
CREATE INDEX supply_point_by_transformer ON supply_point (transformer_id, customer_code);
CREATE INDEX supply_point_by_ward ON supply_point (ward_code, customer_code);
CREATE INDEX supply_point_by_customer ON supply_point (customer_code) INCLUDE (feeder_id, transformer_id, ward_code);

CREATE TABLE customer (
    customer_code text COLLATE "C" PRIMARY KEY,
    language text NOT NULL CHECK (language IN ('vi', 'km', 'zh', 'en')),
    language_chosen boolean NOT NULL DEFAULT false,
    segment text NOT NULL DEFAULT 'ordinary'
    CHECK (segment IN ('ordinary', 'life_support', 'elderly', 'business', 'hospital')),
    name_sealed bytea
);
COMMENT ON COLUMN customer.language_chosen IS 'the customer chose it in the app: an import no longer changes it';
COMMENT ON COLUMN customer.name_sealed IS 'AES-256-GCM (contacts/vault.py)';

CREATE TABLE phone (
    phone_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_code text COLLATE "C" NOT NULL,
    number_sealed bytea NOT NULL,
    number_index bytea NOT NULL,
    masked text NOT NULL,
    consent boolean NOT NULL,
    opted_out_at timestamptz,
    bad_reason text,
    bad_at timestamptz,
    created_at timestamptz NOT NULL,
    UNIQUE (customer_code, number_index)
);
COMMENT ON COLUMN phone.number_sealed IS 'AES-256-GCM of the E.164 number';
COMMENT ON COLUMN phone.number_index IS 'HMAC-SHA-256 of the number: finds a phone, and phones that customers share, without opening any';
COMMENT ON COLUMN phone.masked IS 'what staff may see of it: +84*****12';
COMMENT ON COLUMN phone.bad_reason IS 'the provider''s code for a number that no message can reach (21211, 21614, ...); a new import clears it';
CREATE INDEX phone_by_number ON phone (number_index);

CREATE TABLE device (
    device_id uuid PRIMARY KEY,
    account text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('fid', 'token')),
    registration_sealed bytea NOT NULL,
    registration_index bytea NOT NULL UNIQUE,
    platform text NOT NULL CHECK (platform IN ('android', 'ios')),
    registered_at timestamptz NOT NULL,
    seen_at timestamptz NOT NULL
);
COMMENT ON TABLE device IS 'An installation of the app. It belongs to one account: registering moves it, logging out removes it.';
COMMENT ON COLUMN device.account IS 'subject of the token that registered it, or the customer code of an imported one';
CREATE INDEX device_by_account ON device (account);

CREATE TABLE device_customer (
    customer_code text COLLATE "C" NOT NULL,
    device_id uuid NOT NULL REFERENCES device (device_id) ON DELETE CASCADE,
    PRIMARY KEY (customer_code, device_id)
);
COMMENT ON TABLE device_customer IS 'Whose messages a device gets: the customer codes that its account held when it registered.';
CREATE INDEX device_customer_by_device ON device_customer (device_id);

-- migrate:down
DROP TABLE device_customer;
DROP TABLE device;
DROP TABLE phone;
DROP TABLE customer;
DROP TABLE supply_point;
