"""Where the dbt project is, and what it says of itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import yaml

from headrace_sql.errors import ProjectError

_FILE = "dbt_project.yml"


@dataclass(frozen=True, slots=True)
class Project:
    """A folder with a `dbt_project.yml` and a `profiles.yml`."""

    folder: Path
    pipeline: str
    """Whose tables the models read: the name of its books."""

    @classmethod
    def at(cls, folder: Path | None) -> Project:
        """The project there, or the one beside this package. Raises ProjectError."""
        found = (folder or Path(__file__).resolve().parents[1]).resolve()
        try:
            said = yaml.safe_load((found / _FILE).read_text())
        except FileNotFoundError:
            raise ProjectError(f"there is no {_FILE} in {found}; say where it is with --project-dir") from None
        except yaml.YAMLError as error:
            raise ProjectError(f"{found / _FILE} cannot be read: {' '.join(str(error).split())}") from error
        name = (said.get("vars") or {}).get("pipeline") if isinstance(said, dict) else None
        if not isinstance(name, str) or not name:
            raise ProjectError(f"{found / _FILE} must name its pipeline under vars")
        return cls(found, name)
