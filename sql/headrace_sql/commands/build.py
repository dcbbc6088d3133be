"""`headrace-sql build`."""

from __future__ import annotations

import sys
from typing import Annotated

import msgspec
from cyclopts import Parameter

from headrace_producers.errors import SettingsError
from headrace_sql.commands.options import MODELS, WAREHOUSE, Flag, Models, Place, dbt_of

OURS = frozenset({"--vars", "--target", "-t", "--project-dir", "--profiles-dir", "--target-path", "--log-path"})
"""What dbt would be told twice, and the second one counts."""


def build(
    *dbt_arguments: Annotated[str, Parameter(allow_leading_hyphen=True)],
    json: Flag = False,
    models: Models = MODELS,
    warehouse: Place = WAREHOUSE,
) -> int:
    """Seeds, snapshots, models and tests, in their order: what fails keeps what reads it as the build before left it.

    Safe beside a loader that runs: all models read the same loads. Never two at once: a second one ends with exit
    code 1 and changes nothing. The password is taken from HEADRACE_WAREHOUSE_PASSWORD alone.

    Parameters
    ----------
    dbt_arguments
        Told to dbt as they are, after `--`: such as `-- --select +route_demand`.
    json
        Print one JSON object as the last line of stdout; dbt's words go to stderr.
    """
    from headrace_sql.build import Build

    if ours := [said for said in dbt_arguments if said.split("=", 1)[0] in OURS]:
        raise SettingsError(
            f"{', '.join(ours)}: this command tells dbt itself; say it before --, or in dbt_project.yml"
        )
    report = Build(dbt_of(models, warehouse)).run(dbt_arguments, to_stderr=json)
    sys.stdout.write(f"{msgspec.json.encode(report).decode() if json else report.sentence()}\n")
    return 0 if report.ok else 1
