-- Redshift's views of its catalog, as far as tools read them.
CREATE OR REPLACE FUNCTION headrace_redshift.type_name(type_oid oid, modifier int) RETURNS varchar
LANGUAGE sql STABLE AS $$ SELECT replace(format_type(type_oid, modifier), 'bpchar', 'character') $$;

CREATE OR REPLACE FUNCTION headrace_redshift.row_count(relation oid) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
DECLARE counted bigint;
BEGIN
  EXECUTE format('SELECT count(*) FROM %s', relation::regclass) INTO counted;
  RETURN counted;
END $$;

CREATE OR REPLACE FUNCTION headrace_redshift.diststyle(stated headrace_redshift.physical) RETURNS varchar
LANGUAGE sql STABLE AS $$
  SELECT CASE coalesce(stated.diststyle, 'auto')
    WHEN 'key' THEN format('KEY(%s)', (SELECT attname FROM pg_attribute WHERE attrelid = stated.table_oid AND attnum = stated.distkey))
    WHEN 'all' THEN 'ALL' WHEN 'even' THEN 'EVEN' ELSE 'AUTO(ALL)' END
$$;

CREATE OR REPLACE VIEW headrace_redshift.user_table AS
SELECT pg_class.oid, nspname AS schema_name, relname AS table_name, relkind
FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE relkind IN ('r', 'v', 'm') AND nspname NOT IN ('pg_catalog', 'information_schema', 'headrace_redshift')
  AND nspname NOT LIKE 'pg\_toast%' AND has_schema_privilege(pg_namespace.oid, 'usage');

-- Like Redshift's it leaves out tables that are empty.
CREATE OR REPLACE VIEW pg_catalog.svv_table_info AS
SELECT current_database()::varchar AS database, schema_name::varchar AS schema, listed.oid::int AS table_id,
  table_name::varchar AS "table", 'Y'::varchar AS encoded, headrace_redshift.diststyle(stated) AS diststyle,
  coalesce(
    (SELECT attname FROM pg_attribute WHERE attrelid = listed.oid AND attnum = stated.sortkey[1] AND NOT stated.interleaved),
    CASE WHEN stated.interleaved THEN 'INTERLEAVED' ELSE 'AUTO(SORTKEY)' END)::varchar AS sortkey1,
  (SELECT coalesce(max(atttypmod - 4), 0) FROM pg_attribute WHERE attrelid = listed.oid AND atttypid = 1043)::int AS max_varchar,
  ''::varchar AS sortkey1_enc, coalesce(cardinality(stated.sortkey), 0) AS sortkey_num,
  greatest(pg_table_size(listed.oid) / 1048576, 1)::bigint AS size, 0.0::numeric(10, 4) AS pct_used, 0::bigint AS empty,
  0.0::numeric(5, 2) AS unsorted, 0.0::numeric(5, 2) AS stats_off, counted.rows::numeric(38, 0) AS tbl_rows,
  1.0::numeric(19, 2) AS skew_sortkey1, 1.0::numeric(19, 2) AS skew_rows, counted.rows::numeric(38, 0) AS estimated_visible_rows,
  NULL::text AS risk_event, 0.0::numeric(12, 2) AS vacuum_sort_benefit, NULL::timestamp AS create_time
FROM headrace_redshift.user_table AS listed
LEFT JOIN headrace_redshift.physical AS stated ON stated.table_oid = listed.oid,
LATERAL headrace_redshift.row_count(listed.oid) AS counted (rows)
WHERE relkind = 'r' AND counted.rows > 0;

-- Like Redshift's it has only tables that the search path finds.
CREATE OR REPLACE VIEW pg_catalog.pg_table_def AS
SELECT schema_name::name AS schemaname, table_name::name AS tablename, attname AS "column",
  headrace_redshift.type_name(atttypid, atttypmod) AS type,
  coalesce(stated.encodings ->> attnum::text, 'none')::varchar AS encoding,
  coalesce(stated.diststyle = 'key' AND stated.distkey = attnum, false) AS distkey,
  coalesce(array_position(stated.sortkey, attnum), 0)
    * CASE WHEN stated.interleaved AND array_position(stated.sortkey, attnum) % 2 = 0 THEN -1 ELSE 1 END AS sortkey,
  attnotnull AS notnull
