"""The run that is listened to: `python -m tests.deploy.calls.run FOLDER`. Real services and commands, one after the
other; what they call is written into the folder."""

from __future__ import annotations

import json
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import boto3

from headrace_consumers.commit.attempts import new_attempt_id
from headrace_local.environment import KEY, REGION
from tests.deploy.calls.names import REPLAY_STREAM, USERS_SECRET
from tests.deploy.calls.stage import PIPELINE, Stage, set_up

_HANDLER = """import json, sys
from headrace_batch.landing.handler import handler
handler(json.load(sys.stdin), None)"""
_NOW = datetime.now(UTC)
_numbers = count(1)


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="hrc-", dir="/tmp") as root, set_up(Path(root), Path(sys.argv[1])) as stage:
        _stream(stage)
        _land(stage)
        _wait(stage)
        _unload(stage)
        _operate(stage)
        _rotate(stage)
        _bring_back(stage)
        _keep_up(stage)


def _stream(stage: Stage) -> None:
    """Two batches, days apart, so that windows are out with the second; and a bad event."""
    _put(stage, _NOW - timedelta(days=3), "ann", "ben")
    stage.wait_for("s3:CompleteMultipartUpload", "-processed-", "engine_process")
    _put(stage, _NOW, "cid")
    bad = json.dumps({"delivered_at": _NOW.isoformat(), "depot": "", "receiver": "dan", "grams": 1})
    event = f'{{"specversion":"1.0","id":"bad","source":"/t","type":"parcel.delivered.v1","data":{bad}}}'
    stage.stack.clients.kinesis.put_record(
        StreamName=stage.stack.resources.stream, Data=event.encode(), PartitionKey="north"
    )


def _put(stage: Stage, at: datetime, *receivers: str) -> None:
    lines = "".join(f"{json.dumps(_parcel(at, receiver))}\n" for receiver in receivers)
    words = (
        "put",
        stage.stack.resources.stream,
        "--contract",
        "parcel.delivered.v1",
        "--module",
        "tests.deploy.calls.parcels",
    )
    stage.run("headrace-producers", *words, said=lines)


def _parcel(at: datetime, receiver: str) -> dict[str, object]:
    return {"delivered_at": at.isoformat(), "depot": "north", "receiver": receiver, "grams": 100 * next(_numbers)}


def _land(stage: Stage) -> None:
    """By the command, by the function, and by Spark."""
    bucket = stage.stack.resources.landing_bucket
    stage.run("headrace-batch", "land", PIPELINE, "lists", f"s3://{bucket}/{_send(stage, 'lists', _list_of(2))}")
    body = _list_of(3)
    created = {
        "bucket": {"name": bucket},
        "object": {"key": _send(stage, "lists", body), "size": len(body), "eTag": ""},
    }
    event = {"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": created}]}
    stage.run("python", "-c", _HANDLER, said=json.dumps(event), more={"HEADRACE_PIPELINE": PIPELINE})
    stage.run(
        "headrace-batch", "land", PIPELINE, "big_lists", f"s3://{bucket}/{_send(stage, 'big_lists', _list_of(30))}"
    )
    stage.run("headrace-batch", "land-handed", PIPELINE)


def _list_of(rows: int) -> bytes:
    lines = [
        "delivered_at,depot,receiver,grams",
        *(f"{_NOW.isoformat()},south,eve,{next(_numbers)}" for _ in range(rows)),
    ]
    return "\n".join([*lines, ""]).encode()


def _send(stage: Stage, source: str, body: bytes) -> str:
    """Its key."""
    key = f"landing/{source}/{next(_numbers)}.csv"
    stage.stack.clients.s3.put_object(Bucket=stage.stack.resources.landing_bucket, Key=key, Body=body)
    return key


def _wait(stage: Stage) -> None:
    """Until windows are out, and in the warehouse, too."""
    stage.wait_for("s3:CompleteMultipartUpload", "-curated-", "windows")
    stage.wait_for("obstore:GetObject", "-curated-", "load")


