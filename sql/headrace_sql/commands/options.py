"""How commands say which project, target and folder they work with."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from headrace_consumers.commands.printing import tell_settings
from headrace_consumers.commands.warehouse_options import FLAT_WAREHOUSE, completed
from headrace_consumers.settings import WarehouseSettings
from headrace_producers.errors import SettingsError
from headrace_sql.dbt import Dbt
from headrace_sql.project import Project

Flag = Annotated[bool, Parameter(negative="")]


@dataclass(frozen=True, kw_only=True)
class ModelSettings:
    """Which models, and where dbt leaves its artifacts."""

    target: Literal["local", "dev", "staging", "prod"] = "local"
    """The environment, as profiles.yml has it: how many threads, and whether TLS is asked for."""
    project_dir: Path | None = None
    """The dbt project; the one that came with this command where not given."""
    schema_prefix: str = ""
    """In front of each schema that dbt writes: one's own copy of the models, beside the others'."""
    work_dir: Path | None = None
    """For artifacts and dbt's log; `target` in the project where not given."""


Models = Annotated[ModelSettings, Parameter(name="*")]
Place = Annotated[WarehouseSettings, FLAT_WAREHOUSE]
MODELS, WAREHOUSE = ModelSettings(), WarehouseSettings()
_PREFIX = re.compile(r"([a-z][a-z0-9_]*)?")
_WITHOUT_TLS = "local"
"""The target whose dbt speaks in the clear, as profiles.yml has it: never to a warehouse that has TLS."""


def dbt_of(models: ModelSettings, warehouse: WarehouseSettings) -> Dbt:
    """Raises SettingsError and ProjectError."""
    project, place = Project.at(models.project_dir), complete(warehouse)
    if place.warehouse_ssl == (models.target == _WITHOUT_TLS):
        raise SettingsError(
            f"target {models.target} speaks {'without' if place.warehouse_ssl else 'with'} TLS, and "
            "HEADRACE_WAREHOUSE_SSL says otherwise: `--target local --no-warehouse-ssl` is for the local one alone"
        )
    if not _PREFIX.fullmatch(models.schema_prefix):
        raise SettingsError(
            f"--schema-prefix {models.schema_prefix!r}: say lower-case letters, digits and _, such as mine_"
        )
    work_dir = (models.work_dir or project.folder / "target").resolve()
    if work_dir.exists() and not work_dir.is_dir():
        raise SettingsError(f"--work-dir {work_dir} is no folder")
    return Dbt(project, models.target, work_dir, place, models.schema_prefix)


def tell_settings_of(dbt: Dbt) -> int:
    """What `--print-settings` prints."""
    return tell_settings(
        pipeline=dbt.project.pipeline, target=dbt.target, project_dir=dbt.project.folder, work_dir=dbt.work_dir,
        schema_prefix=dbt.schema_prefix, warehouse=dbt.warehouse,
    )  # fmt: skip


def complete(warehouse: WarehouseSettings) -> WarehouseSettings:
    """With the password. SettingsError names what is missing."""
    return completed(warehouse, os.environ)