FROM headrace_redshift.user_table AS listed
JOIN pg_attribute ON attrelid = listed.oid AND attnum > 0 AND NOT attisdropped
LEFT JOIN headrace_redshift.physical AS stated ON stated.table_oid = listed.oid
WHERE relkind = 'r' AND pg_table_is_visible(listed.oid)
ORDER BY schemaname, tablename, attnum;

CREATE OR REPLACE VIEW pg_catalog.svv_columns AS
SELECT current_database()::varchar AS table_catalog, schema_name::varchar AS table_schema, table_name::varchar AS table_name,
  attname::varchar AS column_name, attnum::int AS ordinal_position,
  pg_get_expr(adbin, adrelid)::varchar AS column_default, CASE WHEN attnotnull THEN 'NO' ELSE 'YES' END::varchar AS is_nullable,
  headrace_redshift.type_name(atttypid, -1) AS data_type,
  CASE WHEN atttypid IN (1042, 1043) AND atttypmod > 4 THEN atttypmod - 4 END AS character_maximum_length,
  CASE WHEN atttypid = 1700 AND atttypmod > 4 THEN (atttypmod - 4) >> 16
    WHEN atttypid = 21 THEN 16 WHEN atttypid = 23 THEN 32 WHEN atttypid = 20 THEN 64 END AS numeric_precision,
  CASE WHEN atttypid = 1700 THEN 10 WHEN atttypid IN (20, 21, 23) THEN 2 END AS numeric_precision_radix,
  CASE WHEN atttypid = 1700 AND atttypmod > 4 THEN (atttypmod - 4) & 65535 WHEN atttypid IN (20, 21, 23) THEN 0 END AS numeric_scale,
  CASE WHEN atttypid IN (1083, 1114, 1184, 1266) THEN 6 END AS datetime_precision,
  NULL::varchar AS interval_type, NULL::varchar AS interval_precision, NULL::varchar AS character_set_catalog,
  NULL::varchar AS character_set_schema, NULL::varchar AS character_set_name, NULL::varchar AS collation_catalog,
  NULL::varchar AS collation_schema, NULL::varchar AS collation_name, NULL::varchar AS domain_name,
  col_description(listed.oid, attnum)::varchar AS remarks
FROM headrace_redshift.user_table AS listed
JOIN pg_attribute ON attrelid = listed.oid AND attnum > 0 AND NOT attisdropped
LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum;

CREATE OR REPLACE VIEW pg_catalog.svv_tables AS
SELECT current_database()::varchar AS table_catalog, schema_name::varchar AS table_schema, table_name::varchar AS table_name,
  CASE relkind WHEN 'r' THEN 'BASE TABLE' ELSE 'VIEW' END::varchar AS table_type, obj_description(oid, 'pg_class')::varchar AS remarks
FROM headrace_redshift.user_table;

CREATE OR REPLACE VIEW pg_catalog.svv_redshift_columns AS
SELECT table_catalog AS database_name, table_schema AS schema_name, table_name, column_name, ordinal_position, data_type,
  column_default, is_nullable, ''::varchar AS encoding, false AS distkey, 0 AS sortkey, ''::varchar AS column_acl, remarks
FROM pg_catalog.svv_columns;
CREATE OR REPLACE VIEW pg_catalog.svv_redshift_tables AS
SELECT table_catalog AS database_name, table_schema AS schema_name, table_name,
  CASE table_type WHEN 'BASE TABLE' THEN 'TABLE' ELSE table_type END::varchar AS table_type, ''::varchar AS table_acl, remarks
FROM pg_catalog.svv_tables;
CREATE OR REPLACE VIEW pg_catalog.svv_redshift_schemas AS
SELECT current_database()::varchar AS database_name, nspname::varchar AS schema_name, nspowner::int AS schema_owner,
  'local'::varchar AS schema_type, ''::varchar AS schema_acl, ''::varchar AS schema_option
FROM pg_namespace WHERE nspname <> 'headrace_redshift' AND nspname NOT LIKE 'pg\_toast%';

-- There are no external schemas; late-binding views are among the others.
CREATE OR REPLACE VIEW pg_catalog.svv_external_schemas AS
SELECT 0 AS esoid, 0 AS eskind, ''::varchar AS schemaname, 0 AS esowner, ''::varchar AS databasename, ''::varchar AS esoptions WHERE false;
CREATE OR REPLACE VIEW pg_catalog.svv_external_tables AS
SELECT ''::varchar AS redshift_database_name, ''::varchar AS schemaname, ''::varchar AS tablename, ''::varchar AS tabletype,
  ''::varchar AS location WHERE false;
