"""The command, on real Spark and a local AWS."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from headrace_batch.cli import execute
from tests.batch.backfill.river import River, packs

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
