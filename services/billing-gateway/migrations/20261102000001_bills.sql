-- migrate:up
-- Who can be billed, and what was billed.

CREATE TABLE customer (
    customer_code text PRIMARY KEY,
    first_seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT customer_code_length CHECK (length(customer_code) BETWEEN 1 AND 32)
);
COMMENT ON TABLE customer IS 'Customer codes that a supply point ever carried (supply-points.v1). Only added to: who moved out still gets a last bill.';

CREATE TABLE bill (
    bill_id uuid PRIMARY KEY,
    bill_number text NOT NULL,
    customer_code text NOT NULL REFERENCES customer,
    period text NOT NULL,
    amount_vnd bigint NOT NULL,
    due_on date NOT NULL,
    issued_at timestamptz NOT NULL,
    issued_by text NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    CONSTRAINT bill_number_unique UNIQUE (bill_number),
    CONSTRAINT bill_period_is_a_month CHECK (period ~ '^[0-9]{4}-(0[1-9]|1[0-2])$'),
    CONSTRAINT bill_amount_is_owed CHECK (amount_vnd BETWEEN 1 AND 9999999999999),
    CONSTRAINT bill_version_counts CHECK (version > 0)
);
COMMENT ON TABLE bill IS 'What a customer owes for a period. What was paid of it is not here: it is derived from the ledger.';
COMMENT ON COLUMN bill.issued_by IS 'the subject of the token that registered it';
CREATE INDEX bill_by_customer ON bill (customer_code, bill_id DESC);

-- migrate:down
DROP TABLE bill;
DROP TABLE customer;
