-- migrate:up
-- A provider is asked about a payment before it expires: a callback may have been lost.

SET lock_timeout = '5s';
ALTER TABLE payment
    ADD COLUMN asked bigint NOT NULL DEFAULT 0,
    ADD COLUMN ask_at timestamptz;
COMMENT ON COLUMN payment.asked IS 'how often its provider was asked what became of it';
COMMENT ON COLUMN payment.ask_at IS 'while it is begun: when its provider is asked again, and nobody asks before; NULL: once its time has passed';
COMMENT ON COLUMN payment.state IS 'begun; expired: its time passed and its provider knows of no payment, or could not say for too long, a late success still counts; held: money came and waits for a person';
COMMENT ON COLUMN provider_event.raw IS 'what the signature is over (VNPay: the query string of a callback, or the JSON of its answer to querydr)';

-- migrate:down
SET lock_timeout = '5s';
ALTER TABLE payment DROP COLUMN ask_at, DROP COLUMN asked;
