-- What the gateway keeps for itself. Applied as the superuser each time that one of these files has changed, so each
-- statement must hold when run again.
CREATE SCHEMA IF NOT EXISTS headrace_redshift;
GRANT USAGE ON SCHEMA headrace_redshift TO PUBLIC;
ALTER SCHEMA public OWNER TO headrace;
