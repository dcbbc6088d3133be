"""Views, those included that are bound when they are read."""

from __future__ import annotations

from typing import Final

from headrace_local.redshift.errors import SYNTAX_ERROR, NotImitatedError, RedshiftError
from headrace_local.redshift.rewrite.alterations import unbind
from headrace_local.redshift.rewrite.masking import DOTTED, Sql
from headrace_local.redshift.rewrite.plan import Rewritten, literal
from headrace_local.redshift.rewrite.tables import Storage, take_attributes

_LATE: Final = r"\bWITH\s+NO\s+SCHEMA\s+BINDING\s*;?\s*$"
_VIEW: Final = rf"CREATE\s+(?P<replaces>OR\s+REPLACE\s+)?VIEW\s+(?P<name>{DOTTED})"
_MATERIALIZED: Final = rf"CREATE\s+MATERIALIZED\s+VIEW\s+(?P<name>{DOTTED})"


def create_view(sql: Sql) -> Rewritten | None:
    """None where it is none."""
    if found := sql.match(_MATERIALIZED):
        return _materialized(sql, found.end())
    found = sql.match(_VIEW)
    if found is None:
        return None
    name, late = sql.of(found, "name"), sql.search(_LATE)
    if late is None:
        return Rewritten(sql.text, before=(unbind(name), f"SELECT headrace_redshift.forget({literal(name)})"))
    definition = sql.text[found.end() : late.start()]
    replaces = bool(found["replaces"])
    call = f"headrace_redshift.create_late_view({literal(name)}, {literal(definition)}, {replaces})"
    return Rewritten(f"DO {literal(f'BEGIN PERFORM {call}; END')}", before=(unbind(name),), tag="CREATE VIEW")


def _materialized(sql: Sql, end: int) -> Rewritten:
    query = sql.search(r"\bAS\b", end)
    if query is None:
        raise RedshiftError("syntax error at end of input", SYNTAX_ERROR)
    attributes = sql.cut(end, query.start())
    if attributes.search(r"\bAUTO\s+REFRESH\s+YES\b"):
        raise NotImitatedError("AUTO REFRESH YES is not imitated locally: REFRESH MATERIALIZED VIEW does it")
    left = take_attributes(attributes.sub(r"\bAUTO\s+REFRESH\s+NO\b", " "), Storage()).text.strip()
    if left:
        raise NotImitatedError(f"CREATE MATERIALIZED VIEW with {left} is not imitated locally")
    return Rewritten(f"{sql.text[:end]} {sql.text[query.start() :]}")
