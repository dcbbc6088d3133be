"""Statements that are neither queries nor make or alter a table."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from headrace_local.redshift.errors import NotImitatedError
from headrace_local.redshift.rewrite.alterations import unbind
from headrace_local.redshift.rewrite.masking import DOTTED, NAME, Sql
from headrace_local.redshift.rewrite.plan import Rewritten, literal

_NOT_IMITATED: Final = (
    r"CREATE\s+EXTERNAL\s+\w+",
    r"(?:CREATE|ALTER|DROP|DESC)\s+DATASHARE",
    r"(?:CREATE|DROP)\s+MODEL",
    r"(?:CREATE|ALTER|DROP)\s+(?:RLS|MASKING)\s+POLICY",
    r"(?:ATTACH|DETACH)\s+(?:RLS|MASKING)\s+POLICY",
    r"(?:CREATE|ALTER|DROP)\s+(?:IDENTITY\s+PROVIDER|LIBRARY|TEMPLATE)",
    r"CREATE\s+(?:OR\s+REPLACE\s+)?(?:EXTERNAL\s+)?FUNCTION\b(?=.*\bLANGUAGE\s+(?:plpythonu|\x01+))",
    r"ANALYZE\s+COMPRESSION",
    r"SHOW\s+(?:TABLE|VIEW|PROCEDURE|MODEL|TABLES|SCHEMAS|COLUMNS|DATABASES|DATASHARES|GRANTS|CONSTRAINTS|PARAMETERS|FUNCTIONS|PROCEDURES)\b",
    r"CANCEL",
    r"USE",
)
_SETTINGS: Final = (
    r"(?:query_group|wlm_query_slot_count|enable_\w+|use_fips_ssl|json_\w+|describe_field_name\w*|\w*case\w*)"
)
_LEVEL: Final = r"\s+ISOLATION\s+LEVEL\s+(?:SERIALIZABLE|READ\s+(?:UN)?COMMITTED|REPEATABLE\s+READ|SNAPSHOT)"
_GRANTED: Final = r"^\s*(?:GRANT|REVOKE)(?:\s+ADMIN\s+OPTION\s+FOR)?\s"


def command(sql: Sql) -> Rewritten | None:
    """None where it is none of them. Raises NotImitatedError."""
    for pattern in _NOT_IMITATED:
        if found := sql.match(rf"({pattern})\b"):
            raise NotImitatedError(f"{' '.join(found[1].upper().split())} is not imitated locally")
    return next((done for make in _COMMANDS if (done := make(sql)) is not None), None)


def _begin(sql: Sql) -> Rewritten | None:
    """Redshift takes any level, and it changes nothing."""
    if not sql.match(r"(?:BEGIN|START\s+TRANSACTION)\b"):
        return None
    return Rewritten(sql.sub(_LEVEL, "").text)


def _truncate(sql: Sql) -> Rewritten | None:
    return Rewritten(sql.text, commits=True) if sql.match(r"TRUNCATE\b") else None


def _drop(sql: Sql) -> Rewritten | None:
    found = sql.match(r"DROP\s+(?:TABLE|VIEW|MATERIALIZED\s+VIEW)\s+(?P<exists>IF\s+EXISTS\s+)?")
    if found is None:
        return _drop_schema(sql)
    rest = Sql(sql.text[found.end() :])
    names = [rest_name for item in rest.items() if (rest_name := _first_name(item))]
    befores = [unbind(name) for name in names]
    if re.match(r"\s*DROP\s+VIEW\b", sql.masked, re.IGNORECASE):
        befores += [f"SELECT headrace_redshift.forget_dropped({literal(name)})" for name in names]
    return Rewritten(sql.text, before=tuple(befores))


def _drop_schema(sql: Sql) -> Rewritten | None:
    found = sql.match(rf"DROP\s+SCHEMA\s+(?:IF\s+EXISTS\s+)?({DOTTED})")
    if found is None:
        return None
    return Rewritten(sql.text, before=(f"SELECT headrace_redshift.unbind_schema({literal(sql.of(found, 1))})",))


def _first_name(item: Sql) -> str | None:
    found = item.match(rf"({DOTTED})")
    return item.of(found, 1) if found else None


def _vacuum(sql: Sql) -> Rewritten | None:
    found = sql.match(rf"VACUUM\b(?:\s+(?:FULL|SORT\s+ONLY|DELETE\s+ONLY|REINDEX|RECLUSTER)\b)?\s*(?P<table>{DOTTED})?")
    if found is None:
        return None
    table = sql.of(found, "table") if found["table"] else ""
    if table.upper() in ("TO", "BOOST"):
        table = ""
    return Rewritten(f"VACUUM {table}", tag="VACUUM", alone="VACUUM")


def _analyze(sql: Sql) -> Rewritten | None:
    if not sql.match(r"ANALY[SZ]E\b"):
        return None
    return Rewritten(sql.sub(r"\b(?:PREDICATE|ALL)\s+COLUMNS\b", " ").text)


def _set(sql: Sql) -> Rewritten | None:
    """Redshift's own settings are kept under a prefix, and change nothing."""
    found = sql.match(rf"(?:SET(?:\s+(?:SESSION|LOCAL))?|RESET|SHOW)\s+(?={_SETTINGS}\b)")
    return Rewritten(f"{sql.text[: found.end()]}headrace.{sql.text[found.end() :]}") if found else None


def _user(sql: Sql) -> Rewritten | None:
    """One who signs in by IAM alone."""
    if not sql.match(r"(?:CREATE|ALTER)\s+USER\b"):
        return None
    return Rewritten(sql.sub(r"\bPASSWORD\s+DISABLE\b", "PASSWORD NULL").text)


def _grant(sql: Sql) -> Rewritten | None:
    """PostgreSQL knows a role by its name alone."""
    if not sql.match(r"(?:GRANT|REVOKE|ALTER\s+DEFAULT\s+PRIVILEGES)\b"):
        return None
    return Rewritten(sql.sub(rf"(\bTO\s|\bFROM\s|,|{_GRANTED})\s*ROLE\s+(?={NAME})", r"\1 ").text)


_COMMANDS: Final[tuple[Callable[[Sql], Rewritten | None], ...]] = (
    _begin,
    _truncate,
    _drop,
    _vacuum,
    _analyze,
    _set,
    _user,
    _grant,
)
