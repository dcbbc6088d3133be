"""Redshift's SQL to PostgreSQL's, statement by statement. Pure."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace_local.redshift.rewrite.masking import mask, split_statements
from headrace_local.redshift.rewrite.plan import Loading, Refused, Rewritten, Unloading, literal
from headrace_local.redshift.rewrite.rewriting import rewrite


def rewritten(sql: str) -> Rewritten:
    plan = rewrite(sql)
    assert isinstance(plan, Rewritten), plan
    return plan


def squeezed(sql: str) -> str:
    return re.sub(r"\s+", " ", sql).replace(" ,", ",").replace(" )", ")").replace("( ", "(").strip()


@pytest.mark.parametrize(
    ("redshift", "postgresql"),
    [
        ("CREATE TABLE t (a INT ENCODE az64, b VARCHAR(8) DISTKEY)", "CREATE TABLE t (a INT, b VARCHAR(8))"),
        ("create table t (a int) diststyle even sortkey auto backup no", "create table t (a int)"),
        ("CREATE TABLE t (a INT) SORTKEY(a) DISTKEY(a) ENCODE AUTO;", "CREATE TABLE t (a INT)"),
        ("CREATE TABLE t (a NVARCHAR, c BPCHAR)", "CREATE TABLE t (a VARCHAR(256), c CHAR(256))"),
        ("CREATE TABLE t (b TEXT)", "CREATE TABLE t (b VARCHAR(256))"),
        ("CREATE TABLE t (a VARCHAR(MAX), b VARBYTE(9))", "CREATE TABLE t (a VARCHAR(65535), b VARBYTE)"),
        ("CREATE TABLE t (a INT, PRIMARY KEY (a), UNIQUE (a))", "CREATE TABLE t (a INT)"),
        ("CREATE TABLE t (a INT PRIMARY KEY, b INT REFERENCES u (x))", "CREATE TABLE t (a INT NOT NULL, b INT)"),
        (
            "CREATE TABLE t (a BIGINT IDENTITY(1,2))",
            "CREATE TABLE t (a BIGINT GENERATED ALWAYS AS IDENTITY (START WITH 1 INCREMENT BY 2))",
        ),
        ("CREATE TABLE t DISTSTYLE ALL AS SELECT 1 AS a", "CREATE TABLE t AS SELECT 1 AS a"),
        ('CREATE TABLE "T t" ("Enc ode" INT ENCODE raw)', 'CREATE TABLE "T t" ("Enc ode" INT)'),
        ("CREATE TABLE t (a CHAR(9) DEFAULT 'ENCODE x' ENCODE raw)", "CREATE TABLE t (a CHAR(9) DEFAULT 'ENCODE x')"),
        ("ALTER TABLE t ADD COLUMN a VARCHAR ENCODE zstd", "ALTER TABLE t ADD COLUMN a VARCHAR(256)"),
        ("BEGIN ISOLATION LEVEL SERIALIZABLE", "BEGIN"),
        ("VACUUM FULL t TO 99 PERCENT BOOST", "VACUUM t"),
        ("ANALYZE t PREDICATE COLUMNS", "ANALYZE t"),
        ("SET query_group TO 'x'", "SET headrace.query_group TO 'x'"),
        ("GRANT SELECT ON t TO ROLE r", "GRANT SELECT ON t TO r"),
        ("GRANT SELECT (a, role) ON t TO ROLE r, ROLE s", "GRANT SELECT (a, role) ON t TO r, s"),
        ("GRANT SELECT ON t TO ROLE r,ROLE s", "GRANT SELECT ON t TO r, s"),
        ("GRANT ROLE r, ROLE s TO ROLE u", "GRANT r, s TO u"),
        ("REVOKE ADMIN OPTION FOR ROLE r FROM u", "REVOKE ADMIN OPTION FOR r FROM u"),
        (
            "ALTER DEFAULT PRIVILEGES IN SCHEMA s GRANT SELECT ON TABLES TO ROLE r",
            "ALTER DEFAULT PRIVILEGES IN SCHEMA s GRANT SELECT ON TABLES TO r",
        ),
        ("REVOKE SELECT ON t FROM u, ROLE r", "REVOKE SELECT ON t FROM u, r"),
        ("SELECT NVL(a, 'NVL(x)') -- NVL(y)", "SELECT COALESCE(a, 'NVL(x)') -- NVL(y)"),
        (
            "SELECT NVL2(a, NVL2(b, 1, 2), 3)",
            "SELECT (CASE WHEN a IS NOT NULL THEN (CASE WHEN b IS NOT NULL THEN 1 ELSE 2 END) ELSE 3 END)",
        ),
        ("SELECT JSON_SERIALIZE(JSON_PARSE(a))", "SELECT (JSON_PARSE(a))::varchar"),
        ("CREATE USER u PASSWORD DISABLE", "CREATE USER u PASSWORD NULL"),
        (
            "CREATE PROCEDURE p() AS $$BEGIN EXECUTE 'CREATE USER u PASSWORD DISABLE'; EXECUTE  'SELECT ''x'''; END$$",
            "CREATE PROCEDURE p() AS $$BEGIN EXECUTE 'CREATE USER u PASSWORD NULL'; EXECUTE 'SELECT ''x'''; END$$",
        ),
        ("SELECT DATEADD(day, -1, x)", "SELECT pg_catalog.dateadd ('day', -1, x)"),
        ("SELECT datediff('hour', x, y)", "SELECT pg_catalog.datediff ('hour', x, y)"),
        ("SELECT LISTAGG(a, ',') WITHIN GROUP (ORDER BY b)", "SELECT string_agg((a)::varchar, ',' ORDER BY b)"),
        ("SELECT APPROXIMATE COUNT(DISTINCT a)", "SELECT COUNT(DISTINCT a)"),
        ("SELECT MEDIAN(a)", "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY a)"),
        ("SELECT TOP 3 a FROM t", "SELECT a FROM t LIMIT 3"),
        ("SELECT a FROM t MINUS SELECT b FROM u", "SELECT a FROM t EXCEPT SELECT b FROM u"),
        ("SELECT SYSDATE, t.sysdate", "SELECT pg_catalog.sysdate(), t.sysdate"),
        ("SELECT CONVERT(INT, '1')", "SELECT CAST('1' AS INT)"),
        ("SELECT a::NVARCHAR(3), CAST(b AS DATETIME)", "SELECT a::VARCHAR(3), CAST(b AS TIMESTAMP)"),
    ],
)  # fmt: skip
def test_what_is_written_otherwise(redshift: str, postgresql: str) -> None:
    """Only what is SQL is touched: no string, no comment, no quoted name."""
    assert squeezed(rewritten(redshift).sql) == postgresql


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT a, count(*) FROM t WHERE b = 'DISTKEY' GROUP BY a HAVING count(*) > 1 ORDER BY 1 LIMIT 5",
        "WITH x AS (SELECT 1 AS a) SELECT * FROM x JOIN y USING (a)",
        "INSERT INTO t (a, b) SELECT a, b FROM u",
        "UPDATE t SET a = u.a FROM u WHERE t.b = u.b",
        "DELETE FROM t USING u WHERE t.b = u.b",
        "MERGE INTO t USING u ON a = x WHEN MATCHED THEN UPDATE SET b = 1 WHEN NOT MATCHED THEN INSERT VALUES (u.a)",
        "SELECT row_number() OVER (PARTITION BY a ORDER BY b) FROM t",
        "/* {dbt} */ SELECT 'it''s' AS a, \"DISTKEY\", e'\\n' FROM t",
        "SELECT decode(a, 'hex'), date_trunc('day', b), extract(year FROM b) FROM t".replace("decode(a, 'hex'), ", ""),
        "COMMIT",
        "GRANT SELECT ON t TO u",
        "COMMENT ON TABLE t IS 'ENCODE x'",
        "SET search_path TO a, b",
        "LOCK t",
        "SELECT encode, distkey FROM t",
    ],
)
def test_what_is_the_same_stays_letter_for_letter(sql: str) -> None:
    """Nothing is lost or moved in what both know."""
    assert rewritten(sql).sql == sql


def physical(sql: str) -> dict[str, object]:
    [said] = [sql for sql in rewritten(sql).before if "headrace.physical" in sql]
    found = re.search(r"'headrace.physical', ?'(.*)', true", said)
    assert found
    words: dict[str, object] = json.loads(found[1])
    return {name: value for name, value in words.items() if value}


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("CREATE TABLE t (a INT)", {}),
        ("CREATE TABLE t (a INT DISTKEY SORTKEY)", {"diststyle": "key", "distkey": "a", "sortkey": ["a"]}),
        ('CREATE TABLE t ("A b" INT) DISTKEY("A b")', {"diststyle": "key", "distkey": "A b"}),
        ("CREATE TABLE t (a INT, b INT) INTERLEAVED SORTKEY (A, b)", {"sortkey": ["a", "b"], "interleaved": True}),
        ("CREATE TABLE t (a INT ENCODE ZSTD) DISTSTYLE ALL", {"diststyle": "all", "encodings": {"a": "zstd"}}),
        ("CREATE TABLE t (a INT, b INT, PRIMARY KEY (a, B))", {"not_null": ["a", "b"]}),
        ("CREATE TABLE t (LIKE s.u)", {"like": "s.u"}),
        ("ALTER TABLE t ALTER DISTSTYLE KEY DISTKEY a", {"diststyle": "key", "distkey": "a"}),
        ("ALTER TABLE t ALTER COMPOUND SORTKEY (a, b)", {"sortkey": ["a", "b"]}),
    ],
)
def test_words_of_storage_are_kept_and_told(sql: str, said: dict[str, object]) -> None:
    """They have no effect here, but are for the system views, and are logged."""
    assert physical(sql) == said
    assert bool(rewritten(sql).logged) == bool(said and "like" not in said)


@pytest.mark.parametrize(
    ("sql", "named"),
    [
        ("SELECT a FROM t QUALIFY row_number() OVER (ORDER BY a) = 1", "QUALIFY"),
        ("SELECT * FROM t PIVOT (sum(a) FOR b IN ('x'))", "PIVOT"),
        ("SELECT * FROM t UNPIVOT (a FOR b IN (c))", "UNPIVOT"),
        ("SELECT a FROM t START WITH a = 1 CONNECT BY PRIOR a = b", "CONNECT BY"),
        ("SELECT * EXCLUDE a FROM t", "EXCLUDE"),
        ("SELECT a FROM (SELECT TOP 3 a FROM t)", "TOP"),
        ("CREATE TABLE #t (a INT)", "#"),
        ("CREATE TABLE t (a GEOMETRY)", "GEOMETRY"),
        ("CREATE TABLE t (a INT) TABLE PROPERTIES ('x'='y')", "TABLE PROPERTIES"),
        ("CREATE TABLE t (a VARCHAR(3) COLLATE CASE_INSENSITIVE)", "CASE_INSENSITIVE"),
        ("CREATE EXTERNAL TABLE s.t (a INT)", "EXTERNAL TABLE"),
        ("CREATE EXTERNAL SCHEMA s FROM DATA CATALOG", "EXTERNAL SCHEMA"),
        ("CREATE DATASHARE d", "DATASHARE"),
        ("CREATE MODEL m", "MODEL"),
        ("CREATE MATERIALIZED VIEW v AUTO REFRESH YES AS SELECT 1", "AUTO REFRESH"),
        ("ALTER TABLE t APPEND FROM u", "APPEND FROM"),
        ("ANALYZE COMPRESSION t", "ANALYZE COMPRESSION"),
        ("SHOW TABLES FROM SCHEMA d.s", "SHOW TABLES"),
        ("COPY t FROM 'dynamodb://x' IAM_ROLE default", "dynamodb"),
        ("COPY t TO STDOUT", "COPY"),
    ],
)
def test_what_is_not_imitated_is_named(sql: str, named: str) -> None:
    """Never silently left out: the error says which word it is."""
    plan = rewrite(sql)
    assert isinstance(plan, Refused)
    assert named.lower() in plan.error.sentence.lower()


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO t VALUES (1) ON CONFLICT DO NOTHING",
        "INSERT INTO t VALUES (1) RETURNING a",
        "SELECT DISTINCT ON (a) a FROM t",
        "SELECT count(*) FILTER (WHERE a) FROM t",
        "CREATE INDEX i ON t (a)",
        "CREATE TABLE t (a SERIAL)",
        "CREATE TABLE t (a JSONB)",
        "SELECT a::jsonb FROM t",
    ],
)
def test_what_only_postgresql_knows_fails_here_already(sql: str) -> None:
    """A statement that runs on the local one only would mislead."""
    assert isinstance(rewrite(sql), Refused)


def test_copy_and_unload_are_the_gateways_own() -> None:
    """An UNLOAD's query is rewritten like any other."""
    assert isinstance(rewrite("COPY t FROM 's3://b/k' IAM_ROLE default FORMAT PARQUET"), Loading)
    plan = rewrite("UNLOAD ('SELECT NVL(a, 1) FROM t') TO 's3://b/k' IAM_ROLE default FORMAT PARQUET")
    assert isinstance(plan, Unloading)
    assert plan.query == "SELECT COALESCE(a, 1) FROM t"


@given(st.lists(st.text(), min_size=1))
def test_literals_survive_masking_whole(texts: list[str]) -> None:
    """Whatever stands in strings, a mask has none of it, is as long, and finds the statements between."""
    statements = [f"SELECT {literal(text)}" for text in texts if "\0" not in text]
    sql = ";".join(statements)
    assert len(mask(sql)) == len(sql)
    assert split_statements(sql) == statements
