"""The named queries: one file each in the project's `athena/`, whose first comment says what it answers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from headrace_consumers.settings import CatalogSettings
from headrace_sql.errors import ProjectError

_DATABASE = re.compile(r"\bheadrace_(raw|processed|curated)\.")
"""As the files have them; where the catalog has another prefix, queries do."""


@dataclass(frozen=True, slots=True)
class NamedQuery:
    """As Athena keeps it. Every table in it names its database."""

    name: str
    description: str
    sql: str


def read_queries(folder: Path, catalog: CatalogSettings) -> tuple[NamedQuery, ...]:
    """By name. Raises ProjectError where there are none, or one does not say what it answers."""
    found = tuple(_read(path, catalog) for path in sorted((folder / "athena").glob("*.sql")))
    if not found:
        raise ProjectError(f"there are no queries in {folder / 'athena'}")
    return found


def _read(path: Path, catalog: CatalogSettings) -> NamedQuery:
    lines = path.read_text().splitlines()
    said = [line.removeprefix("--").strip() for line in lines[: _comment_lines(lines)]]
    if not said:
        raise ProjectError(f"{path} must begin with a comment that says what it answers")
    sql = "\n".join(lines[len(said) :]).strip()
    if not sql:
        raise ProjectError(f"{path} has a comment and no query")
    return NamedQuery(path.stem, " ".join(said), _DATABASE.sub(lambda found: f"{catalog.database(found[1])}.", sql))


def _comment_lines(lines: list[str]) -> int:
    return next((number for number, line in enumerate(lines) if not line.startswith("--")), len(lines))
