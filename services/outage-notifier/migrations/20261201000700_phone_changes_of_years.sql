-- migrate:up
-- The history of phones is kept for proof, and not for ever: what is older than a year may go, by this function alone.

SET lock_timeout = '5s';
DROP TRIGGER phone_change_append_only ON phone_change;
CREATE TRIGGER phone_change_append_only BEFORE UPDATE OR TRUNCATE ON phone_change
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_history();
CREATE TRIGGER phone_change_kept_a_year BEFORE DELETE ON phone_change
FOR EACH ROW WHEN (OLD.made_at > now() - interval '1 year') EXECUTE FUNCTION refuse_change_of_history();

-- It runs with its owner's rights: the role that the processes use may not delete. Ids are drawn in the order of time, but for
-- seconds, so that the oldest are found by the primary key.
CREATE FUNCTION forget_phone_changes(before timestamptz, bite integer) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    WITH oldest AS (
        SELECT change_id, made_at FROM phone_change ORDER BY change_id LIMIT least(bite, 5000)
    ), gone AS (
        DELETE FROM phone_change c USING oldest
        WHERE c.change_id = oldest.change_id AND oldest.made_at < least(before, now() - interval '1 year')
        RETURNING 1
    )
    SELECT count(*) FROM gone
$$;
COMMENT ON FUNCTION forget_phone_changes IS 'Deletes at most `bite` (5,000) changes of phones made before a time, and none of the last year.';
COMMENT ON TABLE phone_change IS 'Who changed which phone of a customer, and when; append-only, and kept for at least a year. The number stays sealed in its phone''s row.';

-- migrate:down
SET lock_timeout = '5s';
DROP FUNCTION forget_phone_changes(timestamptz, integer);
DROP TRIGGER phone_change_kept_a_year ON phone_change;
DROP TRIGGER phone_change_append_only ON phone_change;
CREATE TRIGGER phone_change_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON phone_change
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_history();
COMMENT ON TABLE phone_change IS 'Who changed which phone of a customer, and when; append-only. The number stays sealed in its phone''s row.';
