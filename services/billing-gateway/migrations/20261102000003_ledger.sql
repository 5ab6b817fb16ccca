-- migrate:up
-- The ledger: double entry, whole dong, append-only, and it sums to zero here, whatever the code above does.

CREATE TABLE account (
    account_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL,
    subject text NOT NULL,
    CONSTRAINT account_unique UNIQUE (kind, subject),
    CONSTRAINT account_kind_known CHECK (kind IN ('receivable', 'customer_credit', 'clearing', 'suspense', 'revenue'))
);
COMMENT ON TABLE account IS 'Where money stands.';
COMMENT ON COLUMN account.kind IS 'receivable: what a customer owes; customer_credit: what was paid too much; clearing: what a provider collected and has to pay out; suspense: money that is not matched yet; revenue: what was billed';
COMMENT ON COLUMN account.subject IS 'receivable, customer_credit: the customer code; clearing, suspense: the provider; revenue: electricity';

CREATE TABLE ledger_transaction (
    transaction_id uuid PRIMARY KEY,
    kind text NOT NULL,
    bill_id uuid REFERENCES bill,
    payment_id uuid REFERENCES payment,
    provider text,
    provider_transaction_number text,
    provider_event_id uuid REFERENCES provider_event,
    reason text,
    releases uuid REFERENCES ledger_transaction,
    recorded_at timestamptz NOT NULL,
    written_in xid8 NOT NULL DEFAULT pg_current_xact_id(),
    CONSTRAINT ledger_transaction_releases_once UNIQUE (releases),
    CONSTRAINT ledger_transaction_kind_known CHECK (
        kind IN ('bill_issued', 'payment_recorded', 'money_suspended', 'suspense_released')
    ),
    CONSTRAINT ledger_transaction_names_the_money CHECK (
        (kind = 'bill_issued') = (provider IS NULL) AND (provider IS NULL) = (provider_transaction_number IS NULL)
        AND (provider IS NULL) = (provider_event_id IS NULL)
    ),
    CONSTRAINT ledger_transaction_names_the_bill CHECK (kind = 'money_suspended' OR bill_id IS NOT NULL),
    CONSTRAINT ledger_transaction_says_why CHECK ((kind = 'money_suspended') = (reason IS NOT NULL)),
    CONSTRAINT ledger_transaction_releases_something CHECK ((kind = 'suspense_released') = (releases IS NOT NULL))
);
COMMENT ON TABLE ledger_transaction IS 'One movement of money: entries that sum to zero, written at once and never changed.';
COMMENT ON COLUMN ledger_transaction.provider_transaction_number IS 'the provider''s own number of the money that came in';
COMMENT ON COLUMN ledger_transaction.reason IS 'why the money went to suspense';
COMMENT ON COLUMN ledger_transaction.releases IS 'the suspended money that this one moves on; at most once';
COMMENT ON COLUMN ledger_transaction.written_in IS 'the database transaction that wrote it; no other one may add entries';
CREATE UNIQUE INDEX ledger_transaction_once_a_provider_transaction
    ON ledger_transaction (provider, provider_transaction_number) WHERE kind IN ('payment_recorded', 'money_suspended');
CREATE UNIQUE INDEX ledger_transaction_bill_issued_once ON ledger_transaction (bill_id) WHERE kind = 'bill_issued';
CREATE INDEX ledger_transaction_by_payment ON ledger_transaction (payment_id) WHERE payment_id IS NOT NULL;

CREATE TABLE entry (
    entry_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    transaction_id uuid NOT NULL REFERENCES ledger_transaction,
    account_id bigint NOT NULL REFERENCES account,
    bill_id uuid REFERENCES bill,
    amount_vnd bigint NOT NULL,
    CONSTRAINT entry_amount_moves_money CHECK (amount_vnd <> 0 AND abs(amount_vnd) <= 9999999999999)
);
COMMENT ON TABLE entry IS 'One side of a movement of money.';
COMMENT ON COLUMN entry.amount_vnd IS 'debits are positive, credits negative';
COMMENT ON COLUMN entry.bill_id IS 'the bill that a receivable or a credit is about: what is outstanding is a sum over these';
CREATE INDEX entry_by_transaction ON entry (transaction_id);
CREATE INDEX entry_by_bill ON entry (bill_id) INCLUDE (account_id, amount_vnd) WHERE bill_id IS NOT NULL;
CREATE INDEX entry_by_account ON entry (account_id) INCLUDE (amount_vnd);

CREATE FUNCTION check_ledger_transaction() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    entries bigint;
    total numeric;
BEGIN
    SELECT count(*), coalesce(sum(amount_vnd), 0) INTO entries, total
    FROM entry WHERE transaction_id = NEW.transaction_id;
    IF entries < 2 OR total <> 0 THEN
        RAISE EXCEPTION 'a ledger transaction has % entries that sum to %', entries, total
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_transaction_sums_to_zero';
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION check_ledger_transaction() IS 'At commit: a ledger transaction has two entries or more, and they sum to zero.';
CREATE CONSTRAINT TRIGGER ledger_transaction_sums_to_zero
    AFTER INSERT ON ledger_transaction DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION check_ledger_transaction();
CREATE CONSTRAINT TRIGGER entry_sums_to_zero
    AFTER INSERT ON entry DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION check_ledger_transaction();

CREATE FUNCTION check_entry_is_on_time() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM ledger_transaction
        WHERE transaction_id = NEW.transaction_id AND written_in = pg_current_xact_id()
    ) THEN
        RAISE EXCEPTION 'a ledger transaction takes no entries after it was written'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_is_written_with_its_transaction';
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION check_entry_is_on_time() IS 'Entries come with their ledger transaction: balanced ones cannot be added to an old one either.';
CREATE TRIGGER entry_is_written_with_its_transaction
    BEFORE INSERT ON entry FOR EACH ROW EXECUTE FUNCTION check_entry_is_on_time();

CREATE TRIGGER account_is_kept
    BEFORE UPDATE OR DELETE OR TRUNCATE ON account FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER ledger_transaction_is_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_transaction FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER entry_is_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON entry FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- migrate:down
DROP TABLE entry;
DROP TABLE ledger_transaction;
DROP TABLE account;
DROP FUNCTION check_entry_is_on_time();
DROP FUNCTION check_ledger_transaction();
