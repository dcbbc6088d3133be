"""`headrace-consumers catalog plan | apply MODULE:PIPELINE`."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from headrace_consumers.loading import load_pipeline
from headrace_consumers.settings import CatalogSettings, LakeSettings

if TYPE_CHECKING:
    from headrace_consumers.catalog.plan import CatalogPlan

FLAT = Parameter(name="*")
LAKE, CATALOG = LakeSettings(), CatalogSettings()


def plan(
    pipeline: str,
    /,
    *,
    lake: Annotated[LakeSettings, FLAT] = LAKE,
    catalog: Annotated[CatalogSettings, FLAT] = CATALOG,
) -> int:
    """Print what `apply` would change in the catalog; nothing is changed. Exits with 1 where a table is refused.

    Parameters
    ----------
    pipeline
        MODULE:PIPELINE, such as my_team.pipelines:flights; the working directory is importable.
    """
    return _run(pipeline, lake, catalog, changes=False)


def apply(
    pipeline: str,
    /,
    *,
    lake: Annotated[LakeSettings, FLAT] = LAKE,
    catalog: Annotated[CatalogSettings, FLAT] = CATALOG,
) -> int:
    """Print the difference, then make the catalog's tables as the contracts say; refused ones stay as they are.

    Again is safe. Exits with 1 where a table is refused.

    Parameters
    ----------
    pipeline
        MODULE:PIPELINE, such as my_team.pipelines:flights; the working directory is importable.
    """
    return _run(pipeline, lake, catalog, changes=True)


def _run(pipeline: str, lake: LakeSettings, catalog: CatalogSettings, *, changes: bool) -> int:
    from headrace_consumers.aws import make_catalog_clients
    from headrace_consumers.aws_retry import COMMAND_PATIENCE_S, patience
    from headrace_consumers.catalog.applying import apply as apply_plan
    from headrace_consumers.catalog.applying import read_existing
    from headrace_consumers.catalog.folders import BucketFolders
    from headrace_consumers.catalog.glue import GlueCatalog
    from headrace_consumers.catalog.lake import wanted_of
    from headrace_consumers.catalog.plan import plan as plan_of

    now = datetime.now(UTC)
    wanted = wanted_of(load_pipeline(pipeline), lake, catalog, now)
    clients = make_catalog_clients(os.environ)
    tables, folders = GlueCatalog(clients.glue), BucketFolders(clients.s3)
    with patience(COMMAND_PATIENCE_S):
        if changes:
            found = apply_plan(tables, folders, wanted, now, _say)
        else:
            found = plan_of(wanted, read_existing(tables, folders, wanted), now)
            _say(found)
    return 1 if found.refusals else 0


def _say(found: CatalogPlan) -> None:
    *first, last = found.databases
    lines = found.lines() or (f"{', '.join(first)} and {last} are as the contracts say",)
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()
