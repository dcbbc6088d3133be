"""One statement of Redshift's SQL as PostgreSQL's."""

from __future__ import annotations

from headrace_local.redshift.rewrite.plan import Refused, Rewritten


def rewrite(sql: str) -> Rewritten | Refused:
    return Rewritten(sql)
