-- migrate:up
-- The projection of supply points is the same in every service, so it has the substation here too. Existing rows get theirs
-- with the next version of their supply point; nothing here reads it yet.

ALTER TABLE supply_point ADD COLUMN substation_id text NOT NULL DEFAULT '';

-- migrate:down
ALTER TABLE supply_point DROP COLUMN substation_id;
