"""`headrace-sql unload`."""

from __future__ import annotations

import os
import re
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter

from headrace_consumers.commands.printing import PrintSettings, tell_settings
from headrace_consumers.settings import CatalogSettings, LakeSettings
from headrace_producers.errors import SettingsError
from headrace_sql.commands.options import WAREHOUSE, Flag, Place, complete

FLAT = Parameter(name="*")
LAKE, CATALOG = LakeSettings(), CatalogSettings()
MARTS = "mart"
_KEY_ID = re.compile(r"[0-9A-Za-z-]*")


def unload(
    *,
    json: Flag = False,
    project_dir: Path | None = None,
    warehouse: Place = WAREHOUSE,
    lake: Annotated[LakeSettings, FLAT] = LAKE,
    catalog: Annotated[CatalogSettings, FLAT] = CATALOG,
    unload_key_id: str = "",
    print_settings: PrintSettings = False,
) -> int:
    """Carry all marts to the curated zone as Parquet, and let the catalog name them, each at once.

    Under the lock of `build`, so that marts are of one build. The password is taken from HEADRACE_WAREHOUSE_PASSWORD
    alone.

    Parameters
    ----------
    json
        Print each mart as one line of JSON.
    project_dir
        The dbt project; the one that came with this command where not given.
    unload_key_id
        The KMS key that the curated zone is encrypted by: UNLOAD takes S3's own key where none is named, whatever the
        bucket says.
    """
    from headrace_consumers.aws import make_catalog_clients
    from headrace_consumers.aws_retry import COMMAND_PATIENCE_S, patience
    from headrace_consumers.catalog.glue import GlueCatalog
    from headrace_consumers.commit.attempts import new_attempt_id
    from headrace_consumers.warehouse.redshift import Redshift
    from headrace_sql.build import LOCK_SCHEMA
    from headrace_sql.lock import build_lock
    from headrace_sql.project import Project
    from headrace_sql.unloading.marts import read_marts
    from headrace_sql.unloading.places import Places
    from headrace_sql.unloading.unload import Unloader

    target, project = complete(warehouse), Project.at(project_dir)
    if not _KEY_ID.fullmatch(unload_key_id):
        raise SettingsError(f"HEADRACE_UNLOAD_KEY_ID {unload_key_id!r} is no id of a KMS key")
    if print_settings:
        return tell_settings(
            pipeline=project.pipeline, project_dir=project.folder, unload_key_id=unload_key_id, warehouse=target,
            lake=lake, catalog=catalog,
        )  # fmt: skip
    clients = make_catalog_clients(os.environ)
    with (
        patience(COMMAND_PATIENCE_S),
        build_lock(Redshift(target), LOCK_SCHEMA) as lock,
        closing(Redshift(target).connect()) as session,
    ):
        database = catalog.database("curated")
        places = Places(clients.s3, lake.curated_bucket, database)
        unloader = Unloader(
            session=session, catalog=GlueCatalog(clients.glue), places=places, database=database,
            pipeline=project.pipeline, role=target.copy_role, key_id=unload_key_id,
        )  # fmt: skip
        marts = read_marts(session, MARTS)
        if not marts:
            raise SettingsError(f"there are no marts in schema {MARTS}: run `headrace-sql build` first")
        for done in unloader.unload(marts, new_attempt_id(time.time_ns() // 1_000_000)):
            lock.require_held()
            sys.stdout.write(f"{msgspec.json.encode(done).decode() if json else done.line()}\n")
            sys.stdout.flush()
    return 0
