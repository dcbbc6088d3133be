"""`headrace-sql sources MODULE:PIPELINE`."""

from __future__ import annotations

import sys
from pathlib import Path

from headrace_consumers.loading import load_pipeline
from headrace_producers.errors import SettingsError
from headrace_sql.commands.options import Flag
from headrace_sql.project import Project
from headrace_sql.sources import sources_yaml


def sources(pipeline: str, /, *, check: Flag = False, project_dir: Path | None = None) -> int:
    """Write dbt's sources from the pipeline's contracts, into models/staging of the project.

    Parameters
    ----------
    pipeline
        MODULE:PIPELINE, such as my_team.pipelines:flights; the working directory is importable.
    check
        Write nothing; exit with 1 where the file is not as the contracts say.
    project_dir
        The dbt project; the one that came with this command where not given.
    """
    declared, project = load_pipeline(pipeline), Project.at(project_dir)
    if declared.name != project.pipeline:
        raise SettingsError(
            f"{project.folder} models pipeline {project.pipeline!r}, and {pipeline} is {declared.name!r}"
        )
    path = project.folder / "models" / "staging" / f"_{declared.name}__sources.yml"
    text = sources_yaml(declared, pipeline)
    if path.exists() and path.read_text() == text:
        sys.stdout.write(f"{path} is as the contracts say\n")
        return 0
    if not check:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    sys.stdout.write(f"{path} {'is not as the contracts say' if check else 'written'}\n")
    return 1 if check else 0
