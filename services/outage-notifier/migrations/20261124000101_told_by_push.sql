-- migrate:up
SET lock_timeout = '5s';
ALTER TABLE delivery ADD COLUMN told_by_push boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN delivery.told_by_push IS 'a push was accepted before the SMS that channel and contact tell of: its failure does not undo that';

UPDATE delivery d SET told_by_push = true
FROM (
    SELECT coalesce((m.value ->> 5)::uuid, b.notice_id) AS notice_id, m.value ->> 1 AS recipient_id
    FROM batch b CROSS JOIN LATERAL jsonb_array_elements(b.members) AS m
    WHERE NOT b.home AND b.channel = 'sms' AND (m.value ->> 8)::boolean
) AS told
WHERE d.notice_id = told.notice_id AND d.recipient_id = told.recipient_id;

-- migrate:down
SET lock_timeout = '5s';
ALTER TABLE delivery DROP COLUMN told_by_push;
