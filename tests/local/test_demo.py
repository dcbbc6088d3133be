"""The demo as a user runs it: the main job with its verdict, and what is left when it is stopped."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
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
STAGED = """
    SELECT (SELECT count(*) FROM staging.flights_departed) + (SELECT count(*) FROM staging.flights_cancelled)
        + (SELECT count(*) FROM staging.weather_hourly) + (SELECT count(*) FROM staging.planes)"""
PIPELINE = "headrace_local.pipelines:flights"
ALL_LOADED = "0 wait for their load, 0 findings"
PAGE = (Path(__file__).parents[2] / "docs" / "recovery.md").read_text()
[RESTORE] = re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
"""The page's one script."""


@pytest.fixture
def root() -> Iterator[Path]:
    yield from short_path()


def short_path() -> Iterator[Path]:
    """For Unix sockets live below it."""
    with tempfile.TemporaryDirectory(prefix="hrd-", dir="/tmp") as root:
        yield Path(root)


@dataclass(frozen=True)
class Kept:
    """A demo's stack that was left up."""

    root: Path
    code: int
    report: dict[str, Any]
    told: str

    def environment(self) -> dict[str, str]:
        """As a shell has it after `eval "$(headrace-local env)"`."""
        with start(self.root, "env") as process:
            said, _ = process.communicate()
        exports = (line.removeprefix("export ").partition("=") for line in said.splitlines())
        return {**os.environ, **{name: value for name, _, value in exports}}

    def command(self, program: str, *words: str) -> subprocess.CompletedProcess[str]:
        line = [str(Path(sys.executable).with_name(program)), *words]
        return subprocess.run(line, env=self.environment(), text=True, capture_output=True, check=False)

    def contents(self) -> tuple[int, ...]:
        return tuple(found(self.root, query) for query in (MART_ROWS, LAST_WINDOWS, STAGED))


@pytest.fixture(scope="module")
def kept() -> Iterator[Kept]:
    for root in short_path():
        with start(root, "demo", "--flights", "3000", "--corrupt", "5", "--late", "2", "--keep", "--json") as process:
            said, told = process.communicate()
        yield Kept(root, process.returncode, last_line(said), told)
        with start(root, "down") as process:
            process.communicate()
        assert list(root.iterdir()) == []


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
def test_the_demo_reconciles_and_leaves_lake_and_warehouse_where_it_is_told_to(kept: Kept) -> None:
    """What it reports is what any reader finds afterwards, in S3 and in the warehouse."""
    report = kept.report
    assert (kept.code, report["ok"]) == (0, True), kept.told
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
    assert found(kept.root, MART_ROWS) == warehouse["mart_rows"] > 0
    assert found(kept.root, LAST_WINDOWS) == report["windows"]


@pytest.mark.timeout(300)
def test_a_lost_warehouse_is_rebuilt_from_the_commit_log(kept: Kept) -> None:
    """By what docs/recovery.md tells to type: every row is there again, `reconcile` has no finding, all tests pass."""
    before = kept.contents()
    for schema in ("mart", "core", "staging"):
        with start(kept.root, "sql", f"drop schema {schema} cascade") as process:
            process.communicate()
        assert process.returncode == 0
    lost = kept.command("headrace-consumers", "reconcile", PIPELINE)
    assert (lost.returncode, "run `headrace-consumers schema apply`" in lost.stderr) == (2, True), lost.stderr
    assert kept.command("headrace-consumers", "schema", "apply", PIPELINE).returncode == 0
    loader = [str(Path(sys.executable).with_name("headrace-consumers")), "load", PIPELINE]
    with subprocess.Popen(loader, env=kept.environment(), stderr=subprocess.DEVNULL) as loading:
        try:
            wait_until(lambda: ALL_LOADED in kept.command("headrace-consumers", "reconcile", PIPELINE).stdout, 120.0)
        finally:
            loading.terminate()
    assert loading.returncode == 0
    work_dir = str(kept.root / "target")
    build = kept.command("headrace-sql", "build", "--work-dir", work_dir, "--", "--full-refresh")
    assert build.returncode == 0, build.stdout + build.stderr
    shutil.rmtree(work_dir)
    assert kept.contents() == before
    whole = kept.command("headrace-consumers", "reconcile", PIPELINE)
    assert (whole.returncode, ALL_LOADED in whole.stdout) == (0, True), whole.stdout


def test_a_deleted_object_is_told_by_the_log_and_comes_back_from_its_versions(kept: Kept) -> None:
    """By docs/recovery.md's own script."""
    clients = AwsClients(kept.report["endpoint"])
    bucket = kept.report["lake"].removeprefix("s3://").rstrip("/")
    keys = [one["Key"] for one in clients.s3.list_objects_v2(Bucket=bucket)["Contents"]]
    for key in keys:
        clients.s3.delete_object(Bucket=bucket, Key=key)
    missing = kept.command("headrace-batch", "standing", PIPELINE, "--missing")
    assert (missing.returncode, set(missing.stdout.split())) == (1, {f"s3://{bucket}/{key}" for key in keys})
    script = kept.root / "restore.py"
    script.write_text(RESTORE)
    done = subprocess.run(
        [sys.executable, str(script)], env=kept.environment(), input=missing.stdout, text=True, check=False
    )
    script.unlink()
    assert done.returncode == 0
    assert [one["Key"] for one in clients.s3.list_objects_v2(Bucket=bucket)["Contents"]] == keys
    clients.close()
    whole = kept.command("headrace-batch", "standing", PIPELINE, "--missing")
    assert (whole.returncode, whole.stdout) == (0, "")
    assert kept.command("headrace-consumers", "repair", PIPELINE).returncode == 0


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
