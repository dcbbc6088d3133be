"""The verdict of a demo, as a person reads it."""

from __future__ import annotations

from collections import defaultdict

from rich.console import Console
from rich.table import Table

from headrace_local.demo_report import DemoReport
from headrace_local.flights.marts_oracle import MARTS
from headrace_local.flights.reconcile import Reconciliation, Share


def print_verdict(console: Console, report: DemoReport, verdict: Reconciliation) -> None:
    warehouse = report.warehouse
    console.print(_table(verdict))
    if verdict.reasons:
        console.print("dead letters: " + ", ".join(f"{count} {reason}" for reason, count in verdict.reasons.items()))
    console.print(
        f"sent {report.sent:,} = rows {report.rows:,} + dead letters {report.dead_letters:,}; "
        f"duplicates {report.duplicates}, missing {report.missing}; "
        f"{report.commits} commits, {report.files} files, {report.bytes / 2**20:.1f} MiB, {report.seconds} s"
    )
    console.print(f"lists of carriers, airports and planes landed by file, {report.landed_rows:,} rows")
    console.print(
        f"windows {report.windows:,}, wrong {report.windows_wrong}, late events {report.late:,}, "
        f"revisions {report.revisions:,}"
    )
    console.print(
        f"warehouse rows {warehouse.loaded:,}, duplicates {warehouse.duplicates}, missing {warehouse.missing}; "
        f"95% of them loaded within {warehouse.freshness_p95_s} s of their arrival in the stream"
    )
    console.print(
        f"marts {warehouse.mart_rows:,} rows in {len(MARTS)} tables, {warehouse.models_wrong} wrong; "
        f"{warehouse.dbt_tests} dbt tests, {warehouse.dbt_failures} failed"
    )
    if report.replay is not None:
        console.print(
            f"replayed {report.replay.rows:,} rows and letters from the raw zone, {report.replay.differences} differ; "
            f"{report.replay.windows_wrong} windows wrong"
        )
    console.print("every event arrived once, as the source has it" if report.ok else f"NOT OK: {report.error}")


def _table(verdict: Reconciliation) -> Table:
    """One line a local month, one column an airport: events sent, and what is not accounted for."""
    months: dict[str, dict[str, Share]] = defaultdict(dict)
    for share in verdict.shares:
        months[share.local_month][share.origin] = share
    origins = sorted({share.origin for share in verdict.shares})
    table = Table("local month", *origins, "rows", "dead letters", "differs")
    for month, shares in sorted(months.items()):
        table.add_row(month, *_cells(shares, origins))
    return table


def _cells(shares: dict[str, Share], origins: list[str]) -> list[str]:
    sent = [f"{shares[origin].sent:,}" if origin in shares else "" for origin in origins]
    rows = sum(share.rows for share in shares.values())
    letters = sum(share.dead_letters for share in shares.values())
    differs = sum(abs(share.sent - share.rows - share.dead_letters) for share in shares.values())
    return [*sent, f"{rows:,}", f"{letters:,}", f"{differs:,}"]
