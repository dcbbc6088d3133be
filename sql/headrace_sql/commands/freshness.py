"""`headrace-sql freshness`."""

from __future__ import annotations

from headrace_consumers.commands.printing import PrintSettings
from headrace_sql.commands.options import MODELS, WAREHOUSE, Models, Place, dbt_of, tell_settings_of


def freshness(*, models: Models = MODELS, warehouse: Place = WAREHOUSE, print_settings: PrintSettings = False) -> int:
    """Say how old the newest rows of each source are. Exits with 1 where one is older than it may be.

    What it may be stands with each source in models/staging; the sentence of each is dbt's.
    """
    dbt = dbt_of(models, warehouse)
    if print_settings:
        return tell_settings_of(dbt)
    return dbt.run(["source", "freshness"])
