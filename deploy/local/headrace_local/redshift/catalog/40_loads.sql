-- What COPY and UNLOAD did, and what was wrong with a file. Written by a connection of the gateway's own: it outlives
-- the transaction that failed.
CREATE SEQUENCE IF NOT EXISTS headrace_redshift.query_ids START 1000;

CREATE TABLE IF NOT EXISTS headrace_redshift.load (
  query_id bigint PRIMARY KEY,
  transaction_id bigint,
  session_id int,
  status varchar(16),
  table_id oid,
  table_name varchar(300),
  start_time timestamp,
  end_time timestamp,
  data_source varchar(2048),
  file_format varchar(64),
  loaded_rows bigint,
  loaded_bytes bigint,
  source_file_count int,
  error_message varchar(1024)
);
CREATE TABLE IF NOT EXISTS headrace_redshift.load_error (
  query_id bigint,
  transaction_id bigint,
  session_id int,
  table_id oid,
  start_time timestamp,
  file_name varchar(256),
  line_number bigint,
  column_name varchar(127),
  column_type varchar(10),
  column_length varchar(10),
  position int,
  raw_line varchar(1024),
  raw_field_value varchar(1024),
  error_code int,
  error_message varchar(512)
);
CREATE TABLE IF NOT EXISTS headrace_redshift.load_file (
  query_id bigint,
  file_name varchar(1024),
  bytes bigint,
  lines bigint,
  record_time timestamp
);
CREATE TABLE IF NOT EXISTS headrace_redshift.unload (
  query_id bigint PRIMARY KEY,
  transaction_id bigint,
  session_id int,
  status varchar(16),
  start_time timestamp,
  end_time timestamp,
  file_format varchar(64),
  unloaded_location varchar(2048),
  unloaded_rows bigint,
  unloaded_files_count int,
  unloaded_files_size bigint,
  error_message varchar(1024)
);

CREATE OR REPLACE VIEW pg_catalog.sys_load_history AS SELECT
  100 AS user_id, query_id, transaction_id, session_id, current_database()::varchar AS database_name, status, table_name,
  start_time, end_time, (extract(epoch FROM end_time - start_time) * 1000000)::bigint AS duration, data_source, file_format,
  loaded_rows, loaded_bytes, source_file_count, loaded_bytes AS source_file_bytes, source_file_count AS file_count_scanned,
  loaded_bytes AS file_bytes_scanned, (status = 'aborted')::int AS error_count, -1::bigint AS copy_job_id
FROM headrace_redshift.load;

CREATE OR REPLACE VIEW pg_catalog.sys_load_error_detail AS SELECT
  100 AS user_id, query_id, transaction_id, session_id, current_database()::varchar AS database_name, table_id::int AS table_id,
  start_time, file_name, line_number, column_name, column_type, column_length, position, error_code, error_message
FROM headrace_redshift.load_error;

CREATE OR REPLACE VIEW pg_catalog.stl_load_errors AS SELECT
  100 AS userid, 0 AS slice, table_id::int AS tbl, start_time AS starttime, session_id AS session, query_id AS query,
  file_name AS filename, line_number, column_name AS colname, column_type AS type, column_length AS col_length, position,
  raw_line, raw_field_value, error_code AS err_code, error_message AS err_reason, 0 AS is_partial, 0::bigint AS start_offset,
  -1::bigint AS copy_job_id
FROM headrace_redshift.load_error;

CREATE OR REPLACE VIEW pg_catalog.sys_load_detail AS SELECT
  100 AS user_id, query_id, file_name, bytes AS bytes_scanned, lines AS lines_scanned, 1 AS splits_scanned, record_time
FROM headrace_redshift.load_file;

CREATE OR REPLACE VIEW pg_catalog.stl_load_commits AS SELECT
  100 AS userid, query_id AS query, 0 AS slice, file_name AS filename, 0::bigint AS byte_offset, lines AS lines_scanned,
  0 AS errors, record_time AS curtime, 1 AS status
FROM headrace_redshift.load_file;

CREATE OR REPLACE VIEW pg_catalog.sys_unload_history AS SELECT
  100 AS user_id, query_id, transaction_id, session_id, current_database()::varchar AS database_name, status, start_time, end_time,
  (extract(epoch FROM end_time - start_time) * 1000000)::bigint AS duration, file_format, unloaded_location, unloaded_rows,
  unloaded_files_count, unloaded_files_size, error_message
FROM headrace_redshift.unload;

GRANT SELECT ON ALL TABLES IN SCHEMA headrace_redshift TO PUBLIC;
GRANT SELECT ON pg_catalog.sys_load_history, pg_catalog.sys_load_error_detail, pg_catalog.stl_load_errors,
  pg_catalog.sys_load_detail, pg_catalog.stl_load_commits, pg_catalog.sys_unload_history TO PUBLIC;
