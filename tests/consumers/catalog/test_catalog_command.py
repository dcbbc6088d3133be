"""The command against a local Glue, S3 and Athena."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import duckdb
import pytest

from headrace_consumers.cli import execute
from headrace_consumers.lake.objects import EncodedFile
from headrace_consumers.settings import LakeSettings
from tests.consumers.catalog.conftest import LocalAws
from tests.consumers.catalog.lake import lake_files

FLIGHTS = "headrace_local.pipelines:flights"
VISITS = "tests.consumers.catalog.visits"
COMMAND = str(Path(sys.executable).with_name("headrace-consumers"))


def rows_of(athena: Any, sql: str) -> list[tuple[str, ...]]:
    """Asked and waited for as any client does."""
    place = {"OutputLocation": "s3://answers/"}
    asked = athena.start_query_execution(QueryString=sql, ResultConfiguration=place)["QueryExecutionId"]
    while True:
        status = athena.get_query_execution(QueryExecutionId=asked)["QueryExecution"]["Status"]
        if status["State"] == "SUCCEEDED":
            break
        assert status["State"] in ("QUEUED", "RUNNING"), status
        time.sleep(0.02)
    found = athena.get_query_results(QueryExecutionId=asked)["ResultSet"]["Rows"]
    return [tuple(value.get("VarCharValue", "") for value in row["Data"]) for row in found[1:]]


@pytest.fixture(scope="session")
def files() -> list[EncodedFile]:
    return lake_files()


def put(aws: LocalAws, files: Sequence[EncodedFile]) -> None:
    for file in files:
        aws.s3.put_object(Bucket=LakeSettings().buckets[file.zone], Key=file.key, Body=bytes(file.body))


def counted(files: Sequence[EncodedFile], folder: Path, sql: str) -> list[tuple[Any, ...]]:
    """The same question to DuckDB, of the same files."""
    for file in files:
        path = folder / file.zone / file.key
        path.parent.mkdir(parents=True)
        path.write_bytes(file.body)
    found = duckdb.connect().execute(sql.format(folder=folder)).fetchall()
    return [tuple(map(str, row)) for row in found]


def test_athena_reads_every_table_that_the_command_makes(
    aws: LocalAws, files: list[EncodedFile], tmp_path: Path
) -> None:
    """As many rows in each partition as the files have; the command a second time has nothing to do."""
    put(aws, files)
    run = subprocess.run(
        [COMMAND, "catalog", "apply", FLIGHTS], env=os.environ, capture_output=True, text=True, check=True
    )
    assert run.stdout.count("create table") == 12
    tables = {
        (database, table["Name"]): table["PartitionKeys"][0]["Name"]
        for database in ("headrace_raw", "headrace_processed", "headrace_curated")
        for table in aws.glue.get_tables(DatabaseName=database)["TableList"]
    }
    assert len(tables) == 12
    for (database, name), key in tables.items():
        found = rows_of(aws.athena, f"SELECT {key}, count(*) FROM {database}.{name} GROUP BY 1 ORDER BY 1")  # noqa: S608
        expected: Counter[str] = Counter()
        for file in files:
            if (file.table, f"headrace_{file.zone}") == (name, database):
                expected[file.partition.removeprefix(f"{key}=")] += file.rows
        assert expected
        assert found == [(value, str(count)) for value, count in sorted(expected.items())]
    select = "SELECT event_month, count(*), sum(distance), max(carrier), max(event_time) FROM {} GROUP BY 1 ORDER BY 1"
    asked = rows_of(aws.athena, select.format("headrace_processed.flights_departed"))
    source = "read_parquet('{folder}/processed/flights_departed/*/*.parquet')"
    assert [row[:4] for row in asked] == [row[:4] for row in counted(files, tmp_path, select.format(source))]
    assert [row[0] for row in asked] == ["2013-01", "2013-03"]


def test_again_changes_nothing(aws: LocalAws, capsys: pytest.CaptureFixture[str]) -> None:
    """`plan` before changes nothing either; both say the same; Glue's versions stay."""
    options = ["--catalog-prefix", "again"]
    assert execute(["catalog", "plan", FLIGHTS, *options]) == 0
    planned = capsys.readouterr().out
    assert planned.startswith("create database again_raw\n")
    assert "\ncreate table again_processed.flights_late (event_type string, event_id string, " in planned
    assert execute(["catalog", "plan", FLIGHTS, *options]) == 0
    assert capsys.readouterr().out == planned
    assert execute(["catalog", "apply", FLIGHTS, *options]) == 0
    assert capsys.readouterr().out == planned
    for verb in ("apply", "plan"):
        assert execute(["catalog", verb, FLIGHTS, *options]) == 0
        assert capsys.readouterr().out == "again_raw, again_processed and again_curated are as the contracts say\n"
    table = aws.glue.get_table(DatabaseName="again_processed", Name="flights_departed")["Table"]
    assert table["VersionId"] == "1"
    assert table["TableType"] == "EXTERNAL_TABLE"
    assert table["StorageDescriptor"]["Location"] == "s3://headrace-processed/flights_departed/"


