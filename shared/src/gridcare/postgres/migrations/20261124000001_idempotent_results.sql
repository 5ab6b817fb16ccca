-- migrate:up
-- A use case's result is kept instead of the HTTP answer that was made of it; the old columns go with a later release,
-- since processes of the former one still read and write them while this one is rolled out, or after it was rolled back:
-- a key that this release served is a conflict to them.

ALTER TABLE idempotency ADD COLUMN result bytea;
ALTER TABLE idempotency ALTER COLUMN status SET DEFAULT 409;
ALTER TABLE idempotency ALTER COLUMN body SET DEFAULT
    '{"type": "/problems/idempotency-key-served", "title": "Idempotency key served", "status": 409, "detail": "this request was served by a newer release: read what it made", "code": "idempotency-key-served", "traceId": ""}';
COMMENT ON TABLE idempotency IS 'Results of requests that carried an Idempotency-Key, kept in the transaction of their effect for 7 days.';
COMMENT ON COLUMN idempotency.result IS 'the use case''s result as JSON; NULL in a row of the former release, which kept status and body';

-- migrate:down
DELETE FROM idempotency WHERE result IS NOT NULL;
ALTER TABLE idempotency ALTER COLUMN body DROP DEFAULT;
ALTER TABLE idempotency ALTER COLUMN status DROP DEFAULT;
ALTER TABLE idempotency DROP COLUMN result;
