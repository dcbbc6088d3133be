"""The command, on real Spark and a local AWS."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from headrace_batch.cli import execute
from headrace_batch.records.files import read_record
from headrace_batch.records.record import Status
from tests.batch.backfill.river import River, memory_river, packs

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.filterwarnings("ignore:unclosed.*socket:ResourceWarning")
"""PySpark leaves the socket that an answer came by to the garbage collector."""
PIPELINE = "headrace_local.pipelines:flights"
YEAR = ["--from", "2023-01-01T00:00:00Z", "--to", "2024-01-01T00:00:00Z", "--reason", "to see it equal"]
LOG = ["--log-table", "log"]


def test_a_backfill_by_spark_equals_live(river: River, spark: SparkSession, capsys: pytest.CaptureFixture[str]) -> None:
    """Rows, dead letters, late letters and windows; the dry run says the same and changes nothing."""
    del spark
    river.flow(packs(120))
    live = river.content()
    capsys.readouterr()
    assert execute(["backfill", PIPELINE, *YEAR, *LOG, "--dry-run", "--json"]) == 0
    planned = json.loads(capsys.readouterr().out)
    assert (planned["dry_run"], planned["commits"], planned["retired"]) == (True, 10, 0)
    assert not river.place().standing().retired
    assert execute(["backfill", PIPELINE, *YEAR, *LOG, "--json"]) == 0
    said = capsys.readouterr()
    assert "unit 1 of 1" in said.err
    assert json.loads(said.out)["retired"] == 10
    assert len(river.place().standing().retired) == 10
    assert river.content() == live


def test_a_backfill_that_is_killed_is_finished_by_the_next_run(
    river: River, spark: SparkSession, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Killed once a unit is committed, while live commits go on; the record says so, and the rest is staged."""
    del spark
    river.flow(packs(120))
    record = tmp_path / "march-once-more.yaml"
    arguments = ["backfill", PIPELINE, *LOG, "--record", str(record), "--unit-commits", "2", "--parallel", "1"]
    committed = _kill_once_committed([*arguments, *YEAR])
    assert read_record(record).status is Status.RUNNING
    river.flow(packs(144)[120:])
    live = memory_river()
    live.flow(packs(120))
    live.flow(packs(144)[120:])
    assert river.content() == live.content()
    assert execute(arguments) == 0
    assert f"unit 1 of {6 - committed}" in capsys.readouterr().err
    done = read_record(record)
    assert done.status is Status.DONE
    assert done.counts is not None
    assert done.counts.rows == sum(len(live.content()[table.name]) for table in live.pipeline.tables)
    assert river.content() == live.content()
    assert execute(arguments) == 0
    assert "nothing is left to do" in capsys.readouterr().err


def _kill_once_committed(arguments: list[str]) -> int:
    """How many units it said it had committed."""
    command = [str(Path(sys.executable).with_name("headrace-batch")), *arguments]
    env = os.environ | {"SPARK_MASTER": "local[1]"}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=env) as run:
        assert run.stderr is not None
        said = ""
        for said in run.stderr:
            if said.startswith("unit 1 of 5"):
                break
        run.kill()
        rest = run.stderr.read()
    assert said.startswith("unit 1 of 5"), said
    return 1 + rest.count("unit ")
