"""Procedures: their language is PostgreSQL's, and what they EXECUTE as a literal is Redshift's SQL like any other."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from headrace_local.redshift.errors import NotImitatedError
from headrace_local.redshift.rewrite.masking import Sql
from headrace_local.redshift.rewrite.plan import Plan, Refused, Rewritten, literal

_PROCEDURE: Final = r"CREATE\s+(?:OR\s+REPLACE\s+)?PROCEDURE\b"
_BODY: Final = re.compile(r"(?P<quote>\$\w*\$)(?P<body>.*)(?P=quote)", re.DOTALL)
_EXECUTED: Final = r"(?<=\bEXECUTE\s)\s*(?P<literal>\x01+)(?=\s*;)"


def create_procedure(sql: Sql, rewrite: Callable[[str], Plan]) -> Rewritten | None:
    """None where it is none. Raises NotImitatedError, and what `rewrite` refuses."""
    found = _BODY.search(sql.text) if sql.match(_PROCEDURE) else None
    if found is None:
        return None
    body = Sql(found["body"])

    def executed(match: re.Match[str]) -> str:
        return literal(_executed(body.of(match, "literal"), rewrite))

    return Rewritten(sql.replace(found.start("body"), found.end("body"), body.sub(_EXECUTED, executed).text).text)


def _executed(quoted: str, rewrite: Callable[[str], Plan]) -> str:
    statement = quoted[1:-1].replace("''", "'")
    plan = rewrite(statement)
    if isinstance(plan, Refused):
        raise plan.error
    if not isinstance(plan, Rewritten) or plan.before or plan.commits or plan.alone:
        raise NotImitatedError(f"{' '.join(statement.split()[:2])} within a procedure is not imitated locally")
    return plan.sql
