-- migrate:up
-- Payments, and what providers told us.

CREATE TABLE payment (
    payment_id uuid PRIMARY KEY,
    bill_id uuid NOT NULL REFERENCES bill,
    provider text NOT NULL,
    order_reference text NOT NULL,
    amount_vnd bigint NOT NULL,
    state text NOT NULL DEFAULT 'begun',
    reason text,
    begun_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    settled_at timestamptz,
    version bigint NOT NULL DEFAULT 1,
    CONSTRAINT payment_order_reference_unique UNIQUE (provider, order_reference),
    CONSTRAINT payment_provider_known CHECK (provider IN ('vnpay', 'momo', 'zalopay', 'bank')),
    CONSTRAINT payment_amount_positive CHECK (amount_vnd BETWEEN 1 AND 9999999999999),
    CONSTRAINT payment_state_known CHECK (state IN ('begun', 'succeeded', 'failed', 'expired', 'held')),
    CONSTRAINT payment_settled_when_not_begun CHECK ((settled_at IS NULL) = (state = 'begun')),
    CONSTRAINT payment_reason_when_it_did_not_succeed CHECK ((reason IS NOT NULL) = (state IN ('failed', 'held'))),
    CONSTRAINT payment_expires_after_it_began CHECK (expires_at > begun_at)
);
COMMENT ON TABLE payment IS 'Money on its way for a bill through a provider. Whether it came in is recorded in the ledger.';
COMMENT ON COLUMN payment.order_reference IS 'what the provider knows the payment by; fresh for each payment';
COMMENT ON COLUMN payment.state IS 'begun; expired: its time passed and nothing was heard, a late success still counts; held: money came and waits for a person';
CREATE INDEX payment_by_bill ON payment (bill_id);
CREATE INDEX payment_to_expire ON payment (expires_at) WHERE state = 'begun';

CREATE TABLE provider_event (
    provider_event_id uuid PRIMARY KEY,
    provider text NOT NULL,
    order_reference text NOT NULL,
    transaction_number text NOT NULL,
    response_code text NOT NULL,
    transaction_status text NOT NULL,
    raw text NOT NULL,
    received_at timestamptz NOT NULL,
    handled_at timestamptz,
    outcome text,
    CONSTRAINT provider_event_unique
        UNIQUE (provider, order_reference, transaction_number, response_code, transaction_status),
    CONSTRAINT provider_event_provider_known CHECK (provider IN ('vnpay', 'momo', 'zalopay', 'bank')),
    CONSTRAINT provider_event_raw_length CHECK (length(raw) <= 8192),
    CONSTRAINT provider_event_outcome_when_handled CHECK ((handled_at IS NULL) = (outcome IS NULL)),
    CONSTRAINT provider_event_outcome_known CHECK (
        outcome IN ('recorded', 'released', 'suspended', 'failed', 'repeated', 'unmatched', 'unreadable')
    )
);
COMMENT ON TABLE provider_event IS 'What a provider told us, as it came and with a good signature, stored before anything is done with it; the work is done from here.';
COMMENT ON COLUMN provider_event.order_reference IS 'this and the next three as the provider wrote them; empty where it wrote none';
COMMENT ON COLUMN provider_event.raw IS 'the bytes that the signature is over (VNPay: the query string)';
COMMENT ON COLUMN provider_event.outcome IS 'what was done: recorded or released to the bill, suspended, noted as a failure, nothing because repeated, unmatched and without money, unreadable';
CREATE INDEX provider_event_to_handle ON provider_event (received_at) WHERE handled_at IS NULL;

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END
$$;
COMMENT ON FUNCTION refuse_change() IS 'A trigger for tables, or columns, whose rows stay as they were written.';

CREATE TRIGGER provider_event_stays_as_it_came
    BEFORE UPDATE OF provider_event_id, provider, order_reference, transaction_number, response_code,
        transaction_status, raw, received_at
    ON provider_event FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER provider_event_is_handled_once
    BEFORE UPDATE ON provider_event FOR EACH ROW WHEN (OLD.handled_at IS NOT NULL) EXECUTE FUNCTION refuse_change();
CREATE TRIGGER provider_event_is_kept
    BEFORE DELETE OR TRUNCATE ON provider_event FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- migrate:down
DROP TABLE provider_event;
DROP TABLE payment;
DROP FUNCTION refuse_change();
