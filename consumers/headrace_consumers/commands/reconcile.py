"""`headrace-consumers reconcile MODULE:PIPELINE`."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import msgspec
from cyclopts import Parameter

from headrace_consumers.commands.warehouse_options import FLAT_WAREHOUSE, completed
from headrace_consumers.loading import load_pipeline
from headrace_consumers.settings import LakeSettings, LogSettings, WarehouseSettings

if TYPE_CHECKING:
    from headrace_consumers.load.reconciling import Finding, Reconciled

FLAT = Parameter(name="*")
LAKE, LOG, WAREHOUSE = LakeSettings(), LogSettings(), WarehouseSettings()
DAY_S = 24 * 3600.0
OVERDUE_S = 900.0


def reconcile(
    pipeline: str,
    /,
    *,
    since_s: float = DAY_S,
    overdue_s: float = OVERDUE_S,
    stream: str = "",
    json: Annotated[bool, Parameter(negative="")] = False,
    lake: Annotated[LakeSettings, FLAT] = LAKE,
    log: Annotated[LogSettings, FLAT] = LOG,
    warehouse: Annotated[WarehouseSettings, FLAT_WAREHOUSE] = WAREHOUSE,
) -> int:
    """Hold what is committed against what the warehouse has: files, and the rows of each commit in each table.

    Only reads. Exits with 1 where something is overdue, held, quarantined, missing or doubled. Files of a table with
    the same fate and cause share a line; --json names each.

    Parameters
    ----------
    pipeline
        MODULE:PIPELINE, such as my_team.pipelines:flights; the working directory is importable.
    since_s
        How far back it looks, by the time of commits.
    overdue_s
        How long a commit may wait for its load.
    stream
        Overrides the pipeline's stream.
    json
        Print one JSON document.
    """
    declared = load_pipeline(pipeline)
    target = completed(warehouse, os.environ)
    from headrace_consumers.commitlog.dynamodb import DynamoDbLog
    from headrace_consumers.commitlog.following import Lineage
    from headrace_consumers.kinesis import KinesisStream
    from headrace_consumers.lake.s3 import S3Store
    from headrace_consumers.load.ledger import Ledger
    from headrace_consumers.load.places import places_of
    from headrace_consumers.load.reconciling import Reconciler
    from headrace_consumers.preflight import connect, require
    from headrace_consumers.warehouse.redshift import Redshift

    aws = connect(os.environ)
    require(aws, stream or declared.stream, log.log_table, ())
    reads = DynamoDbLog(aws.dynamodb, log.log_table, S3Store(aws.s3, lake.buckets))
    created_ms = KinesisStream(aws.kinesis, stream or declared.stream).identity().created_ms
    lineage = Lineage(declared.name, reads.generation(declared.name), created_ms)
    session = Redshift(target).connect()
    ledger = Ledger(target.warehouse_schema, lineage)
    reconciler = Reconciler(log=reads, session=session, ledger=ledger, places=places_of(declared, lake))
    try:
        found = reconciler.reconcile(time.time_ns() // 1_000_000, since_s=since_s, overdue_s=overdue_s)
    finally:
        session.close()
    sys.stdout.write(msgspec.json.encode(found).decode() + "\n" if json else _text(found))
    return 1 if found.findings else 0


def _text(found: Reconciled) -> str:
    alike: dict[tuple[str, ...], list[Finding]] = {}
    for finding in found.findings:
        cause = finding.detail.replace(finding.file, "") if finding.file else finding.commit_id
        alike.setdefault((finding.kind, finding.table, cause), []).append(finding)
    lines = [_line(findings) for findings in alike.values()]
    lines.append(f"{found.committed} files committed, {found.loaded} loaded, {found.waiting} wait for their load, "
                 f"{len(found.findings)} findings")  # fmt: skip
    return "".join(f"{line}\n" for line in lines)


def _line(alike: Sequence[Finding]) -> str:
    first, *more = alike
    if not more:
        return str(first)
    return str(msgspec.structs.replace(first, file=f"{first.file} and {len(more)} more"))
