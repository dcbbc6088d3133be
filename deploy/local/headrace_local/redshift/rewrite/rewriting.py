"""One statement of Redshift's SQL as PostgreSQL's. Pure."""

from __future__ import annotations

from functools import lru_cache

from headrace_local.redshift.copying.statement import parse_copy
from headrace_local.redshift.errors import NotImitatedError, RedshiftError
from headrace_local.redshift.rewrite.alterations import alter_table
from headrace_local.redshift.rewrite.commands import command
from headrace_local.redshift.rewrite.expressions import rewrite_expressions
from headrace_local.redshift.rewrite.masking import Sql
from headrace_local.redshift.rewrite.plan import Loading, Plan, Refused, Rewritten, Unloading
from headrace_local.redshift.rewrite.procedures import create_procedure
from headrace_local.redshift.rewrite.tables import create_table
from headrace_local.redshift.rewrite.views import create_view
from headrace_local.redshift.unloading.statement import parse_unload

_CACHED_STATEMENTS = 512


@lru_cache(_CACHED_STATEMENTS)
def rewrite(sql: str) -> Plan:
    """Drivers send the same statement again and again, so its plan is kept."""
    try:
        return create_procedure(Sql(sql), rewrite) or _load_or_unload(sql) or _statement(Sql(sql))
    except RedshiftError as error:
        return Refused(error)


def _load_or_unload(sql: str) -> Plan | None:
    written = Sql(sql)
    if written.match(r"COPY\b"):
        copy = parse_copy(sql)
        if copy is None:
            raise NotImitatedError("COPY from anything but S3 is not imitated locally")
        return Loading(copy)
    if written.match(r"UNLOAD\b"):
        unload = parse_unload(sql)
        if unload is None:
            raise NotImitatedError("this UNLOAD is not imitated locally")
        return Unloading(unload, rewrite_expressions(Sql(unload.query)).text)
    return None


def _statement(sql: Sql) -> Rewritten:
    sql = rewrite_expressions(sql)
    for make in (create_table, alter_table, create_view, command):
        if (done := make(sql)) is not None:
            return done
    return Rewritten(sql.text)
