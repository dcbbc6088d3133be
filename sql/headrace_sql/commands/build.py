"""`headrace-sql build`."""

from __future__ import annotations

import sys
from typing import Annotated

import msgspec
from cyclopts import Parameter

from headrace_consumers.commands.printing import PrintSettings
from headrace_producers.errors import SettingsError
from headrace_sql.commands.options import MODELS, WAREHOUSE, Flag, Models, Place, dbt_of, tell_settings_of

_OURS = {
    "--vars": "variables stand in dbt_project.yml, --schema-prefix and --warehouse-schema say theirs",
    **dict.fromkeys(("--target", "-t"), "say --target before the --"),
    **dict.fromkeys(("--project-dir", "--profiles-dir"), "say --project-dir before the --"),
    **dict.fromkeys(("--target-path", "--log-path"), "say --work-dir before the --"),
}
"""What this command tells dbt itself, so that dbt would not hear it from others; and how to say it."""


def build(
    *dbt_arguments: Annotated[str, Parameter(allow_leading_hyphen=True)],
    json: Flag = False,
    models: Models = MODELS,
    warehouse: Place = WAREHOUSE,
    print_settings: PrintSettings = False,
) -> int:
    """Snapshots, models and tests, in their order: what fails keeps what reads it as the build before left it.

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

    for option in (argument.split("=", 1)[0] for argument in dbt_arguments):
        if option in _OURS:
            raise SettingsError(f"dbt would not hear {option} from you: {_OURS[option]}")
    dbt = dbt_of(models, warehouse)
    if print_settings:
        return tell_settings_of(dbt)
    report = Build(dbt).run(dbt_arguments, to_stderr=json)
    sys.stdout.write(f"{msgspec.json.encode(report).decode() if json else report.sentence()}\n")
    return 0 if report.ok else 1
