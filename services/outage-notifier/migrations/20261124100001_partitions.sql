-- migrate:up
-- Deliveries, batches and attempts of a year: partitions of a month, by the time that their ids (UUIDv7) carry, so that old
-- ones are dropped whole. This file makes the tools; the next three use them, each in a transaction of its own.

CREATE FUNCTION first_id(at timestamptz) RETURNS uuid
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT rpad(lpad(to_hex(floor(extract(epoch FROM at) * 1000)::bigint), 12, '0'), 32, '0')::uuid
$$;
COMMENT ON FUNCTION first_id IS 'The lowest UUIDv7 of a millisecond.';

-- They run with their owner's rights: the role that the processes use need not own the tables.
CREATE FUNCTION add_partition(parent text, month date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    part text := format('%s_%s', parent, to_char(month, 'YYYY_MM'));
    first_of uuid := first_id(month::timestamp AT TIME ZONE 'UTC');
    first_of_next uuid := first_id((month + interval '1 month') AT TIME ZONE 'UTC');
    key name;
BEGIN
    SELECT a.attname INTO STRICT key FROM pg_partitioned_table p
    JOIN pg_attribute a ON a.attrelid = p.partrelid AND a.attnum = p.partattrs[0]
    WHERE p.partrelid = to_regclass(quote_ident(parent)) AND date_trunc('month', month) = month;
    EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL) WITH (fillfactor = %s)',
        part, parent, CASE parent WHEN 'delivery' THEN 85 ELSE 100 END);
    -- What came while this partition was missing.
    EXECUTE format('WITH moved AS (DELETE FROM %I WHERE %I >= %L AND %I < %L RETURNING *) INSERT INTO %I SELECT * FROM moved',
        parent || '_default', key, first_of, key, first_of_next, part);
    -- Unlike CREATE TABLE … PARTITION OF, this does not stop those who read and write the other partitions.
    EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', parent, part, first_of, first_of_next);
END $$;
COMMENT ON FUNCTION add_partition IS 'Adds the partition of a month, given by its first day, to a partitioned table.';

CREATE FUNCTION drop_partition(part text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    bound text := (SELECT substring(pg_get_expr(relpartbound, oid) FROM $re$TO \('([0-9a-f-]{36})'\)$re$)
                   FROM pg_class WHERE oid = to_regclass(quote_ident(part)) AND relispartition);
BEGIN
    IF bound IS NULL OR bound::uuid > first_id(now() - interval '60 days') THEN
        RAISE EXCEPTION '% is no partition that may be dropped', part;
    END IF;
    EXECUTE format('DROP TABLE %I', part);
END $$;
COMMENT ON FUNCTION drop_partition IS 'Drops a partition that ended at least 60 days ago; nobody may drop a newer one by mistake.';

CREATE FUNCTION partition_by_month(parent text, key text, primary_key text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    part text := parent || '_before';
    filled boolean;
    bound timestamptz;
    month date;
BEGIN
    EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE', parent);
    EXECUTE format('SELECT EXISTS (SELECT FROM %I)', parent) INTO filled;
    -- Ids are drawn on the clocks of other machines, which may be a little ahead.
    bound := CASE WHEN filled THEN now() + interval '1 hour' ELSE date_trunc('month', now(), 'UTC') END;
    EXECUTE format('ALTER TABLE %I RENAME TO %I', parent, part);
    EXECUTE format('ALTER TABLE %I RENAME CONSTRAINT %I TO %I', part, parent || '_pkey', part || '_pkey');
    EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING COMMENTS INCLUDING STORAGE,'
        ' CONSTRAINT %I PRIMARY KEY (%s)) PARTITION BY RANGE (%I)', parent, part, parent || '_pkey', primary_key, key);
    EXECUTE format('CREATE TABLE %I PARTITION OF %I DEFAULT', parent || '_default', parent);
    month := date_trunc('month', bound, 'UTC') AT TIME ZONE 'UTC';
    EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L) WITH (fillfactor = %s)',
        format('%s_%s', parent, to_char(month, 'YYYY_MM')), parent,
        first_id(bound), first_id((month + interval '1 month') AT TIME ZONE 'UTC'),
        CASE parent WHEN 'delivery' THEN 85 ELSE 100 END);
    FOR ahead IN 1..3 LOOP
        PERFORM add_partition(parent, (month + make_interval(months => ahead))::date);
    END LOOP;
    -- Ids beyond the bound: none, unless a clock was wrong or somebody made ids by hand.
    EXECUTE format('WITH late AS (DELETE FROM %I WHERE %I >= %L RETURNING *) INSERT INTO %I SELECT * FROM late',
        part, key, first_id(bound), parent);
    EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (MINVALUE) TO (%L)', parent, part, first_id(bound));
END $$;
COMMENT ON FUNCTION partition_by_month IS 'Makes a table partitioned: what it holds becomes the first partition, as it is.';

-- migrate:down
DROP FUNCTION partition_by_month(text, text, text);
DROP FUNCTION drop_partition(text);
DROP FUNCTION add_partition(text, date);
DROP FUNCTION first_id(timestamptz);