def test_an_optional_field_becomes_a_column_and_a_retyped_one_is_refused(
    aws: LocalAws, capsys: pytest.CaptureFixture[str]
) -> None:
    """What operators set in Glue stays; the refusal exits with 1, from both verbs, and changes nothing."""
    options = ["--catalog-prefix", "grown"]
    assert execute(["catalog", "apply", f"{VISITS}:visits", *options]) == 0
    place = {"DatabaseName": "grown_processed", "Name": "visits"}
    said = aws.glue.get_table(**place)["Table"]
    storage = said["StorageDescriptor"]
    storage["SerdeInfo"]["Parameters"]["mine"] = "1"
    aws.glue.update_table(
        DatabaseName="grown_processed",
        TableInput={
            "Name": "visits", "Owner": "people", "StorageDescriptor": storage, "PartitionKeys": said["PartitionKeys"],
            "TableType": said["TableType"], "Parameters": {**said["Parameters"], "lakeformation.tag": "red"},
        },
    )  # fmt: skip
    assert execute(["catalog", "apply", f"{VISITS}:later", *options]) == 0
    assert "add column grown_processed.visits.doctor string\n" in capsys.readouterr().out
    table = aws.glue.get_table(**place)["Table"]
    assert table["StorageDescriptor"]["Columns"][-1] == {
        "Name": "doctor", "Type": "string", "Comment": "Who was asked", "Parameters": {}
    }  # fmt: skip
    assert table["Owner"] == "people"
    assert table["Parameters"]["lakeformation.tag"] == "red"
    assert table["StorageDescriptor"]["SerdeInfo"]["Parameters"]["mine"] == "1"
    for verb in ("plan", "apply"):
        assert execute(["catalog", verb, f"{VISITS}:otherwise", *options]) == 1
        assert capsys.readouterr().out == (
            "refused grown_processed.visits: column 'weight' is bigint in the catalog and string in the contract; "
            "column 'doctor' is in the catalog and not in the contract\n"
        )
    assert aws.glue.get_table(**place)["Table"] == table


def test_a_folder_from_before_the_range_widens_it(aws: LocalAws, capsys: pytest.CaptureFixture[str]) -> None:
    """Listed over pages, also where there are more folders than a page has."""
    options = ["--catalog-prefix", "old", "--processed-bucket", "old"]
    aws.s3.create_bucket(Bucket="old", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    execute(["catalog", "apply", f"{VISITS}:visits", *options])
    for month in (f"{year}-{month:02}" for year in range(1899, 1984) for month in range(1, 13)):
        aws.s3.put_object(Bucket="old", Key=f"visits/event_month={month}/x.parquet", Body=b"")
    capsys.readouterr()
    assert execute(["catalog", "plan", f"{VISITS}:visits", *options]) == 0
    assert capsys.readouterr().out == (
        "widen projection of old_processed.visits from 2000-01,NOW+1MONTHS to 1899-01,NOW+1MONTHS; "
        "unseen until now: 1899-01, 1899-02, 1899-03 and 1017 more\n"
    )


@pytest.mark.usefixtures("aws")
def test_two_at_once_make_it_once(capsys: pytest.CaptureFixture[str]) -> None:
    """From nothing, at the same moment: both end well."""
    options = ["--catalog-prefix", "twice"]
    with ThreadPoolExecutor() as pool:
        codes = list(pool.map(lambda _: execute(["catalog", "apply", f"{VISITS}:visits", *options]), range(2)))
    assert codes == [0, 0]
    capsys.readouterr()
    execute(["catalog", "plan", f"{VISITS}:visits", *options])
    assert capsys.readouterr().out.endswith("are as the contracts say\n")


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize(
    ("options", "code", "sentence"),
    [
        (["--catalog-since", "May"], 2, "catalog_since 'May' is no date such as 2013-01-31"),
        (["--catalog-since", "9999-01-01"], 2, "catalog_since 9999-01-01 lies in the future: nothing would be seen"),
        (["--catalog-prefix", "A-b"], 2, "catalog_prefix 'A-b': lower-case letters, digits and _ please"),
        (["--raw-bucket", "nowhere"], 1,
         "ListObjectsV2 of s3://nowhere/clinic/arrival_date=: NoSuchBucket; check that it exists and is named rightly"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_sentence(
    options: list[str], code: int, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the exit code that says whose fault it is."""
    assert execute(["catalog", "plan", f"{VISITS}:visits", *options]) == code
    assert capsys.readouterr().err == f"headrace-consumers: {sentence}\n"
