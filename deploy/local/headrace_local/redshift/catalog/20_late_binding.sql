-- Views that are bound when they are read. PostgreSQL binds a view when it is made: so before a table that one reads
-- changes, the view is dropped, and it is made again after each change that may have brought back what it reads.
CREATE TABLE IF NOT EXISTS headrace_redshift.late_view (
  schema_name name NOT NULL,
  view_name name NOT NULL,
  definition text NOT NULL,
  PRIMARY KEY (schema_name, view_name)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON headrace_redshift.late_view TO PUBLIC;

CREATE OR REPLACE FUNCTION headrace_redshift.place(qualified text, OUT schema_name name, OUT view_name name)
LANGUAGE sql STABLE AS $$
  SELECT coalesce((parts)[cardinality(parts) - 1], current_schema()), (parts)[cardinality(parts)]
  FROM (SELECT parse_ident(qualified) AS parts) AS parsed
$$;

CREATE OR REPLACE FUNCTION headrace_redshift.late_views_of(relations oid[])
RETURNS TABLE (view_oid oid, schema_name name, view_name name)
LANGUAGE sql STABLE AS $$
  WITH RECURSIVE reached AS (
    SELECT unnest(relations) AS relation
    UNION
    SELECT pg_rewrite.ev_class FROM reached
    JOIN pg_depend ON pg_depend.refobjid = reached.relation AND pg_depend.refclassid = 'pg_class'::regclass
      AND pg_depend.classid = 'pg_rewrite'::regclass
    JOIN pg_rewrite ON pg_rewrite.oid = pg_depend.objid
  )
  SELECT pg_class.oid, late.schema_name, late.view_name FROM reached
  JOIN pg_class ON pg_class.oid = reached.relation
  JOIN pg_namespace ON pg_namespace.oid = pg_class.relnamespace
  JOIN headrace_redshift.late_view AS late
    ON late.schema_name = pg_namespace.nspname AND late.view_name = pg_class.relname
  WHERE NOT pg_class.oid = ANY (relations)
  ORDER BY pg_class.oid DESC
$$;

CREATE OR REPLACE FUNCTION headrace_redshift.unbind_all(relations oid[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE late record;
BEGIN
  PERFORM set_config('headrace.binding', 'on', true);
  FOR late IN SELECT * FROM headrace_redshift.late_views_of(relations) LOOP
    EXECUTE format('DROP VIEW %I.%I', late.schema_name, late.view_name);
  END LOOP;
  PERFORM set_config('headrace.binding', '', true);
END $$;

CREATE OR REPLACE FUNCTION headrace_redshift.unbind(relation text) RETURNS void
LANGUAGE plpgsql AS $$ BEGIN
  IF EXISTS (SELECT FROM headrace_redshift.late_view) AND to_regclass(relation) IS NOT NULL THEN
    PERFORM headrace_redshift.unbind_all(ARRAY[to_regclass(relation)::oid]);
  END IF;
END $$;

CREATE OR REPLACE FUNCTION headrace_redshift.unbind_schema(name text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE schema name := (headrace_redshift.place(name)).view_name;
BEGIN
  PERFORM headrace_redshift.unbind_all(ARRAY(SELECT oid FROM pg_class WHERE relnamespace = to_regnamespace(quote_ident(schema))));
  DELETE FROM headrace_redshift.late_view WHERE schema_name = schema;
END $$;

CREATE OR REPLACE FUNCTION headrace_redshift.bind(late headrace_redshift.late_view) RETURNS boolean
LANGUAGE plpgsql AS $$ BEGIN
  EXECUTE format('CREATE VIEW %I.%I %s', late.schema_name, late.view_name, late.definition);
  RETURN true;
EXCEPTION
  WHEN undefined_table OR undefined_column OR undefined_function OR invalid_schema_name OR datatype_mismatch
    OR insufficient_privilege OR duplicate_table OR unique_violation THEN RETURN false; -- the last two: another session made it
END $$;

CREATE OR REPLACE FUNCTION headrace_redshift.bind_all() RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  late headrace_redshift.late_view;
  progress boolean := true;
BEGIN
  PERFORM set_config('headrace.binding', 'on', true);
  WHILE progress LOOP
    progress := false;
    FOR late IN
      SELECT * FROM headrace_redshift.late_view AS registered
      WHERE to_regclass(format('%I.%I', registered.schema_name, registered.view_name)) IS NULL
    LOOP
      progress := headrace_redshift.bind(late) OR progress;
    END LOOP;
  END LOOP;
  PERFORM set_config('headrace.binding', '', true);
END $$;

CREATE OR REPLACE FUNCTION headrace_redshift.create_late_view(name text, definition text, replaces boolean) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE place record := headrace_redshift.place(name);
BEGIN
  IF place.schema_name IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = '3F000', MESSAGE = 'no schema has been selected to create in';
  END IF;
  IF NOT replaces AND (to_regclass(name) IS NOT NULL OR EXISTS (
    SELECT FROM headrace_redshift.late_view AS late WHERE late.schema_name = place.schema_name AND late.view_name = place.view_name
  )) THEN
    RAISE EXCEPTION USING ERRCODE = '42P07', MESSAGE = format('relation "%s" already exists', place.view_name);
  END IF;
  PERFORM set_config('headrace.binding', 'on', true); -- else the drop's end binds the definition that goes
  EXECUTE format('DROP VIEW IF EXISTS %I.%I', place.schema_name, place.view_name);
  INSERT INTO headrace_redshift.late_view VALUES (place.schema_name, place.view_name, create_late_view.definition)
  ON CONFLICT (schema_name, view_name) DO UPDATE SET definition = excluded.definition;
  PERFORM headrace_redshift.bind_all();
END $$;

CREATE OR REPLACE FUNCTION headrace_redshift.forget(name text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE place record := headrace_redshift.place(name);
BEGIN
  DELETE FROM headrace_redshift.late_view AS late
  WHERE late.schema_name = place.schema_name AND late.view_name = place.view_name;
END $$;

CREATE OR REPLACE FUNCTION headrace_redshift.rename_late(name text, new_name text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE place record := headrace_redshift.place(name);
BEGIN
  UPDATE headrace_redshift.late_view AS late SET view_name = new_name
  WHERE late.schema_name = place.schema_name AND late.view_name = place.view_name;
  IF FOUND AND to_regclass(name) IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = '0A000',
      MESSAGE = format('%s reads what is not there: renaming such a late-binding view is not imitated locally', name);
  END IF;
END $$;

-- One that reads what is not there is no view of PostgreSQL's: it gets something to drop.
CREATE OR REPLACE FUNCTION headrace_redshift.forget_dropped(name text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE place record := headrace_redshift.place(name);
BEGIN
  DELETE FROM headrace_redshift.late_view AS late
  WHERE late.schema_name = place.schema_name AND late.view_name = place.view_name;
  IF FOUND AND to_regclass(name) IS NULL THEN
    EXECUTE format('CREATE VIEW %I.%I AS SELECT 1', place.schema_name, place.view_name);
  END IF;
END $$;

CREATE OR REPLACE FUNCTION headrace_redshift.after_ddl() RETURNS event_trigger
LANGUAGE plpgsql AS $$
DECLARE
  said jsonb := nullif(current_setting('headrace.physical', true), '')::jsonb;
  made record;
BEGIN
  PERFORM set_config('headrace.physical', '', true);
  IF tg_tag IN ('CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO', 'ALTER TABLE') THEN
    FOR made IN SELECT DISTINCT objid FROM pg_event_trigger_ddl_commands() WHERE object_type = 'table' LOOP
      IF said IS NOT NULL THEN PERFORM headrace_redshift.note_physical(made.objid, said); END IF;
      PERFORM headrace_redshift.limit_bytes(made.objid);
    END LOOP;
  END IF;
  IF coalesce(current_setting('headrace.binding', true), '') = '' AND EXISTS (SELECT FROM headrace_redshift.late_view) THEN
    PERFORM headrace_redshift.bind_all();
  END IF;
END $$;

CREATE OR REPLACE FUNCTION headrace_redshift.after_drop() RETURNS event_trigger
LANGUAGE plpgsql AS $$ BEGIN
  DELETE FROM headrace_redshift.physical
  WHERE table_oid IN (SELECT objid FROM pg_event_trigger_dropped_objects() WHERE object_type = 'table');
END $$;

DROP EVENT TRIGGER IF EXISTS headrace_after_ddl;
CREATE EVENT TRIGGER headrace_after_ddl ON ddl_command_end
  WHEN TAG IN ('CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO', 'ALTER TABLE', 'CREATE VIEW', 'CREATE SCHEMA', 'DROP TABLE',
    'DROP VIEW', 'CREATE MATERIALIZED VIEW', 'ALTER VIEW', 'CREATE FUNCTION')
  EXECUTE FUNCTION headrace_redshift.after_ddl();
DROP EVENT TRIGGER IF EXISTS headrace_after_drop;
CREATE EVENT TRIGGER headrace_after_drop ON sql_drop EXECUTE FUNCTION headrace_redshift.after_drop();
