"""The demo's transform on real flights, real Spark and a local AWS, against an independent oracle in SQL."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headrace_batch.cli import execute
from headrace_batch.commands import transform
from headrace_batch.records.files import read_record
from headrace_batch.records.record import Status
from headrace_consumers.commitlog.model import CommitKind
from headrace_local.transforms import utilisation
from tests.batch.backfill.conftest import aws, held_session, river
from tests.batch.backfill.river import River, packs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import SparkSession

__all__ = ["aws", "river"]
pytestmark = pytest.mark.filterwarnings("ignore:unclosed.*socket:ResourceWarning")
COMMAND = ["transform", "headrace_local.transforms:utilisation", "--log-table", "log", "--json"]
WHY = ["--reason", "to see it equal"]
ORACLE = """
WITH legs AS (
    SELECT tailnum, origin, dest, air_time, event_time AT TIME ZONE 'UTC' AS departed,
        lag(origin) OVER own AS left_from, lag(dest) OVER own AS arrived_at,
        date_diff('microsecond', lag(event_time) OVER own, event_time) AS since_us,
        lag(air_time) OVER own AS flown
    FROM departures WHERE tailnum IS NOT NULL
    WINDOW own AS (PARTITION BY tailnum ORDER BY event_time, event_id)
), judged AS (
    SELECT *, since_us // 60000000 - flown AS gap,
        since_us <= 48 * 3600000000 AND since_us // 60000000 >= flown AS near
    FROM legs
)
SELECT tailnum, departed::DATE AS day, count(*) AS flights, coalesce(sum(air_time), 0)::BIGINT AS air_minutes,
    count(*) FILTER (near AND arrived_at = origin) AS turnarounds,
    coalesce(sum(gap) FILTER (near AND arrived_at = origin), 0)::BIGINT AS ground_minutes,
    count(*) FILTER (near AND arrived_at <> origin AND left_from = origin) AS returns,
    coalesce(sum(gap) FILTER (near AND arrived_at <> origin AND left_from = origin), 0)::BIGINT AS away_minutes,
    arg_min(origin, departed) AS first_airport, arg_max(dest, departed) AS last_airport,
    coalesce(sum(air_time), 0) / 1440 AS utilisation
FROM judged GROUP BY ALL ORDER BY tailnum, day
"""


@pytest.fixture(scope="module")
def spark(aws: str) -> Iterator[SparkSession]:
    del aws
    with held_session(transform) as session:
        yield session


def expected(river: River) -> list[dict[str, Any]]:
    wanted = ["event_id", "event_time", *utilisation.columns]
    departures = pa.Table.from_pylist(river.rows("flights_departed")).select(wanted)
    with duckdb.connect() as database:
        database.register("departures", departures)
        found = database.execute(ORACLE)
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def files(river: River) -> dict[str, pa.Table]:
    page = river.s3.list_objects_v2(Bucket=river.buckets["curated"], Prefix=f"{utilisation.name}/")
    keys = [one["Key"] for one in page.get("Contents", [])]
    bodies = {key: river.s3.get_object(Bucket=river.buckets["curated"], Key=key)["Body"].read() for key in keys}
    return {key: pq.read_table(io.BytesIO(body)) for key, body in bodies.items()}


def rows(river: River) -> list[dict[str, Any]]:
    found = [row for table in files(river).values() for row in table.to_pylist()]
    return sorted(found, key=lambda row: (row["tailnum"], row["day"]))


def test_utilisation_by_spark_equals_sql(
    river: River, spark: SparkSession, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the dry run says is done, once; a second run replaces the files of the first, also when more has come."""
    del spark
    river.flow(packs(120))
    record = tmp_path / "aircraft-of-the-year.yaml"
    assert execute([*COMMAND, *WHY, "--record", str(record), "--dry-run"]) == 0
    planned = json.loads(capsys.readouterr().out)
    assert (planned["dry_run"], planned["rows"], planned["replaced"], files(river)) == (True, 0, 0, {})
    assert execute([*COMMAND, "--record", str(record)]) == 0
    done = json.loads(capsys.readouterr().out)
    first = rows(river)
    assert first == expected(river)
    assert sum(row["returns"] for row in first) > 10
    assert done["rows"] == len(first) > 500
    kept = read_record(record)
    assert kept.status is Status.DONE
    assert kept.counts is not None
    assert kept.counts.rows == len(first)
    before = files(river)
    river.flow(packs(144)[120:])
    assert execute([*COMMAND, *WHY]) == 0
    assert rows(river) == expected(river) != first
    assert not before.keys() & files(river).keys()
    commits = [one for one in river.place().standing().commits.values() if one.kind is CommitKind.TRANSFORM]
    assert [len(one.files) for one in commits] == [0, 1]


def test_a_failing_function_leaves_nothing(
    river: River, spark: SparkSession, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And tells its kind, but no value of a row."""
    del spark
    river.flow(packs(12))
    monkeypatch.setattr(transform, "load_transform", lambda _name: utilisation)
    arguments = [*COMMAND, *WHY]
    arguments[1] = "tests.batch.transform.faulty:faulty"
    assert execute(arguments) == 1
    said = capsys.readouterr().err.splitlines()[-1]
    assert "failed with KeyError; Spark's log has the traceback" in said
    assert files(river) == {}
    assert not any(one.kind is CommitKind.TRANSFORM for one in river.place().standing().commits.values())
