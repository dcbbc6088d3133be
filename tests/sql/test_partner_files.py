"""A partner's file through real SFTP: into the lake by Lambda, into the warehouse, and into the models."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

from headrace_consumers.commitlog.batch import BatchChain
from headrace_consumers.commitlog.dynamodb import DynamoDbLog
from headrace_consumers.commitlog.model import Commit
from tests.local.landed import files_in
from tests.sql.conftest import Built
from tests.sql.partner import Partner, partner_of
from tests.sql.world import NO_TESTS, PATIENCE_S, World

T = TypeVar("T")


@pytest.fixture(scope="module")
def partner(world: World) -> Partner:
    return partner_of(world.stack)


def committed(world: World) -> list[Commit]:
    """By batch."""
    log = DynamoDbLog(world.stack.clients.dynamodb, world.stack.resources.log_table, world.store)
    return list(BatchChain(log=log, pipeline="flights", generation=1, owner="test").after(0))


def until(found: Callable[[], T | None]) -> T:
    deadline_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline_s:
        if value := found():
            return value
        time.sleep(0.5)
    raise AssertionError("nothing came of it")


def test_a_file_that_is_sent_by_sftp_reaches_core(built: Built, world: World, partner: Partner, tmp_path: Path) -> None:
    """SFTP, S3, its notification, SQS, Lambda in a process of its own, the lake, COPY, dbt: a new carrier's name."""
    assert built.first.ok
    before = committed(world)
    path = tmp_path / "carriers.csv"
    path.write_text('carrier,name\nZZ,"Zeppelins, Inc."\n')
    partner.send(path, "airlines/2026/carriers of today.csv")
    commit = until(lambda: next(iter(committed(world)[len(before) :]), None))
    place = f"s3://{world.stack.resources.landing_bucket}/landing/airlines/2026/carriers of today.csv"
    assert commit.record.startswith(f"landed {place}, kept as")
    world.load(files_in(commit))
    world.build("--select", "stg_airlines+", *NO_TESTS)
    assert world.rows("SELECT carrier_name FROM core.dim_airline WHERE carrier = 'ZZ'") == [("Zeppelins, Inc.",)]
    assert len(world.rows("SELECT carrier FROM core.dim_airline")) > 10
    world.run("DELETE FROM staging.airlines WHERE carrier = 'ZZ'", "DELETE FROM core.dim_airline WHERE carrier = 'ZZ'")


def test_a_wrong_file_by_sftp_is_kept_with_its_verdict(world: World, partner: Partner, tmp_path: Path) -> None:
    """The function ends well, and the message does not come again."""
    before = len(committed(world))
    path = tmp_path / "carriers.csv"
    path.write_text("carrier;name\nZZ;Zeppelins\n")
    partner.send(path, "airlines/wrong.csv")
    s3, bucket = world.stack.clients.s3, world.stack.resources.raw_bucket

    def told() -> dict[str, str] | None:
        listed = s3.list_objects_v2(Bucket=bucket, Prefix="refused/flights/airlines/").get("Contents", ())
        keys = [entry["Key"] for entry in listed if entry["Key"].endswith(".json")]
        return json.loads(s3.get_object(Bucket=bucket, Key=keys[0])["Body"].read()) if keys else None

    verdict = until(told)
    assert (verdict["outcome"], verdict["reason"]) == ("refused", "wrong_header")
    kept = verdict["kept"].removeprefix(f"s3://{bucket}/")
    assert s3.get_object(Bucket=bucket, Key=kept)["Body"].read() == path.read_bytes()
    assert len(committed(world)) == before