def _operate(stage: Stage) -> None:
    """What people run, with a file lost."""
    _lose_a_file(stage)
    stage.run("headrace-consumers", "repair", PIPELINE, "--apply")
    for words in (("status",), ("catalog", "apply")):
        stage.run("headrace-consumers", *words, PIPELINE)
    folder = stage.plan.folder.path / "project"
    (folder / "athena").mkdir(parents=True)
    (folder / "dbt_project.yml").write_text("vars: {pipeline: parcels}\n")
    project = ("--project-dir", str(folder))
    for number in (1, 2):
        (folder / "athena" / "one.sql").write_text(f"-- A number.\nSELECT {number} AS number\n")
        stage.run("headrace-sql", "athena", "apply", *project)
    stage.run("headrace-sql", "athena", "run", "one", *project)


def _lose_a_file(stage: Stage) -> None:
    """Of the stream's first commit."""
    s3 = stage.stack.clients.s3
    found = s3.list_objects_v2(Bucket=stage.stack.resources.processed_bucket, Prefix="parcels_delivered/")["Contents"]
    s3.delete_object(Bucket=stage.stack.resources.processed_bucket, Key=min(one["Key"] for one in found))


def _unload(stage: Stage) -> None:
    """Three times: what the first one wrote goes with the third."""
    stage.query("CREATE SCHEMA IF NOT EXISTS mart")
    stage.query("CREATE TABLE mart.weights AS SELECT depot, grams FROM staging.parcels_delivered")
    for _ in range(3):
        stage.run("headrace-sql", "unload")


def _rotate(stage: Stage) -> None:
    """Twice: a secret's first version is the current one by itself."""
    secrets = boto3.client("secretsmanager", endpoint_url=stage.stack.endpoint, region_name=REGION,
                           aws_access_key_id=KEY, aws_secret_access_key=KEY)  # fmt: skip
    secrets.create_secret(Name=USERS_SECRET)
    stage.query("CREATE USER a_reader PASSWORD DISABLE")
    for _ in range(2):
        stage.run("headrace-sql", "rotate", "a_reader", "--secret", USERS_SECRET)


def _bring_back(stage: Stage) -> None:
    ever = ("--from", "2000-01-01T00:00:00Z", "--to", "2100-01-01T00:00:00Z")
    stage.run("headrace-batch", "dead-letters", "redrive", PIPELINE, "--fix", '.data.depot = "north"', "--why", "test")
    stage.run("headrace-batch", "replay", PIPELINE, *ever, "--into", REPLAY_STREAM)
    stage.run("headrace-batch", "backfill", PIPELINE, *ever, "--reason", "test")
    stage.run("headrace-batch", "transform", "tests.deploy.calls.parcels:heaviest", "--reason", "test")


def _keep_up(stage: Stage) -> None:
    stage.until_done("headrace-batch", "compact", PIPELINE, "--older-than", "0s", "--json")
    forgotten = ("--table", "parcels_delivered", "--key", "receiver=eve", "--reason", "test")
    stage.run("headrace-batch", "forget", PIPELINE, *forgotten)
    _leave_uploads(stage)
    stage.run("headrace-batch", "expire", PIPELINE, "--raw-days", "0.00001")
    stage.run("headrace-batch", "rewind", PIPELINE, "--to", "2000-01-01T00:00:00Z", "--reason", "test")


def _leave_uploads(stage: Stage) -> None:
    """Of attempts that died long ago."""
    attempt, resources = new_attempt_id(int((_NOW - timedelta(days=20)).timestamp() * 1000)), stage.stack.resources
    lake = (resources.raw_bucket, resources.processed_bucket, resources.curated_bucket)
    for bucket, folder in zip(lake, ("parcels/lanes", "parcels_delivered", "parcels_daily"), strict=True):
        stage.stack.clients.s3.create_multipart_upload(Bucket=bucket, Key=f"{folder}/{attempt}.parquet")


if __name__ == "__main__":
    main()
