"""rewind and replay from the command line, against a local AWS: stream, log and lake are the real protocols."""

from __future__ import annotations

import io
import json
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime

import botocore.session
import pyarrow.parquet as pq
import pytest

from headrace_batch.cli import execute
from headrace_consumers.commit.committer import Committer
from headrace_consumers.commit.segments import Segment
from headrace_consumers.commitlog.model import Chain, Commit
from headrace_consumers.commitlog.tip import Tip, read_tip
from headrace_consumers.kinesis import KinesisStream
from headrace_consumers.lake.s3 import S3Store
from headrace_consumers.operate.rereading import KinesisReader, Stretch
from headrace_consumers.preflight import Aws, survey
from headrace_consumers.settings import BatchSettings, LogSettings, WorkerSettings
from tests.consumers.commitlog.tables import TABLE, make_table
from tests.consumers.operate.test_commands import BUCKETS, LOADED_ONCE, PIPELINE, SHARD, Stack
from tests.consumers.runtime_process.aws import REGION, client, environment, local_aws
from tests.faults.simulation import TIDES


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with local_aws(tmp_path_factory.mktemp("aws") / "aws.log") as endpoint:
        made = Stack(endpoint, client("kinesis", endpoint), client("dynamodb", endpoint), client("s3", endpoint))
        for stream in ("tides", "ebb"):
            made.kinesis.create_stream(StreamName=stream, ShardCount=1)
            made.kinesis.get_waiter("stream_exists").wait(StreamName=stream, WaiterConfig={"Delay": 0.1})
        make_table(made.dynamodb)
        for bucket in BUCKETS.values():
            made.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        yield made
        for one in (made.kinesis, made.dynamodb, made.s3):
            one.close()


@pytest.fixture(autouse=True)
def env(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(botocore.session, "create_loader", LOADED_ONCE)
    for name, value in environment(stack.endpoint).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HEADRACE_LOG_TABLE", TABLE)


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output, standard error."""
    code = execute(list(arguments))
    said = capsys.readouterr()
    return code, said.out, said.err


def work(stack: Stack, generation: int) -> Commit:
    """What a worker of this generation would do with what comes after its chain's tip."""
    store, stream = S3Store(stack.s3, BUCKETS), KinesisStream(stack.kinesis, "tides")
    chain = Chain("tides", generation, stream.identity().created_ms, SHARD)
    stack.log.generation("tides")
    stack.log.register(chain)
    tip = read_tip(stack.log, store, chain) or Tip()
    records = KinesisReader(stack.kinesis, "tides").read(Stretch(SHARD, tip.position, 10**60, tip.sequence_number))
    committer = Committer(
        pipeline=TIDES, limits=BatchSettings(), log=stack.log, store=store, stream=stream,
        now_ms=lambda: time.time_ns() // 1_000_000, engine_id="engine",
    )  # fmt: skip
    commit = committer.commit([Segment(chain, tip, 0, records)]).commit
    assert commit is not None
    return commit


def levels(stack: Stack) -> Counter[int]:
    """What a reader of the lake sees."""
    listed = stack.s3.list_objects_v2(Bucket=BUCKETS["processed"]).get("Contents", [])
    bodies = [stack.s3.get_object(Bucket=BUCKETS["processed"], Key=one["Key"])["Body"].read() for one in listed]
    return Counter(row["level_mm"] for body in bodies for row in pq.read_table(io.BytesIO(body)).to_pylist())


def now() -> str:
    return datetime.now(UTC).isoformat()


def test_back_and_forth_again(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    """A rehearsal, a rewind, a worker's next start, what it reads, and a replay of all that into another stream."""
    began = now()
    stack.put(10)
    stack.log.start_position("tides", "TRIM_HORIZON")
    work(stack, 1)
    time.sleep(1.1)
    point = now()
    stack.put(5)
    work(stack, 1)
    before = levels(stack)
    assert sum(before.values()) == 15

    code, out, _ = run(capsys, "rewind", PIPELINE, "--to", point, "--reason", "a wrong unit", "--dry-run", "--json")
    rehearsed = json.loads(out)
    assert (code, rehearsed["dry_run"], rehearsed["commits"], rehearsed["rows"]) == (0, True, 1, 5)
    assert (stack.log.generation("tides"), levels(stack)) == (1, before)

    code, out, err = run(capsys, "rewind", PIPELINE, "--to", point, "--reason", "a wrong unit")
    assert (code, "1 commits of 5 records, and 0 of batch, superseded, 5 rows in all" in out) == (0, True), (out, err)
    assert "generation 1 is sealed" in err
    assert "generation 2 is open" in err
    assert sum(levels(stack).values()) == 10
    record = stack.log.rewind("tides", 2)
    assert record is not None
    assert (record.reason, record.state, record.previous) == ("a wrong unit", "open", 1)

    aws = Aws(REGION, stack.kinesis, stack.dynamodb, stack.s3)
    ground = survey(aws, TIDES, WorkerSettings(log=LogSettings(log_table=TABLE)), datetime.now(UTC))
    assert ground.generation == 2
    assert datetime.fromisoformat(ground.start) < datetime.fromisoformat(began)
    work(stack, 2)
    assert levels(stack) == before

    code, out, _ = run(capsys, "rewind", PIPELINE, "--to", now(), "--reason", "none")
    assert (code, "nothing to go back on" in out) == (0, True)

    code, out, _ = run(capsys, "replay", PIPELINE, "--from", began, "--to", now(), "--into", "ebb", "--json")
    replayed = json.loads(out)
    assert (code, replayed["records"], replayed["complete"]) == (0, 15, True)
    sent = [one.data for one in KinesisReader(stack.kinesis, "ebb").read(Stretch(SHARD, 0, 10**60))]
    assert sent == [one.data for one in KinesisReader(stack.kinesis, "tides").read(Stretch(SHARD, 0, 10**60))]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["rewind", PIPELINE, "--to", "7", "--reason", "r"], "say whose with --shard"),
        (["rewind", PIPELINE, "--to", "yesterday", "--reason", "r"], ", and no sequence number"),
        (["rewind", PIPELINE, "--to", "7", "--shard", "shardId-9", "--reason", "r"], "has read nothing of a shard"),
        (["replay", PIPELINE, "--from", "2013-01-01T00:00:00Z", "--to", "2014-01-01T00:00:00Z", "--into", "tides"],
         "is the one that pipeline tides reads"),
        (["replay", PIPELINE, "--from", "2013-01-01T00:00:00Z", "--to", "2014-01-01T00:00:00Z", "--into", "none"],
         "is not in this account and region"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_one_sentence(
    capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:  # fmt: skip
    """What, where, what to do."""
    code, out, err = run(capsys, *arguments)
    assert code in {1, 2}
    assert out == ""
    assert said in err


def test_a_stream_under_another_name_is_the_pipelines_own_too(capsys: pytest.CaptureFixture[str]) -> None:
    """HEADRACE_STREAM names what is read: it is never what is written."""
    span = ["--from", "2013-01-01T00:00:00Z", "--to", "2014-01-01T00:00:00Z"]
    code, _, err = run(capsys, "replay", PIPELINE, *span, "--stream", "ebb", "--into", "ebb")
    assert (code, "reads: replay into another" in err) == (2, True)
