"""`headrace-sql athena apply | list | run NAME`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
from cyclopts import Parameter

from headrace_consumers.settings import CatalogSettings
from headrace_producers.errors import SettingsError
from headrace_sql.commands.options import Flag
from headrace_sql.listing import listed
from headrace_sql.project import Project

if TYPE_CHECKING:
    from headrace_sql.athena.queries import NamedQuery
    from headrace_sql.athena.running import Answer, Athena

FLAT = Parameter(name="*")
CATALOG = CatalogSettings()


@dataclass(frozen=True, kw_only=True)
class AthenaSettings:
    """Which workgroup answers, and where it leaves what it found."""

    athena_workgroup: str = "primary"
    athena_output: str = ""
    """An S3 place such as s3://bucket/athena/; empty where the workgroup has one of its own."""


Catalog = Annotated[CatalogSettings, FLAT]
Workgroup = Annotated[AthenaSettings, FLAT]
WORKGROUP = AthenaSettings()


def apply(*, project_dir: Path | None = None, athena: Workgroup = WORKGROUP, catalog: Catalog = CATALOG) -> int:
    """Put the project's named queries into the workgroup, where analysts find them. Again is safe.

    Parameters
    ----------
    project_dir
        The dbt project; the one that came with this command where not given.
    """
    with _patience():
        found = _athena(athena, catalog).put(_queries(project_dir, catalog))
    lines = found.lines() or (f"the named queries of {athena.athena_workgroup} are as the project has them",)
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    return 0


def list_queries(*, project_dir: Path | None = None, catalog: Catalog = CATALOG) -> int:
    """Print the project's named queries, and what each answers.

    Parameters
    ----------
    project_dir
        The dbt project; the one that came with this command where not given.
    """
    queries = _queries(project_dir, catalog)
    width = max(len(query.name) for query in queries)
    sys.stdout.write("".join(f"{query.name:<{width}}  {query.description}\n" for query in queries))
    return 0


def run(
    name: str,
    /,
    *,
    json: Flag = False,
    project_dir: Path | None = None,
    athena: Workgroup = WORKGROUP,
    catalog: Catalog = CATALOG,
) -> int:
    """Run one of the project's named queries and print its rows.

    Parameters
    ----------
    name
        One of `athena list`.
    json
        Print each row as one line of JSON; values are text, as Athena gives them.
    project_dir
        The dbt project; the one that came with this command where not given.
    """
    queries = {query.name: query for query in _queries(project_dir, catalog)}
    if name not in queries:
        raise SettingsError(f"there is no query {name!r}; there are {', '.join(queries)}")
    with _patience():
        answer = _athena(athena, catalog).run(queries[name].sql)
    for line in _json_lines(answer) if json else _lines(answer):
        sys.stdout.write(f"{line}\n")
    return 0


def _patience() -> AbstractContextManager[None]:
    from headrace_consumers.aws_retry import COMMAND_PATIENCE_S, patience

    return patience(COMMAND_PATIENCE_S)


def _queries(project_dir: Path | None, catalog: CatalogSettings) -> tuple[NamedQuery, ...]:
    from headrace_sql.athena.queries import read_queries

    return read_queries(Project.at(project_dir).folder, catalog)


def _athena(athena: AthenaSettings, catalog: CatalogSettings) -> Athena:
    from headrace_consumers.aws import make_athena
    from headrace_sql.athena.running import Athena

    client = make_athena(os.environ)
    return Athena(client, athena.athena_workgroup, catalog.database("curated"), athena.athena_output)


def _lines(answer: Answer) -> Iterator[str]:
    yield from listed(answer.columns, answer.rows)
    rows = len(answer.rows)
    yield f"{rows} row{'' if rows == 1 else 's'}, {answer.scanned_bytes:,} bytes scanned"


def _json_lines(answer: Answer) -> list[str]:
    return [msgspec.json.encode(dict(zip(answer.columns, row, strict=True))).decode() for row in answer.rows]
