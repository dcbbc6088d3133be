"""The verdict of a demo, as a program reads it."""

from __future__ import annotations

import msgspec

from headrace_local.judging import Judgement
from headrace_local.models_judging import ModelsJudgement
from headrace_local.replaying import ReplayVerdict


class WarehouseReport(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in staging, core and marts at the end."""

    loaded: int = 0
    """Rows of all event tables."""
    duplicates: int = 0
    missing: int = 0
    freshness_p95_s: float = 0.0
    """From a row's arrival in the stream until it is loaded."""
    dbt_tests: int = 0
    """Those that ran."""
    dbt_failures: int = 0
    """Tests and models that failed."""
    mart_rows: int = 0
    """Rows of all marts together; 0 where dbt failed."""
    models_wrong: int = 0
    """Rows of core and marts that are not as the source has them."""


class ReplayReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a replay of all raw records came to, beside what was there before it."""

    rows: int = 0
    """And letters, after it."""
    differences: int = 0
    """Rows and letters that are not as they were."""
    windows_wrong: int = 0


class DemoReport(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=False):
    """The last line of `demo --json`. Keys are only ever added."""

    ok: bool = False
    sent: int = 0
    rows: int = 0
    dead_letters: int = 0
    duplicates: int = 0
    missing: int = 0
    commits: int = 0
    files: int = 0
    bytes: int = 0
    windows: int = 0
    """Final windows of all three kinds."""
    windows_wrong: int = 0
    landed_rows: int = 0
    """Of the lists that came as files: carriers, airports, planes."""
    late: int = 0
    """Events that came too late for windows; their rows are in the lake."""
    revisions: int = 0
    warehouse: WarehouseReport = WarehouseReport()
    replay: ReplayReport | None = None
    """None where none was asked for."""
    seconds: float = 0.0
    lake: str = ""
    endpoint: str = ""
    warehouse_url: str = ""
    error: str | None = None


def judged(report: DemoReport, found: Judgement, models: ModelsJudgement) -> DemoReport:
    """The report with all that was found at the end."""
    lake, windows, fault = found.lake, found.windows, found.fault() or models.fault()
    return msgspec.structs.replace(
        report,
        sent=found.sent,
        rows=lake.rows,
        dead_letters=lake.dead_letters,
        duplicates=lake.duplicates,
        missing=lake.missing,
        files=len(found.files.keys),
        bytes=found.files.bytes,
        windows=windows.windows,
        windows_wrong=windows.wrong,
        late=windows.late,
        revisions=windows.revisions,
        warehouse=_warehouse(found, models),
        ok=fault is None,
        error=fault,
    )


def replayed(report: DemoReport, found: ReplayVerdict) -> DemoReport:
    """The report with what a replay came to."""
    fault = found.fault()
    return msgspec.structs.replace(
        report,
        replay=ReplayReport(
            rows=found.lake.rows, differences=found.lake.differences, windows_wrong=found.windows.wrong
        ),
        ok=report.ok and fault is None,
        error=report.error or (f"after the replay: {fault}" if fault else None),
    )


def _warehouse(found: Judgement, models: ModelsJudgement) -> WarehouseReport:
    staging = found.warehouse.verdict
    return WarehouseReport(
        loaded=staging.loaded,
        duplicates=staging.duplicates,
        missing=staging.missing,
        freshness_p95_s=found.warehouse.freshness_p95_s,
        dbt_tests=models.build.tests,
        dbt_failures=len(models.build.failed),
        mart_rows=models.marts.rows,
        models_wrong=sum(models.marts.wrong.values()),
    )
