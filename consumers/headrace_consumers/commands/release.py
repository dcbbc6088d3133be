"""`headrace-consumers release MODULE:PIPELINE FILE...`."""

from __future__ import annotations

import os
import sys
import time
from typing import Annotated

import tenacity
from cyclopts import Parameter

from headrace_consumers.commands.warehouse_options import FLAT_WAREHOUSE, completed
from headrace_consumers.loading import load_pipeline
from headrace_consumers.settings import LogSettings, WarehouseSettings
from headrace_producers.errors import SettingsError

FLAT = Parameter(name="*")
LOG, WAREHOUSE = LogSettings(), WarehouseSettings()
_ATTEMPTS = 10
"""Beside a loader whose loads come every few seconds."""


def release(
    pipeline: str,
    /,
    *files: str,
    all: Annotated[bool, Parameter(name="--all", negative="")] = False,  # noqa: A002 -- the option's name
    stream: str = "",
    log: Annotated[LogSettings, FLAT] = LOG,
    warehouse: Annotated[WarehouseSettings, FLAT_WAREHOUSE] = WAREHOUSE,
) -> int:
    """Let the loader try quarantined files again, once what hindered them is mended: it does so with its next load, or
    within five minutes where there is nothing else to load.

    Safe beside a running loader. The password is taken from HEADRACE_WAREHOUSE_PASSWORD alone.

    Parameters
    ----------
    pipeline
        MODULE:PIPELINE, such as my_team.pipelines:flights; the working directory is importable.
    files
        S3 addresses, as `reconcile` prints them.
    all
        All files of the pipeline that are in quarantine.
    stream
        Overrides the pipeline's stream.
    """
    if bool(files) == all:
        raise SettingsError("name the files to release, or say --all")
    declared = load_pipeline(pipeline)
    target = completed(warehouse, os.environ)
    from headrace_consumers.commitlog.dynamodb import DynamoDbLog
    from headrace_consumers.commitlog.following import Lineage
    from headrace_consumers.errors import FencedError, WarehouseBusyError
    from headrace_consumers.kinesis import KinesisStream
    from headrace_consumers.lake.s3 import S3Store
    from headrace_consumers.load.ledger import Ledger
    from headrace_consumers.load.releasing import Releaser
    from headrace_consumers.preflight import connect, require
    from headrace_consumers.warehouse.redshift import Redshift

    aws = connect(os.environ)
    require(aws, stream or declared.stream, log.log_table, ())
    reads = DynamoDbLog(aws.dynamodb, log.log_table, S3Store(aws.s3, {}))
    created_ms = KinesisStream(aws.kinesis, stream or declared.stream).identity().created_ms
    lineage = Lineage(declared.name, reads.generation(declared.name), created_ms)
    session = Redshift(target).connect()
    releaser = Releaser(Ledger(target.warehouse_schema, lineage), session, _now_ms)
    again = tenacity.retry(
        retry=tenacity.retry_if_exception_type((FencedError, WarehouseBusyError)),
        stop=tenacity.stop_after_attempt(_ATTEMPTS),
        wait=tenacity.wait_random_exponential(multiplier=0.2, max=10.0),
        reraise=True,
    )
    try:
        released = again(releaser.release)(files)
    finally:
        session.close()
    lines = [f"released {entry.file.url}; it was in quarantine: {entry.reason}" for entry in released]
    sys.stdout.write("".join(f"{line}\n" for line in lines or ["nothing is in quarantine"]))
    return 0


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
