-- migrate:up
-- A supply point that was removed stays as a row without customer and grid elements: an older record that comes after its
-- tombstone, a dead letter replayed, must not bring it back. Nobody knows when what is there was said: before everything.

ALTER TABLE supply_point
ADD COLUMN removed boolean NOT NULL DEFAULT false,
ADD COLUMN said_at timestamptz NOT NULL DEFAULT '-infinity';
COMMENT ON TABLE supply_point IS 'Projection of supply-points.v1: an older version is ignored, a tombstone empties the row.';
COMMENT ON COLUMN supply_point.removed IS 'a tombstone came: only id and version mean something';
COMMENT ON COLUMN supply_point.said_at IS 'the time of the newest record applied, as the utility''s system gave it';

-- migrate:down
DELETE FROM supply_point WHERE removed;
ALTER TABLE supply_point DROP COLUMN removed, DROP COLUMN said_at;
