"""`headrace-consumers view MODULE:PIPELINE WINDOW`."""

from __future__ import annotations

import sys
from typing import Annotated

from cyclopts import Parameter

from headrace_consumers.loading import load_pipeline
from headrace_consumers.pipeline import Pipeline
from headrace_consumers.windows import Window
from headrace_consumers.windows.latest import latest_rows
from headrace_producers.errors import SettingsError


def view(pipeline: str, window: str, /, *, source: Annotated[str, Parameter(name="--from")] = "") -> int:
    """Print the SELECT that gives the last row of each window: one statement for DuckDB, Athena and Redshift.

    Early rows, older revisions and tombstones are left out, and so are the columns that tell of them.

    Parameters
    ----------
    pipeline
        MODULE:PIPELINE, such as my_team.pipelines:flights; the working directory is importable.
    window
        One of the pipeline's windows.
    source
        The table, or table expression, that has the window's rows; a table of its name where not given.
    """
    sys.stdout.write(f"{latest_rows(_window(load_pipeline(pipeline), window), source)}\n")
    return 0


def _window(pipeline: Pipeline, name: str) -> Window:
    if not pipeline.windows:
        raise SettingsError(f"pipeline {pipeline.name!r} declares no windows")
    for window in pipeline.windows:
        if window.name == name:
            return window
    declared = ", ".join(window.name for window in pipeline.windows)
    raise SettingsError(f"pipeline {pipeline.name!r} has no window {name!r}; it declares {declared}")
