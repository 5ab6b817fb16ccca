-- migrate:up
SET lock_timeout = '5s';
ALTER TABLE phone
    ADD COLUMN chosen boolean NOT NULL DEFAULT false,
    ADD COLUMN preferred_at timestamptz,
    ADD COLUMN removed_at timestamptz,
    ADD COLUMN removed_in_app boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN phone.chosen IS 'the customer made it the primary one in the app: an import changes that no more';
COMMENT ON COLUMN phone.preferred_at IS 'a customer''s primary phone is the chosen one, else the one preferred last, else the oldest';
COMMENT ON COLUMN phone.removed_at IS 'nothing is sent to it any more; its row stays, for proof of what was sent to it';
COMMENT ON COLUMN phone.removed_in_app IS 'by the customer: an import does not bring it back';

CREATE TABLE phone_change (
    change_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_code text COLLATE "C" NOT NULL,
    phone_id bigint NOT NULL,
    action text NOT NULL CHECK (action IN ('added', 'replaced', 'removed', 'made_primary')),
    replaced_phone_id bigint,
    masked text NOT NULL,
    made_by text NOT NULL,
    made_at timestamptz NOT NULL
);
COMMENT ON TABLE phone_change IS 'Who changed which phone of a customer, and when; append-only. The number stays sealed in its phone''s row.';
COMMENT ON COLUMN phone_change.replaced_phone_id IS 'of a phone that took another''s place: that one, which was removed';
COMMENT ON COLUMN phone_change.made_by IS 'subject of the token';
CREATE INDEX phone_change_by_customer ON phone_change (customer_code, change_id);

CREATE FUNCTION refuse_change_of_history() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER phone_change_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON phone_change
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_history();

-- migrate:down
SET lock_timeout = '5s';
DROP TABLE phone_change;
DROP FUNCTION refuse_change_of_history();
ALTER TABLE phone DROP COLUMN chosen, DROP COLUMN preferred_at, DROP COLUMN removed_at, DROP COLUMN removed_in_app;
