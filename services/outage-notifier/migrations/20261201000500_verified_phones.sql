-- migrate:up
SET lock_timeout = '5s';
-- Rows that are there count as verified, whatever is added from now on does not, unless it says so.
ALTER TABLE phone ADD COLUMN verified boolean NOT NULL DEFAULT true;
ALTER TABLE phone ALTER COLUMN verified SET DEFAULT false;
COMMENT ON COLUMN phone.verified IS 'the distributor brought the number, by an import or by staff; what a customer types in the app proves nothing';

ALTER TABLE phone_change ADD COLUMN made_as text CHECK (made_as IN ('import', 'staff', 'customer'));
COMMENT ON COLUMN phone_change.made_as IS 'what made_by was then; NULL: from before that was kept';

ALTER TABLE notice_contact
    ADD COLUMN verified boolean,
    ADD COLUMN ahead boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN notice_contact.verified IS 'whether the distributor brought the contact to this recipient: then nobody else takes it; NULL: noted before that was asked';
COMMENT ON COLUMN notice_contact.ahead IS 'noted for a recipient on a later page of the audience, who may turn out not to use it';

-- migrate:down
SET lock_timeout = '5s';
ALTER TABLE notice_contact DROP COLUMN verified, DROP COLUMN ahead;
ALTER TABLE phone_change DROP COLUMN made_as;
ALTER TABLE phone DROP COLUMN verified;
