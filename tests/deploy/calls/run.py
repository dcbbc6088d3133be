"""The run that is listened to: `python -m tests.deploy.calls.run FOLDER`. Real services and commands, one after the
other; what they call is written into the folder."""

from __future__ import annotations

import json
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

from headrace_consumers.commit.attempts import new_attempt_id
from headrace_local.sql import connected
from tests.deploy.calls.names import REPLAY_STREAM, RESOURCES
from tests.deploy.calls.stage import PIPELINE, Stage, set_up

_HANDLER = """import json, sys
from headrace_batch.landing.handler import handler
handler(json.load(sys.stdin), None)"""
_MART = """CREATE TABLE IF NOT EXISTS mart.weights AS SELECT depot, grams FROM staging.parcels_delivered"""
_LAKE = (RESOURCES.raw_bucket, RESOURCES.processed_bucket, RESOURCES.curated_bucket)
_NOW = datetime.now(UTC)
_numbers = count(1)


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="hrc-", dir="/tmp") as root, set_up(Path(root), Path(sys.argv[1])) as stage:
        _stream(stage)
        _land(stage)
        _operate(stage)
        _unload(stage)
        _bring_back(stage)
        _keep_up(stage)


def _stream(stage: Stage) -> None:
    """Two batches, and a bad event."""
    _put(stage, "ann", "ben")
    stage.wait_for("s3:CompleteMultipartUpload", "processed", "engine_process")
    _put(stage, "cid")
    bad = json.dumps({"delivered_at": _NOW.isoformat(), "depot": "", "receiver": "dan", "grams": 1})
    event = f'{{"specversion":"1.0","id":"bad","source":"/t","type":"parcel.delivered.v1","data":{bad}}}'
    stage.stack.clients.kinesis.put_record(StreamName=RESOURCES.stream, Data=event.encode(), PartitionKey="north")


def _put(stage: Stage, *receivers: str) -> None:
    lines = "".join(f"{json.dumps(_parcel(receiver))}\n" for receiver in receivers)
    words = ("put", RESOURCES.stream, "--contract", "parcel.delivered.v1", "--module", "tests.deploy.calls.parcels")
    stage.run("headrace-producers", *words, said=lines)


def _parcel(receiver: str) -> dict[str, object]:
    return {"delivered_at": _NOW.isoformat(), "depot": "north", "receiver": receiver, "grams": 100 * next(_numbers)}


def _land(stage: Stage) -> None:
    """By the command, by the function, and by Spark."""
    stage.run("headrace-batch", "land", PIPELINE, "lists", _file(stage, "lists", 2))
    url = _file(stage, "lists", 3)
    body = stage.stack.clients.s3.head_object(Bucket=RESOURCES.landing_bucket, Key=url.partition("landing/")[2])
    created = {"bucket": {"name": RESOURCES.landing_bucket},
               "object": {"key": url.partition("landing/")[2], "size": body["ContentLength"], "eTag": ""}}  # fmt: skip
    event = {"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": created}]}
    stage.run("python", "-c", _HANDLER, said=json.dumps(event), more={"HEADRACE_PIPELINE": PIPELINE})
    stage.run("headrace-batch", "land", PIPELINE, "big_lists", _file(stage, "big_lists", 30))
    stage.run("headrace-batch", "land-handed", PIPELINE)


def _file(stage: Stage, source: str, rows: int) -> str:
    lines = ["delivered_at,depot,receiver,grams", *(f"{_NOW.isoformat()},south,eve,{next(_numbers)}" for _ in range(rows))]
    key = f"landing/{source}/{next(_numbers)}.csv"
    stage.stack.clients.s3.put_object(Bucket=RESOURCES.landing_bucket, Key=key, Body="\n".join([*lines, ""]).encode())
    return f"s3://{RESOURCES.landing_bucket}/{key}"


def _operate(stage: Stage) -> None:
    """What people run, with a file lost."""
    stage.wait_for("s3:DeleteObject", "curated", "load")
    stage.wait_for("s3:CompleteMultipartUpload", "curated", "windows")
    _lose_a_file(stage)
    stage.run("headrace-consumers", "repair", PIPELINE, "--apply")
    for words in (("status",), ("commits",), ("reconcile",), ("catalog", "apply")):
        stage.run("headrace-consumers", *words, PIPELINE, fails=words == ("reconcile",))
    stage.run("headrace-consumers", "catalog", "apply", PIPELINE, "--catalog-since", "2013-01-01")
    folder = stage.plan.folder.path / "project"
    (folder / "athena").mkdir(parents=True)
    (folder / "dbt_project.yml").write_text("vars: {pipeline: parcels}\n")
    output = ("--project-dir", str(folder), "--athena-output", f"s3://{RESOURCES.curated_bucket}/athena-results/")
    for number in (1, 2):
        (folder / "athena" / "one.sql").write_text(f"-- A number.\nSELECT {number} AS number\n")
        stage.run("headrace-sql", "athena", "apply", *output)
    stage.run("headrace-sql", "athena", "run", "one", *output)


def _lose_a_file(stage: Stage) -> None:
    """Of the stream's first commit."""
    s3 = stage.stack.clients.s3
    found = s3.list_objects_v2(Bucket=RESOURCES.processed_bucket, Prefix="parcels_delivered/")["Contents"]
    s3.delete_object(Bucket=RESOURCES.processed_bucket, Key=min(one["Key"] for one in found))


def _unload(stage: Stage) -> None:
    """Three times: what the first one wrote goes with the third."""
    with connected(stage.stack.state.warehouse_url) as warehouse:
        warehouse.show("CREATE SCHEMA IF NOT EXISTS mart")
        warehouse.show(_MART)
    for _ in range(3):
        stage.run("headrace-sql", "unload")


def _bring_back(stage: Stage) -> None:
    ever = ("--from", "2000-01-01T00:00:00Z", "--to", "2100-01-01T00:00:00Z")
    stage.run("headrace-batch", "dead-letters", "list", PIPELINE)
    stage.run("headrace-batch", "dead-letters", "redrive", PIPELINE, "--fix", '.data.depot = "north"', "--why", "test")
    stage.run("headrace-batch", "replay", PIPELINE, *ever, "--into", REPLAY_STREAM)
    stage.run("headrace-batch", "backfill", PIPELINE, *ever, "--reason", "test")
    stage.run("headrace-batch", "transform", "tests.deploy.calls.parcels:heaviest", "--reason", "test")


def _keep_up(stage: Stage) -> None:
    now = ("--no-loader", "--json")
    stage.run("headrace-batch", "compact", PIPELINE, "--older-than", "0s", *now)
    forgotten = ("--table", "parcels_delivered", "--key", "receiver=eve", "--reason", "test")
    stage.run("headrace-batch", "forget", PIPELINE, *forgotten, *now)
    _leave_uploads(stage)
    stage.run("headrace-batch", "expire", PIPELINE, "--raw-days", "0.00001", *now)
    stage.run("headrace-batch", "rewind", PIPELINE, "--to", "2000-01-01T00:00:00Z", "--reason", "test")


def _leave_uploads(stage: Stage) -> None:
    """Of attempts that died long ago."""
    attempt = new_attempt_id(int((_NOW - timedelta(days=20)).timestamp() * 1000))
    for bucket, folder in zip(_LAKE, ("parcels/lanes", "parcels_delivered", "parcels_daily"), strict=True):
        stage.stack.clients.s3.create_multipart_upload(Bucket=bucket, Key=f"{folder}/{attempt}.parquet")


if __name__ == "__main__":
    main()
