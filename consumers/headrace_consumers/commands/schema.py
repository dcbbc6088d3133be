"""`headrace-consumers schema plan | apply MODULE:PIPELINE`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from headrace_consumers.commands.warehouse_options import FLAT_WAREHOUSE, completed
from headrace_consumers.loading import load_pipeline
from headrace_consumers.settings import WarehouseSettings

if TYPE_CHECKING:
    from headrace_consumers.warehouse.plan import SchemaPlan
    from headrace_consumers.warehouse.session import WarehouseSession

WAREHOUSE = WarehouseSettings()
Sql = Annotated[bool, Parameter(name="--sql", negative="")]


def plan(
    pipeline: str,
    /,
    *,
    sql: Sql = False,
    warehouse: Annotated[WarehouseSettings, FLAT_WAREHOUSE] = WAREHOUSE,
) -> int:
    """Print what `apply` would change in the warehouse; nothing is changed.

    The password is taken from HEADRACE_WAREHOUSE_PASSWORD alone. Exits with 1 where a table is refused.

    Parameters
    ----------
    pipeline
        MODULE:PIPELINE, such as my_team.pipelines:flights; the working directory is importable.
    sql
        Print the statements too.
    """
    from headrace_consumers.warehouse.plan import wanted_of
    from headrace_consumers.warehouse.schema import read_plan

    wanted = wanted_of(load_pipeline(pipeline), warehouse.warehouse_schema)
    with _session(warehouse) as session:
        found = read_plan(session, wanted)
    _say(found, sql=sql)
    return 1 if found.refusals else 0


def apply(
    pipeline: str,
    /,
    *,
    sql: Sql = False,
    warehouse: Annotated[WarehouseSettings, FLAT_WAREHOUSE] = WAREHOUSE,
) -> int:
    """Print the difference, then make the warehouse's tables as the contracts say; refused ones stay as they are.

    Again is safe, and so is a loader that runs. The password is taken from HEADRACE_WAREHOUSE_PASSWORD alone. Exits
    with 1 where a table is refused.

    Parameters
    ----------
    pipeline
        MODULE:PIPELINE, such as my_team.pipelines:flights; the working directory is importable.
    sql
        Print the statements too.
    """
    from headrace_consumers.warehouse.plan import wanted_of
    from headrace_consumers.warehouse.schema import apply as apply_schema
    from headrace_consumers.warehouse.schema import read_plan

    wanted = wanted_of(load_pipeline(pipeline), warehouse.warehouse_schema)
    with _session(warehouse) as session:
        found = read_plan(session, wanted)
        _say(found, sql=sql)
        apply_schema(session, wanted)
    return 1 if found.refusals else 0


@contextmanager
def _session(settings: WarehouseSettings) -> Iterator[WarehouseSession]:
    complete = completed(settings, os.environ)
    from headrace_consumers.warehouse.redshift import Redshift

    session = Redshift(complete).connect()
    try:
        yield session
    finally:
        session.close()


def _say(found: SchemaPlan, *, sql: bool) -> None:
    lines = found.lines() or (f"{found.schema} is as the contracts say",)
    statements = tuple(f"\n{statement};" for statement in found.statements()) if sql else ()
    sys.stdout.write("".join(f"{line}\n" for line in (*lines, *statements)))
    sys.stdout.flush()
