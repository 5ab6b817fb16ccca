-- migrate:up
-- Lists of bills are asked for by state. The ledger stays the truth of it: here it is derived in the transaction that moves money.

ALTER TABLE bill ADD COLUMN state text NOT NULL DEFAULT 'open';
COMMENT ON COLUMN bill.state IS 'derived from the ledger whenever an entry names the bill, for the lists; open, partially_paid, paid, overpaid';

CREATE FUNCTION bill_states(bill_ids uuid[]) RETURNS TABLE (bill_id uuid, state text) LANGUAGE sql STABLE AS $$
    SELECT bill.bill_id, CASE
        WHEN balance.credit_vnd <> 0 THEN 'overpaid'
        WHEN balance.receivable_vnd = 0 THEN 'paid'
        WHEN balance.receivable_vnd = bill.amount_vnd THEN 'open'
        ELSE 'partially_paid'
    END
    FROM bill CROSS JOIN LATERAL (
        SELECT coalesce(sum(entry.amount_vnd) FILTER (WHERE account.kind = 'receivable'), 0) AS receivable_vnd,
            coalesce(sum(entry.amount_vnd) FILTER (WHERE account.kind = 'customer_credit'), 0) AS credit_vnd
        FROM entry JOIN account USING (account_id) WHERE entry.bill_id = bill.bill_id
    ) AS balance
    WHERE bill.bill_id = ANY (bill_ids)
$$;
COMMENT ON FUNCTION bill_states(uuid[]) IS 'Where bills stand, as the ledger says.';

CREATE FUNCTION derive_bill_states() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    UPDATE bill SET state = derived.state
    FROM bill_states(ARRAY(SELECT DISTINCT added.bill_id FROM added WHERE added.bill_id IS NOT NULL)) AS derived
    WHERE bill.bill_id = derived.bill_id AND bill.state <> derived.state;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION derive_bill_states() IS 'Keeps bill.state, whichever release writes the entries; as its owner, since nobody else has the right to.';
CREATE TRIGGER entry_derives_bill_states
    AFTER INSERT ON entry REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION derive_bill_states();

-- what only was issued is open, as the column says
UPDATE bill SET state = derived.state
FROM bill_states(
    ARRAY(SELECT DISTINCT bill_id FROM ledger_transaction WHERE kind <> 'bill_issued' AND bill_id IS NOT NULL)
) AS derived
WHERE bill.bill_id = derived.bill_id AND bill.state <> derived.state;

-- squawk-ignore require-concurrent-index-creation -- with the column, in one transaction; bills wait for a moment
CREATE INDEX bill_by_state ON bill (state, bill_id DESC);

-- migrate:down
DROP TRIGGER entry_derives_bill_states ON entry;
DROP FUNCTION derive_bill_states();
DROP FUNCTION bill_states(uuid[]);
DROP INDEX bill_by_state;
ALTER TABLE bill DROP COLUMN state;
