-- migrate:up
-- Outages, and every state that each was in.

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
COMMENT ON COLUMN outage.version IS 'how many of its changes were published; its events carry it as ce_sequence';
COMMENT ON COLUMN outage.document IS 'what the newest revision says: cause, place, windows and scope (OutageDocument in outages/core/outage.py)';
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
COMMENT ON TABLE outage_revision IS 'Every state that an outage was in, and who made it so; rows never change.';

-- migrate:down
DROP TABLE outage_revision;
DROP TABLE outage;
