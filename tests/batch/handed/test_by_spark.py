"""The command, on real Spark and a local AWS."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from headrace_batch.cli import execute
from headrace_batch.commands import land_handed
from tests.batch.backfill.conftest import aws, held_session, river
from tests.batch.backfill.river import River

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import SparkSession

__all__ = ["aws", "river"]
pytestmark = pytest.mark.filterwarnings("ignore:unclosed.*socket:ResourceWarning")
LOG = ["--log-table", "log", "--json"]
SMALL = "tests.batch.handed.small:small"


@pytest.fixture(scope="module")
def spark(aws: str) -> Iterator[SparkSession]:
    del aws
    with held_session(land_handed) as session:
        yield session


def rows(river: River, table: str) -> list[Any]:
    found = [{name: value for name, value in row.items() if name != "commit_id"} for row in river.rows(table)]
    return sorted(found, key=lambda row: row["record_index"])


def test_a_handed_file_lands_by_spark(river: River, spark: SparkSession, capsys: pytest.CaptureFixture[str]) -> None:
    """Rows and letters as the file says; the second run finds nothing to do."""
    del spark
    lines = ["carrier,name", *(f"{number:02d},Airline {number}" for number in range(90)), "toolong,Nobody"]
    river.s3.put_object(Bucket=river.buckets["raw"], Key="inbox/airlines.csv", Body="\n".join([*lines, ""]).encode())
    url = f"s3://{river.buckets['raw']}/inbox/airlines.csv"
    assert execute(["land", SMALL, "airlines", url, *LOG]) == 0
    assert execute(["land-handed", SMALL, *LOG, "--dry-run"]) == 0
    waits = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["outcome"] for one in waits] == ["handed to Spark", "handed to Spark"]
    assert execute(["land-handed", SMALL, *LOG]) == 0
    verdict = json.loads(capsys.readouterr().out)
    assert (verdict["outcome"], verdict["rows"], verdict["letters"]) == ("landed", 90, 1)
    assert [(row["carrier"], row["record_index"]) for row in rows(river, "airlines")] == [
        (f"{number:02d}", number) for number in range(90)
    ]
    assert [row["record_index"] for row in rows(river, river.pipeline.dead_letter_table)] == [90]
    assert execute(["land-handed", SMALL, *LOG]) == 0
    assert capsys.readouterr().out == ""
