-- migrate:up
CREATE TABLE outage (
    outage_id uuid PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('planned', 'unplanned')),
    status text NOT NULL CHECK (status IN ('draft', 'published', 'cancelled', 'restored')),
    revision int NOT NULL CHECK (revision > 0),
    version bigint NOT NULL CHECK (version >= 0),
    document jsonb NOT NULL,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
COMMENT ON COLUMN outage.revision IS 'the newest row of outage_revision';
COMMENT ON COLUMN outage.version IS 'how many events were published of it (ce_sequence)';
COMMENT ON COLUMN outage.document IS 'cause, place by language, windows and scope (outages/core/outage.py) as of the revision';
CREATE INDEX outage_by_update ON outage (updated_at, outage_id);

CREATE TABLE outage_revision (
    outage_id uuid NOT NULL REFERENCES outage (outage_id),
    revision int NOT NULL,
    action text NOT NULL CHECK (action IN ('created', 'edited', 'published', 'revised', 'cancelled', 'restored')),
    document jsonb NOT NULL,
    reason text NOT NULL,
    made_by text NOT NULL,
    made_at timestamptz NOT NULL,
    PRIMARY KEY (outage_id, revision)
);
COMMENT ON TABLE outage_revision IS 'Every state that an outage was in, and who put it there; never changed.';

-- migrate:down
DROP TABLE outage_revision;
DROP TABLE outage;
