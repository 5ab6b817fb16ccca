-- migrate:up
-- What other services said: supply points and outages, as far as taking in a ticket needs them.

CREATE TABLE supply_point (
    supply_point_id text PRIMARY KEY,
    customer_code text NOT NULL,
    transformer_id text NOT NULL,
    feeder_id text NOT NULL,
    ward_code text NOT NULL,
    version bigint NOT NULL
);
COMMENT ON TABLE supply_point IS 'Projection of supply-points.v1: a version that was passed is ignored, a tombstone deletes.';

CREATE TABLE outage (
    outage_id uuid PRIMARY KEY,
    version bigint NOT NULL,
    ended boolean NOT NULL,
    cause text NOT NULL,
    place text NOT NULL,
    starts_at timestamptz [] NOT NULL,
    ends_at timestamptz [] NOT NULL,
    changed_at timestamptz NOT NULL,
    CHECK (cardinality(starts_at) = cardinality(ends_at))
);
COMMENT ON TABLE outage IS 'Projection of outages.v1: a version that was passed is ignored.';
COMMENT ON COLUMN outage.ended IS 'cancelled or restored: it explains nothing any more';
COMMENT ON COLUMN outage.starts_at IS 'the windows'' starts; their expected ends stand at the same places of ends_at';
COMMENT ON COLUMN outage.changed_at IS 'when its last event happened: retention counts from here';
CREATE INDEX outage_by_change ON outage (changed_at);

CREATE TABLE outage_scope (
    element_kind text NOT NULL CHECK (element_kind IN ('feeder', 'transformer', 'ward', 'supply_point')),
    element_id text NOT NULL,
    outage_id uuid NOT NULL REFERENCES outage (outage_id) ON DELETE CASCADE,
    PRIMARY KEY (element_kind, element_id, outage_id)
);
COMMENT ON TABLE outage_scope IS 'What an outage cuts: the union of these; empty once it ended.';
CREATE INDEX outage_scope_by_outage ON outage_scope (outage_id);

-- migrate:down
DROP TABLE outage_scope;
DROP TABLE outage;
DROP TABLE supply_point;
