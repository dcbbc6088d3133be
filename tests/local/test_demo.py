"""The demo as a user runs it: the main job with its verdict, and what is left when it is stopped."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from headrace_local import processes
from headrace_local.environment import AwsClients
from headrace_local.folder import StackFolder

KEYS = {
    "sent", "rows", "dead_letters", "duplicates", "missing", "commits", "files", "seconds", "lake", "endpoint", "ok",
    "warehouse", "warehouse_url",
}  # fmt: skip

LAST_WINDOWS = """
    SELECT (SELECT count(*) FROM staging.hourly_departures_last) + (SELECT count(*) FROM staging.cancellations_3h_last)
        + (SELECT count(*) FROM staging.rotations_last)"""
MART_ROWS = """
    SELECT (SELECT count(*) FROM mart.on_time_performance) + (SELECT count(*) FROM mart.departures_by_hour)
        + (SELECT count(*) FROM mart.route_demand) + (SELECT count(*) FROM mart.aircraft_rotations)
        + (SELECT count(*) FROM mart.aircraft_use)"""


@pytest.fixture
def root() -> Iterator[Path]:
    """A short path, for Unix sockets live below it."""
    with tempfile.TemporaryDirectory(prefix="hrd-", dir="/tmp") as root:
        yield Path(root)


def folder(root: Path) -> StackFolder:
    return StackFolder("demo", root / f"headrace-{os.getuid()}")


def start(root: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", "from headrace_local.cli import main; main()", *words, "--name", "demo"],
        env={**os.environ, "TMPDIR": str(root)},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def last_line(said: str) -> dict[str, Any]:
    report = json.loads(said.splitlines()[-1])
    assert isinstance(report, dict)
    return report


def found(root: Path, query: str) -> int:
    """What a query of one figure says."""
    with start(root, "sql", query) as process:
        said, _ = process.communicate()
    return int(said.splitlines()[2])


def wait_until(condition: Callable[[], bool], timeout_s: float = 60.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.02)


def has_jvm(stack: StackFolder) -> bool:
    return any("MultiLangDaemon" in member.command for member in processes.members(stack))


@pytest.mark.timeout(300)
def test_the_demo_reconciles_and_leaves_lake_and_warehouse_where_it_is_told_to(root: Path) -> None:
    """What it reports is what any reader finds afterwards, in S3 and in the warehouse."""
    with start(root, "demo", "--flights", "3000", "--corrupt", "5", "--late", "2", "--keep", "--json") as process:
        said, told = process.communicate()
    report = last_line(said)
    assert (process.returncode, report["ok"]) == (0, True), told
    assert set(report) >= KEYS
    assert report["sent"] == report["rows"] + report["dead_letters"] > 3000
    assert report["dead_letters"] > 100
    assert (report["duplicates"], report["missing"]) == (0, 0)
    clients = AwsClients(report["endpoint"])
    bucket = report["lake"].removeprefix("s3://").rstrip("/")
    assert clients.s3.list_objects_v2(Bucket=bucket)["KeyCount"] == report["files"]
    clients.close()
    warehouse = report["warehouse"]
    assert (warehouse["loaded"], warehouse["duplicates"], warehouse["missing"]) == (report["rows"], 0, 0)
    assert 0 < warehouse["freshness_p95_s"] < report["seconds"]
    assert report["warehouse_url"].startswith("redshift://")
    assert (warehouse["dbt_failures"], warehouse["models_wrong"]) == (0, 0)
    assert warehouse["dbt_tests"] > 10
    assert found(root, MART_ROWS) == warehouse["mart_rows"] > 0
    assert found(root, LAST_WINDOWS) == report["windows"]
    with start(root, "down") as process:
        process.communicate()
    assert list(root.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_demo_that_is_stopped_while_java_starts_leaves_nothing(root: Path, number: signal.Signals) -> None:
    stack = folder(root)
    with start(root, "demo", "--flights", "3000", "--json") as process:
        wait_until(lambda: has_jvm(stack))
        process.send_signal(number)
        said, _ = process.communicate(timeout=60)
    if number == signal.SIGKILL:
        wait_until(lambda: not stack.root.exists())
    else:
        assert process.returncode == 128 + number
        assert last_line(said)["ok"] is False
        assert number.name in last_line(said)["error"]
    assert processes.members(stack) == []
    assert list(root.iterdir()) == []


def test_a_demo_that_cannot_run_says_so_as_json_too(root: Path) -> None:
    with start(root, "demo", "--flights", "999999999", "--json") as process:
        said, told = process.communicate(timeout=60)
    assert process.returncode == 1
    assert last_line(said)["ok"] is False
    assert "336776" in last_line(said)["error"]
    assert "336776" in told
