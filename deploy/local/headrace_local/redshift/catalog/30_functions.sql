-- Redshift's functions that PostgreSQL lacks. Those whose syntax is their own are rewritten by the gateway.
CREATE OR REPLACE FUNCTION pg_catalog.version() RETURNS text LANGUAGE sql STABLE AS $$
  SELECT 'PostgreSQL 8.0.2 on i686-pc-linux-gnu, compiled by GCC gcc (GCC) 3.4.2 20041017 (Red Hat 3.4.2-6.fc3), Redshift 1.0.0 (headrace, local)'
$$;

CREATE OR REPLACE FUNCTION pg_catalog.getdate() RETURNS timestamp LANGUAGE sql STABLE AS $$
  SELECT date_trunc('second', statement_timestamp()::timestamp)
$$;
CREATE OR REPLACE FUNCTION pg_catalog.sysdate() RETURNS timestamp LANGUAGE sql STABLE AS $$ SELECT now()::timestamp $$;

CREATE OR REPLACE FUNCTION headrace_redshift.datepart(part text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE word text := lower(part);
BEGIN
  RETURN CASE
    WHEN word IN ('microsecond', 'microseconds', 'microsec', 'microsecs', 'usec', 'usecs', 'us') THEN 'microsecond'
    WHEN word IN ('millisecond', 'milliseconds', 'millisec', 'millisecs', 'msec', 'msecs', 'ms') THEN 'millisecond'
    WHEN word IN ('second', 'seconds', 'sec', 'secs', 's') THEN 'second'
    WHEN word IN ('minute', 'minutes', 'min', 'mins', 'm') THEN 'minute'
    WHEN word IN ('hour', 'hours', 'hr', 'hrs', 'h') THEN 'hour'
    WHEN word IN ('day', 'days', 'd') THEN 'day'
    WHEN word IN ('week', 'weeks', 'w') THEN 'week'
    WHEN word IN ('month', 'months', 'mon', 'mons') THEN 'month'
    WHEN word IN ('quarter', 'quarters', 'qtr', 'qtrs') THEN 'quarter'
    WHEN word IN ('year', 'years', 'yr', 'yrs', 'y') THEN 'year'
    WHEN word IN ('decade', 'decades', 'dec', 'decs') THEN 'decade'
    WHEN word IN ('century', 'centuries', 'c', 'cent', 'cents') THEN 'century'
    ELSE word END;
END $$;

CREATE OR REPLACE FUNCTION pg_catalog.dateadd(part text, amount bigint, moment timestamp) RETURNS timestamp
LANGUAGE sql IMMUTABLE AS $$
  SELECT moment + CASE headrace_redshift.datepart(part)
    WHEN 'quarter' THEN amount * interval '3 months'
    ELSE amount * ('1 ' || headrace_redshift.datepart(part))::interval END
$$;
CREATE OR REPLACE FUNCTION pg_catalog.dateadd(part text, amount bigint, moment timestamptz) RETURNS timestamptz
LANGUAGE sql STABLE AS $$ SELECT dateadd(part, amount, moment::timestamp)::timestamptz $$;

CREATE OR REPLACE FUNCTION pg_catalog.datediff(part text, earlier timestamp, later timestamp) RETURNS bigint
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE word text := headrace_redshift.datepart(part);
BEGIN
  RETURN CASE word
    WHEN 'century' THEN extract(century FROM later) - extract(century FROM earlier)
    WHEN 'decade' THEN extract(decade FROM later) - extract(decade FROM earlier)
    WHEN 'year' THEN extract(year FROM later) - extract(year FROM earlier)
    WHEN 'quarter' THEN
      (extract(year FROM later) - extract(year FROM earlier)) * 4 + extract(quarter FROM later) - extract(quarter FROM earlier)
    WHEN 'month' THEN
      (extract(year FROM later) - extract(year FROM earlier)) * 12 + extract(month FROM later) - extract(month FROM earlier)
    WHEN 'week' THEN (date_trunc('week', later)::date - date_trunc('week', earlier)::date) / 7
    WHEN 'day' THEN later::date - earlier::date
    ELSE extract(epoch FROM date_trunc(word, later) - date_trunc(word, earlier))
      / extract(epoch FROM ('1 ' || word)::interval) END;
END $$;
CREATE OR REPLACE FUNCTION pg_catalog.datediff(part text, earlier timestamptz, later timestamptz) RETURNS bigint
LANGUAGE sql STABLE AS $$ SELECT datediff(part, earlier::timestamp, later::timestamp) $$;
CREATE OR REPLACE FUNCTION pg_catalog.datediff(part text, earlier time, later time) RETURNS bigint
LANGUAGE sql IMMUTABLE AS $$ SELECT datediff(part, date '2000-01-01' + earlier, date '2000-01-01' + later) $$;

CREATE OR REPLACE FUNCTION pg_catalog.convert_timezone(target text, moment timestamp) RETURNS timestamp
LANGUAGE sql STABLE AS $$ SELECT (moment AT TIME ZONE 'UTC') AT TIME ZONE target $$;
CREATE OR REPLACE FUNCTION pg_catalog.convert_timezone(source text, target text, moment timestamp) RETURNS timestamp
LANGUAGE sql STABLE AS $$ SELECT (moment AT TIME ZONE source) AT TIME ZONE target $$;

CREATE OR REPLACE FUNCTION pg_catalog.last_day(moment timestamp) RETURNS date LANGUAGE sql IMMUTABLE AS $$
  SELECT (date_trunc('month', moment) + interval '1 month - 1 day')::date
$$;
CREATE OR REPLACE FUNCTION pg_catalog.add_months(moment timestamp, months bigint) RETURNS timestamp
LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN moment::date = last_day(moment)
    THEN last_day(moment + months * interval '1 month') + moment::time
    ELSE moment + months * interval '1 month' END
$$;
CREATE OR REPLACE FUNCTION pg_catalog.months_between(later timestamp, earlier timestamp) RETURNS double precision
LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE
    WHEN extract(day FROM later) = extract(day FROM earlier)
      OR (later::date = last_day(later) AND earlier::date = last_day(earlier))
    THEN datediff('month', earlier, later)
    ELSE datediff('month', earlier, later)
      + (extract(epoch FROM later - date_trunc('month', later))
        - extract(epoch FROM earlier - date_trunc('month', earlier))) / (31 * 86400.0) END
$$;
CREATE OR REPLACE FUNCTION pg_catalog.trunc(moment timestamp) RETURNS date LANGUAGE sql IMMUTABLE AS $$ SELECT moment::date $$;

CREATE OR REPLACE FUNCTION pg_catalog.round(value double precision, places int) RETURNS double precision
LANGUAGE sql IMMUTABLE AS $$ SELECT round(value::numeric, places)::double precision $$;
CREATE OR REPLACE FUNCTION pg_catalog.trunc(value double precision, places int) RETURNS double precision
LANGUAGE sql IMMUTABLE AS $$ SELECT trunc(value::numeric, places)::double precision $$;

CREATE OR REPLACE FUNCTION pg_catalog.len(value text) RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT length(value) $$;
CREATE OR REPLACE FUNCTION pg_catalog.textlen(value text) RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT length(value) $$;
CREATE OR REPLACE FUNCTION pg_catalog.charindex(searched text, value text) RETURNS int
LANGUAGE sql IMMUTABLE AS $$ SELECT strpos(value, searched) $$;
CREATE OR REPLACE FUNCTION pg_catalog.replicate(value text, times int) RETURNS text
LANGUAGE sql IMMUTABLE AS $$ SELECT repeat(value, times) $$;
CREATE OR REPLACE FUNCTION pg_catalog.sha2(value text, bits int) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT encode(CASE bits
    WHEN 0 THEN sha256(convert_to(value, 'UTF8')) WHEN 224 THEN sha224(convert_to(value, 'UTF8'))
    WHEN 256 THEN sha256(convert_to(value, 'UTF8')) WHEN 384 THEN sha384(convert_to(value, 'UTF8'))
    WHEN 512 THEN sha512(convert_to(value, 'UTF8')) END, 'hex')
$$;

CREATE OR REPLACE FUNCTION pg_catalog.json_parse(value text) RETURNS super LANGUAGE sql IMMUTABLE AS $$ SELECT value::jsonb $$;
CREATE OR REPLACE FUNCTION pg_catalog.can_json_parse(value text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT value IS JSON
$$;
CREATE OR REPLACE FUNCTION pg_catalog.is_valid_json(value text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT value IS JSON OBJECT
$$;
CREATE OR REPLACE FUNCTION pg_catalog.is_valid_json_array(value text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT value IS JSON ARRAY
$$;
CREATE OR REPLACE FUNCTION pg_catalog.json_extract_path_text(value text, VARIADIC path text[]) RETURNS varchar
LANGUAGE sql IMMUTABLE AS $$ SELECT jsonb_extract_path_text(value::jsonb, VARIADIC path) $$;
CREATE OR REPLACE FUNCTION pg_catalog.json_extract_array_element_text(value text, place int) RETURNS varchar
LANGUAGE sql IMMUTABLE AS $$ SELECT value::jsonb ->> place $$;
CREATE OR REPLACE FUNCTION pg_catalog.json_array_length(value text) RETURNS int
LANGUAGE sql IMMUTABLE AS $$ SELECT jsonb_array_length(value::jsonb) $$;
CREATE OR REPLACE FUNCTION pg_catalog.get_array_length(value jsonb) RETURNS int
LANGUAGE sql IMMUTABLE AS $$ SELECT jsonb_array_length(value) $$;

CREATE OR REPLACE FUNCTION pg_catalog.pg_last_copy_count() RETURNS bigint LANGUAGE sql STABLE AS $$
  SELECT coalesce(nullif(current_setting('headrace.last_copy_count', true), '')::bigint, 0)
$$;
CREATE OR REPLACE FUNCTION pg_catalog.pg_last_copy_id() RETURNS bigint LANGUAGE sql STABLE AS $$
  SELECT coalesce(nullif(current_setting('headrace.last_copy_id', true), '')::bigint, -1)
$$;
