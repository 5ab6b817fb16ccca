-- migrate:up
-- What was typed in the app until now is not verified. Whoever never imported anything added it there; where it cannot be told,
-- the next import of the number verifies it.
UPDATE phone SET verified = false
FROM phone_change c
WHERE c.phone_id = phone.phone_id AND c.action IN ('added', 'replaced')
    AND NOT EXISTS (SELECT FROM import i WHERE i.made_by = c.made_by);

-- migrate:down
UPDATE phone SET verified = true WHERE NOT verified;
