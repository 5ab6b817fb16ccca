-- migrate:up
-- The app's own name for a request names one ticket of a customer. Tickets that repeat a name already keep it, aside from the
-- rule: the first of them is the one that the name finds.

ALTER TABLE ticket ADD COLUMN repeats_client_ref boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN ticket.repeats_client_ref IS 'opened before names were unique, after another of its customer with the same';
UPDATE ticket SET repeats_client_ref = true
WHERE EXISTS (
    SELECT FROM ticket AS first
    WHERE first.customer_code = ticket.customer_code AND first.client_ref = ticket.client_ref
    AND first.ticket_id < ticket.ticket_id
);
-- squawk-ignore require-concurrent-index-creation -- with the column, in one transaction; tickets wait for a moment
CREATE UNIQUE INDEX ticket_by_client_ref ON ticket (customer_code, client_ref)
WHERE client_ref IS NOT NULL AND NOT repeats_client_ref;

-- migrate:down
DROP INDEX ticket_by_client_ref;
ALTER TABLE ticket DROP COLUMN repeats_client_ref;
