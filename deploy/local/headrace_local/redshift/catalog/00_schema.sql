-- What the gateway keeps for itself. These files are applied together, as the superuser, each time that one of them has
-- changed: so each statement must hold when it is run again.
CREATE SCHEMA IF NOT EXISTS headrace_redshift;
GRANT USAGE ON SCHEMA headrace_redshift TO PUBLIC;
ALTER SCHEMA public OWNER TO headrace;

DO $$ BEGIN
  CREATE DOMAIN pg_catalog.super AS jsonb;
  CREATE DOMAIN pg_catalog.varbyte AS bytea;
EXCEPTION WHEN duplicate_object THEN NULL;
END $$;

-- An error of the gateway's own: it is PostgreSQL that fails, so the transaction's state is right.
CREATE OR REPLACE FUNCTION headrace_redshift.refuse(sentence text) RETURNS void
LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '%', sentence; END $$;
