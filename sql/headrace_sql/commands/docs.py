"""`headrace-sql docs`."""

from __future__ import annotations

import sys

from headrace_sql.commands.options import MODELS, WAREHOUSE, Models, Place, dbt_of


def docs(*, models: Models = MODELS, warehouse: Place = WAREHOUSE) -> int:
    """Make the documentation of all models and sources, with lineage, as one HTML file that needs nothing beside it."""
    dbt = dbt_of(models, warehouse)
    code = dbt.run(["docs", "generate", "--static"])
    if code == 0:
        sys.stdout.write(f"{dbt.work_dir / 'static_index.html'}\n")
    return code
