-- Distribution, sort keys and encodings as they were stated; columns by number, so that renaming does not lose them.
CREATE TABLE IF NOT EXISTS headrace_redshift.physical (
  table_oid oid PRIMARY KEY,
  diststyle text,
  distkey int2,
  sortkey int2[],
  interleaved boolean NOT NULL DEFAULT false,
  encodings jsonb NOT NULL DEFAULT '{}'
);
GRANT SELECT, INSERT, UPDATE, DELETE ON headrace_redshift.physical TO PUBLIC;

CREATE OR REPLACE FUNCTION headrace_redshift.attribute(relation oid, column_name text) RETURNS int2
LANGUAGE plpgsql STABLE AS $$
DECLARE found int2;
BEGIN
  SELECT attnum INTO found FROM pg_attribute WHERE attrelid = relation AND attname = column_name AND attnum > 0;
  IF found IS NULL AND column_name IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = '42703',
      MESSAGE = format('column "%s" named as a key does not exist in "%s"', column_name, relation::regclass);
  END IF;
  RETURN found;
END $$;

CREATE OR REPLACE FUNCTION headrace_redshift.note_physical(relation oid, said jsonb) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  sort_columns int2[];
  encoded jsonb;
  name text;
BEGIN
  IF said ->> 'like' IS NOT NULL THEN
    INSERT INTO headrace_redshift.physical
    SELECT relation, diststyle, distkey, sortkey, interleaved, encodings FROM headrace_redshift.physical
    WHERE table_oid = to_regclass(said ->> 'like') ON CONFLICT DO NOTHING;
  END IF;
  INSERT INTO headrace_redshift.physical (table_oid) VALUES (relation) ON CONFLICT DO NOTHING;
  SELECT array_agg(headrace_redshift.attribute(relation, item) ORDER BY place) INTO sort_columns
  FROM jsonb_array_elements_text(nullif(said -> 'sortkey', 'null')) WITH ORDINALITY AS listed (item, place);
  SELECT coalesce(jsonb_object_agg(headrace_redshift.attribute(relation, key)::text, value), '{}') INTO encoded
  FROM jsonb_each(said -> 'encodings');
  UPDATE headrace_redshift.physical SET
    diststyle = coalesce(said ->> 'diststyle', diststyle),
    distkey = CASE
      WHEN said ->> 'distkey' IS NOT NULL THEN headrace_redshift.attribute(relation, said ->> 'distkey')
      WHEN said ->> 'diststyle' IS NULL THEN distkey END,
    sortkey = CASE WHEN nullif(said -> 'sortkey', 'null') IS NULL THEN sortkey ELSE sort_columns END,
    interleaved = CASE
      WHEN nullif(said -> 'sortkey', 'null') IS NULL THEN interleaved ELSE (said ->> 'interleaved')::boolean END,
    encodings = encodings || encoded
  WHERE table_oid = relation;
  FOR name IN SELECT jsonb_array_elements_text(said -> 'not_null') LOOP
    EXECUTE format('ALTER TABLE %s ALTER COLUMN %I SET NOT NULL', relation::regclass, name);
  END LOOP;
END $$;

-- Redshift counts a text's bytes; PostgreSQL its characters.
CREATE OR REPLACE FUNCTION headrace_redshift.limit_bytes(relation oid) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE changes text;
BEGIN
  WITH wanted AS (
    SELECT format('headrace_bytes_%s_%s', attnum, atttypmod - 4) AS name, attname, atttypmod - 4 AS size
    FROM pg_attribute
    WHERE attrelid = relation AND attnum > 0 AND NOT attisdropped AND atttypid IN (1042, 1043) AND atttypmod > 4
  ), present AS (
    SELECT conname AS name FROM pg_constraint WHERE conrelid = relation AND conname LIKE 'headrace\_bytes\_%'
  ), changed AS (
    SELECT format('DROP CONSTRAINT %I', name) AS change FROM present WHERE name NOT IN (SELECT name FROM wanted)
    UNION ALL
    SELECT format('ADD CONSTRAINT %I CHECK (octet_length(%I) <= %s)', name, attname, size)
    FROM wanted WHERE name NOT IN (SELECT name FROM present)
  )
  SELECT string_agg(change, ', ') INTO changes FROM changed;
  IF changes IS NOT NULL THEN
    EXECUTE format('ALTER TABLE %s %s', relation::regclass, changes);
  END IF;
END $$;

CREATE OR REPLACE FUNCTION headrace_redshift.require_varchar(relation text, column_name text) RETURNS void
LANGUAGE plpgsql STABLE AS $$
BEGIN
  PERFORM FROM pg_attribute
  WHERE attrelid = relation::regclass AND attname = column_name AND attnum > 0 AND atttypid <> 1043;
  IF FOUND THEN
    RAISE EXCEPTION USING ERRCODE = '0A000',
      MESSAGE = format('ALTER COLUMN TYPE: column "%s" is no VARCHAR; only a VARCHAR''s length can be changed', column_name);
  END IF;
END $$;
