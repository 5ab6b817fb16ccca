-- What must be nothing, by what is wrong with it.
SELECT
    (SELECT count(*) FROM (
        SELECT 1 FROM ledger_transaction LEFT JOIN entry USING (transaction_id)
        GROUP BY transaction_id HAVING coalesce(sum(amount_vnd), 1) <> 0) AS lopsided) AS lopsided,
    (SELECT coalesce(sum(amount_vnd), 0) FROM entry) AS total,
    (SELECT count(*) FROM (
        SELECT 1 FROM ledger_transaction WHERE kind IN ('payment_recorded', 'money_suspended')
        GROUP BY provider, provider_transaction_number HAVING count(*) > 1) AS twice) AS twice,
    (SELECT count(*) FROM payment WHERE (state = 'succeeded') <> EXISTS (
        SELECT 1 FROM ledger_transaction AS money WHERE money.payment_id = payment.payment_id
        AND money.kind IN ('payment_recorded', 'suspense_released'))) AS unfounded,
    (SELECT count(*) FROM ledger_transaction WHERE kind IN ('payment_recorded', 'suspense_released')) -
    (SELECT count(*) FROM outbox WHERE headers::text LIKE '%PaymentRecorded%') AS without_receipt,
    (SELECT count(*) FROM bill WHERE state <> (
        SELECT CASE WHEN sum(amount_vnd) < 0 THEN 'overpaid' WHEN sum(amount_vnd) = 0 THEN 'paid'
            WHEN sum(amount_vnd) < bill.amount_vnd THEN 'partially_paid' ELSE 'open' END
        FROM entry JOIN account USING (account_id)
        WHERE entry.bill_id = bill.bill_id AND kind IN ('receivable', 'customer_credit'))) AS misjudged
