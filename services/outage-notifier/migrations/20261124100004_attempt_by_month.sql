-- migrate:up
-- squawk-ignore-file renaming-object, require-concurrent-index-creation, ban-drop-function
-- A provider's message belongs to one attempt, whatever the month: that is kept by a small table, which forgets after 60 days.
-- A trigger writes it, so that senders of the former release keep the rule too.

ALTER INDEX attempt_by_message RENAME TO attempt_before_by_message;
ALTER INDEX attempt_by_delivery RENAME TO attempt_before_by_delivery;
SELECT partition_by_month('attempt', 'batch_id', 'batch_id, place, try');
CREATE INDEX attempt_by_delivery ON attempt (notice_id, recipient_id) WHERE channel = 'sms';
COMMENT ON TABLE attempt IS 'One provider call to one contact. A row is completed once and otherwise never changed; an SMS is written before its call.';

CREATE TABLE sms_message (
    message_id text COLLATE "C" PRIMARY KEY,
    batch_id uuid NOT NULL,
    place int NOT NULL,
    try int NOT NULL,
    bound_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE sms_message IS 'Which attempt a provider''s message belongs to: one. Kept for 60 days; receipts and look-ups come within one.';
CREATE INDEX sms_message_by_age ON sms_message (bound_at);
INSERT INTO sms_message (message_id, batch_id, place, try, bound_at)
SELECT provider_message_id, batch_id, place, try, started_at FROM attempt
WHERE channel = 'sms' AND provider_message_id IS NOT NULL AND started_at > now() - interval '60 days';

CREATE FUNCTION bind_sms_message() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.provider_message_id IS NOT NULL THEN
        DELETE FROM sms_message WHERE message_id = OLD.provider_message_id
            AND (batch_id, place, try) = (OLD.batch_id, OLD.place, OLD.try);
    END IF;
    IF NEW.provider_message_id IS NOT NULL THEN
        INSERT INTO sms_message (message_id, batch_id, place, try)
        VALUES (NEW.provider_message_id, NEW.batch_id, NEW.place, NEW.try);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER attempt_with_message AFTER INSERT ON attempt FOR EACH ROW
WHEN (new.channel = 'sms' AND new.provider_message_id IS NOT NULL) EXECUTE FUNCTION bind_sms_message();
CREATE TRIGGER attempt_message_bound AFTER UPDATE OF provider_message_id ON attempt FOR EACH ROW
WHEN (new.channel = 'sms' AND new.provider_message_id IS DISTINCT FROM old.provider_message_id)
EXECUTE FUNCTION bind_sms_message();

DROP FUNCTION partition_by_month(text, text, text);

-- migrate:down
CREATE TABLE attempt_whole (LIKE attempt INCLUDING ALL);
INSERT INTO attempt_whole SELECT * FROM attempt;
DROP TABLE attempt;
DROP FUNCTION bind_sms_message();
DROP TABLE sms_message;
ALTER TABLE attempt_whole RENAME TO attempt;
ALTER INDEX attempt_whole_pkey RENAME TO attempt_pkey;
ALTER INDEX attempt_whole_notice_id_recipient_id_idx RENAME TO attempt_by_delivery;
CREATE UNIQUE INDEX attempt_by_message ON attempt (provider_message_id)
WHERE channel = 'sms' AND provider_message_id IS NOT NULL;
CREATE FUNCTION partition_by_month(parent text, key text, primary_key text) RETURNS void LANGUAGE sql AS $$ $$;