CREATE OR REPLACE VIEW pg_catalog.svv_external_columns AS
SELECT ''::varchar AS redshift_database_name, ''::varchar AS schemaname, ''::varchar AS tablename, ''::varchar AS columnname,
  ''::varchar AS external_type, 0 AS columnnum, 0 AS part_key, ''::varchar AS is_nullable WHERE false;
CREATE OR REPLACE VIEW pg_catalog.stv_mv_info AS
SELECT current_database()::varchar AS db_name, schema_name::varchar AS schema, table_name::varchar AS name, 0 AS updated_upto_xid,
  false AS is_stale, 'headrace'::varchar AS owner_user_name, 0 AS state, 'f'::char(1) AS autorefresh, 'f'::char(1) AS autorewrite
FROM headrace_redshift.user_table WHERE relkind = 'm';
CREATE OR REPLACE FUNCTION pg_catalog.pg_get_late_binding_view_cols() RETURNS SETOF record LANGUAGE sql STABLE AS $$
  SELECT ''::name, ''::name, ''::name, ''::varchar, 0 WHERE false
$$;

GRANT SELECT ON pg_catalog.svv_table_info, pg_catalog.pg_table_def, pg_catalog.svv_columns, pg_catalog.svv_tables,
  pg_catalog.svv_redshift_columns, pg_catalog.svv_redshift_tables, pg_catalog.svv_redshift_schemas, pg_catalog.svv_external_schemas,
  pg_catalog.svv_external_tables, pg_catalog.svv_external_columns, pg_catalog.stv_mv_info, headrace_redshift.user_table TO PUBLIC;

-- Late-binding views depend on nothing: DROP ... CASCADE leaves them, and dbt reads here what it would take along.
CREATE OR REPLACE VIEW headrace_redshift.pg_depend AS
SELECT * FROM pg_catalog.pg_depend
WHERE classid <> 'pg_rewrite'::regclass OR objid NOT IN (
  SELECT pg_rewrite.oid FROM pg_rewrite
  JOIN pg_class ON pg_class.oid = ev_class
  JOIN pg_namespace ON pg_namespace.oid = relnamespace
  JOIN headrace_redshift.late_view ON schema_name = nspname AND view_name = relname
);
GRANT SELECT ON headrace_redshift.pg_depend TO PUBLIC;

-- Roles and groups are both PostgreSQL's roles that nobody signs in as: here all are roles.
CREATE OR REPLACE VIEW pg_catalog.svv_roles AS
SELECT oid::int AS role_id, rolname::varchar AS role_name, 'headrace'::varchar AS role_owner, ''::varchar AS external_id
FROM pg_roles WHERE NOT rolcanlogin AND rolname NOT LIKE 'pg\_%';
CREATE OR REPLACE VIEW pg_catalog.svv_user_grants AS
SELECT granted.member::int AS user_id, grantee.rolname::varchar AS user_name, granted.roleid::int AS role_id,
  role.rolname::varchar AS role_name, bool_or(granted.admin_option) AS admin_option
FROM pg_auth_members AS granted
JOIN pg_roles AS grantee ON grantee.oid = granted.member AND grantee.rolcanlogin
JOIN pg_roles AS role ON role.oid = granted.roleid AND NOT role.rolcanlogin
GROUP BY granted.member, grantee.rolname, granted.roleid, role.rolname;
CREATE OR REPLACE VIEW pg_catalog.svv_relation_privileges AS
SELECT schema_name::varchar AS namespace_name, table_name::varchar AS relation_name, granted.privilege_type::varchar AS privilege_type,
  granted.grantee::int AS identity_id, coalesce(rolname, 'public')::varchar AS identity_name,
  CASE WHEN rolname IS NULL THEN 'public' WHEN rolcanlogin THEN 'user' ELSE 'role' END::varchar AS identity_type,
  granted.is_grantable AS admin_option
FROM headrace_redshift.user_table AS listed
JOIN pg_class ON pg_class.oid = listed.oid, aclexplode(relacl) AS granted
LEFT JOIN pg_roles ON pg_roles.oid = granted.grantee;
GRANT SELECT ON pg_catalog.svv_roles, pg_catalog.svv_user_grants, pg_catalog.svv_relation_privileges TO PUBLIC;
