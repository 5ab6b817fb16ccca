-- migrate:up
-- A revision's scope comes in parts. Only when all of them are here is it known which supply points the cut covers no more.

ALTER TABLE outage ADD COLUMN parts_seen integer [] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN outage.parts_seen IS 'which parts of this version''s scope were applied';

-- migrate:down
ALTER TABLE outage DROP COLUMN parts_seen;
