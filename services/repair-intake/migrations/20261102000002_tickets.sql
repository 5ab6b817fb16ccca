-- migrate:up
-- What this service owns: teams with the wards they work, and tickets.

CREATE TABLE team (
    team_id text PRIMARY KEY,
    name text NOT NULL
);
COMMENT ON TABLE team IS 'A local power-management team. One that is no longer imported stays, without an area: old tickets name it.';

CREATE TABLE team_area (
    ward_code text PRIMARY KEY,
    team_id text NOT NULL REFERENCES team (team_id)
);
COMMENT ON TABLE team_area IS 'Each ward is worked by one team at most.';
CREATE INDEX team_area_by_team ON team_area (team_id);

CREATE TABLE ticket (
    ticket_id uuid PRIMARY KEY,
    reference text NOT NULL UNIQUE,
    version bigint NOT NULL CHECK (version > 0),
    state text NOT NULL
    CHECK (state IN ('open', 'attached', 'assigned', 'resolution_proposed', 'closed', 'cancelled')),
    customer_code text NOT NULL,
    supply_point_id text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('repair', 'inspection', 'installation')),
    category text NOT NULL,
    urgent boolean NOT NULL,
    description text NOT NULL CHECK (char_length(description) <= 2000),
    client_ref text,
    team_id text REFERENCES team (team_id),
    outage_id uuid,
    outage_cause text,
    outage_place text,
    expected_end_at timestamptz,
    opened_at timestamptz NOT NULL,
    opened_by text NOT NULL,
    CHECK (state <> 'attached' OR outage_id IS NOT NULL),
    CHECK (
        num_nulls(outage_id, outage_cause, outage_place, expected_end_at) IN (0, 4)
    )
);
COMMENT ON COLUMN ticket.reference IS 'the short number that a person reads out';
COMMENT ON COLUMN ticket.description IS 'personal data, in the customer''s words: it never leaves this database but for the customer and the team';
COMMENT ON COLUMN ticket.client_ref IS 'the app''s own name for the request';
COMMENT ON COLUMN ticket.team_id IS 'NULL: no team works the ward; a dispatcher decides';
COMMENT ON COLUMN ticket.outage_cause IS 'what the customer was told of the outage when the ticket was attached';
COMMENT ON COLUMN ticket.opened_by IS 'subject of the token that sent it';
CREATE INDEX ticket_by_customer ON ticket (customer_code, ticket_id DESC);
CREATE INDEX ticket_waiting_by_supply_point ON ticket (supply_point_id) WHERE state NOT IN ('closed', 'cancelled');
CREATE INDEX ticket_by_sender ON ticket (opened_by, opened_at);
CREATE INDEX ticket_attached_by_outage ON ticket (outage_id) WHERE state = 'attached';
CREATE INDEX ticket_by_team ON ticket (team_id);

-- migrate:down
DROP TABLE ticket;
DROP TABLE team_area;
DROP TABLE team;
