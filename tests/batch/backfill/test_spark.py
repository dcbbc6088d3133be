"""The command, on real Spark and a local AWS."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from headrace_batch.cli import execute
from headrace_batch.committing import settle
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
_HEARS_CTRL_C = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from headrace_batch.cli import main
main()
"""
"""Also where whoever started the tests in the background has it ignored."""


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
    _kill_once_committed([*arguments, *YEAR])
    assert read_record(record).status is Status.RUNNING
    settle(river.place())
    committed = len(river.place().standing().commits) - len(river.unretired())
    assert committed >= 1
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


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_backfill_that_is_interrupted_leaves_a_sentence_and_nothing_else(
    river: River, tmp_path: Path, number: int
) -> None:
    """While Spark begins, or stages: no traceback, no folder, no Java, and the next run has all to do."""
    river.flow(packs(120))
    command = [sys.executable, "-c", _HEARS_CTRL_C, "backfill", PIPELINE, *LOG, *YEAR]
    env = os.environ | {"SPARK_MASTER": "local[1]", "TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=env) as run:
        while run.poll() is None and not list(tmp_path.glob("headrace-spark-*/log4j2.properties")):
            time.sleep(0.1)
        time.sleep(1.0)
        run.send_signal(number)
        _, said = run.communicate()
    assert run.returncode == 128 + number, said
    assert "Traceback" not in said
    assert said.splitlines()[-1].startswith("headrace-batch: interrupted; what was committed stands")
    assert not list(tmp_path.glob("headrace-spark-*"))
    assert not river.place().standing().retired


def _kill_once_committed(arguments: list[str]) -> None:
    """In the midst of whatever comes after the first unit."""
    command = [str(Path(sys.executable).with_name("headrace-batch")), *arguments]
    env = os.environ | {"SPARK_MASTER": "local[1]"}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=env) as run:
        assert run.stderr is not None
        said = ""
        for said in run.stderr:
            if said.startswith("unit 1 of 5"):
                break
        run.kill()
    assert said.startswith("unit 1 of 5"), said
