"""`headrace-consumers load MODULE:PIPELINE`."""

from __future__ import annotations

import os
from typing import Annotated

from cyclopts import Parameter

from headrace_consumers.commands.printing import PrintSettings, tell_settings
from headrace_consumers.commands.warehouse_options import FLAT_WAREHOUSE, completed
from headrace_consumers.load.maintenance import Maintenance
from headrace_consumers.loading import load_pipeline
from headrace_consumers.settings import LakeSettings, LoadSettings, LogSettings, WarehouseSettings

FLAT = Parameter(name="*")
LAKE, LOG, LOAD, WAREHOUSE = LakeSettings(), LogSettings(), LoadSettings(), WarehouseSettings()


def load(
    pipeline: str,
    /,
    *,
    lake: Annotated[LakeSettings, FLAT] = LAKE,
    log: Annotated[LogSettings, FLAT] = LOG,
    load: Annotated[LoadSettings, FLAT] = LOAD,
    warehouse: Annotated[WarehouseSettings, FLAT_WAREHOUSE] = WAREHOUSE,
    print_settings: PrintSettings = False,
) -> int:
    """Run the loader of a pipeline until SIGTERM: it copies what workers and windows commit into the warehouse.

    Every option is also an environment variable: HEADRACE_ and its name, such as HEADRACE_WAREHOUSE_HOST. The password
    is taken from HEADRACE_WAREHOUSE_PASSWORD alone.

    Parameters
    ----------
    pipeline
        MODULE:PIPELINE, such as my_team.pipelines:flights; the working directory is importable.
    """
    declared = load_pipeline(pipeline)
    target = completed(warehouse, os.environ)
    Maintenance.of(load.maintenance)
    if print_settings:
        return tell_settings(
            pipeline=declared.name, stream=load.stream or declared.stream, lake=lake, log=log, load=load,
            warehouse=target,
        )  # fmt: skip
    from headrace_consumers.aws import make_clients, make_tails
    from headrace_consumers.commands.serving import served
    from headrace_consumers.load.running import LoadRunner
    from headrace_consumers.preflight import connect, require
    from headrace_consumers.telemetry.load_metrics import LoadMetrics
    from headrace_consumers.warehouse.redshift import Redshift

    aws = connect(os.environ)
    require(aws, load.stream or declared.stream, log.log_table, tuple(lake.buckets.values()))
    metrics = LoadMetrics()
    clients = make_clients(aws.region)
    runner = LoadRunner(
        declared, clients, Redshift(target), tails=make_tails(clients.s3),
        lake=lake, log=log, load=load, target=target, metrics=metrics,
    )  # fmt: skip
    with served("the loader", declared.name, load, metrics) as stop:
        runner.run(stop)
    return 0
