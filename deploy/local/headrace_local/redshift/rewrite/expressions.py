"""What Redshift writes in queries and PostgreSQL writes otherwise."""

from __future__ import annotations

from typing import Final

from headrace_local.redshift.errors import SYNTAX_ERROR, NotImitatedError, RedshiftError
from headrace_local.redshift.rewrite.calls import rewrite_calls
from headrace_local.redshift.rewrite.masking import Sql

_NOT_IMITATED: Final = {
    r"\bQUALIFY\b": "QUALIFY",
    r"\bPIVOT\s*\(": "PIVOT",
    r"\bUNPIVOT\s*(?:\(|INCLUDE\b|EXCLUDE\b)": "UNPIVOT",
    r"\bCONNECT\s+BY\b": "CONNECT BY",
    r"\bREMOVE\s+DUPLICATES\b": "MERGE ... REMOVE DUPLICATES",
    r"\*\s*EXCLUDE\b": "SELECT * EXCLUDE",
    r"\bGROUP\s+BY\s+ALL\b": "GROUP BY ALL",
    r"(?<![\w.$])#\w": "a name that begins with #",
    r"\bAPPROXIMATE\s+PERCENTILE_DISC\b": "APPROXIMATE PERCENTILE_DISC",
    r"\b(?:ST_\w+|HLL_?\w*)\s*\(": "a spatial or HLL function",
}
_NOT_REDSHIFT: Final = {
    r"\bON\s+CONFLICT\b": "ON CONFLICT",
    r"\bRETURNING\b": "RETURNING",
    r"\bDISTINCT\s+ON\s*\(": "DISTINCT ON",
    r"\bFILTER\s*\(\s*WHERE\b": "FILTER (WHERE ...)",
    r"\bLATERAL\b": "LATERAL",
    r"^\s*CREATE\s+(?:UNIQUE\s+)?INDEX\b": "CREATE INDEX",
    r"^\s*CREATE\s+(?:TRIGGER|EXTENSION|DOMAIN|SEQUENCE|TYPE)\b": "CREATE TRIGGER, EXTENSION, DOMAIN, SEQUENCE or TYPE",
    r"::\s*jsonb?\b": "the type JSON",
}
"""What PostgreSQL would take and Redshift does not: it would only fail there."""
_WORDS: Final = (
    (r"\bVARCHAR\s*\(\s*MAX\s*\)|\bCHARACTER\s+VARYING\s*\(\s*MAX\s*\)|\bNVARCHAR\s*\(\s*MAX\s*\)", "VARCHAR(65535)"),
    (r"\bNVARCHAR\b", "VARCHAR"),
    (r"\b(?:VARBYTE|VARBINARY|BINARY\s+VARYING)\s*\(\s*\d+\s*\)|\bVARBINARY\b|\bBINARY\s+VARYING\b", "VARBYTE"),
    (r"(::\s*|\bAS\s+)DATETIME\b(?=\s*(?:$|[,)]))", r"\1TIMESTAMP"),
    (r"\bNVL\s*\(", "COALESCE("),
    (r"\bAPPROXIMATE\s+COUNT\b", "COUNT"),
    (r"(?<![\w.])SYSDATE\b(?!\s*\()", "pg_catalog.sysdate()"),
    (r"(\b(?:FROM|JOIN)\s+)(?:pg_catalog\s*\.\s*)?pg_depend\b", r"\1headrace_redshift.pg_depend"),
    (r"\bMINUS\b(?=\s*(?:\(|SELECT\b))", "EXCEPT"),
)


def rewrite_expressions(sql: Sql) -> Sql:
    """Raises NotImitatedError, and RedshiftError for what only PostgreSQL knows."""
    for pattern, name in _NOT_IMITATED.items():
        if sql.search(pattern):
            raise NotImitatedError(f"{name} is not imitated locally")
    for pattern, name in _NOT_REDSHIFT.items():
        if sql.search(pattern):
            raise RedshiftError(f"{name} is not Redshift's SQL", SYNTAX_ERROR)
    for pattern, replacement in _WORDS:
        sql = sql.sub(pattern, replacement)
    return rewrite_calls(_top(sql))


def _top(sql: Sql) -> Sql:
    """SELECT TOP n of the statement's own query becomes its limit."""
    found = sql.match(r"SELECT\s+(?P<top>TOP\s+(?P<count>\d+)\s)")
    if found is None:
        if sql.search(r"\bSELECT\s+TOP\s+\d"):
            raise NotImitatedError("TOP within a statement is not imitated locally: write LIMIT")
        return sql
    ended = Sql(sql.text.rstrip(" \t\r\n;") + f"\nLIMIT {found['count']}")
    return ended.replace(found.start("top"), found.end("top"), "")
