"""`headrace-sql freshness`."""

from __future__ import annotations

from headrace_sql.commands.options import MODELS, WAREHOUSE, Models, Place, dbt_of


def freshness(*, models: Models = MODELS, warehouse: Place = WAREHOUSE) -> int:
    """Say how old the newest rows of each source are. Exits with 1 where one is older than it may be.

    What it may be stands with each source in models/staging; the sentence of each is dbt's.
    """
    return dbt_of(models, warehouse).run(["source", "freshness"])
