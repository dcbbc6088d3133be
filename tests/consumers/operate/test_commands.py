"""The operator's commands from the command line, against a local AWS: streams, log and lake are the real protocols."""

from __future__ import annotations

import functools
import itertools
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import botocore.session
import msgspec
import pytest

from headrace_consumers.cli import execute
from headrace_consumers.commit.committer import Committer
from headrace_consumers.commit.segments import Segment
from headrace_consumers.commitlog.dynamodb import DynamoDbLog
from headrace_consumers.commitlog.following import Lineage
from headrace_consumers.commitlog.items import link_item
from headrace_consumers.commitlog.model import Chain, Commit
from headrace_consumers.commitlog.tip import Tip, read_tip
from headrace_consumers.kinesis import KinesisStream
from headrace_consumers.lake.s3 import S3Store
from headrace_consumers.operate.rereading import KinesisReader, Stretch
from headrace_consumers.settings import BatchSettings
from headrace_consumers.windows_service.service import WindowsPlan, WindowsService
from tests.consumers.commitlog.links import link
from tests.consumers.commitlog.tables import TABLE, make_table
from tests.consumers.runtime_process.aws import client, environment, local_aws
from tests.consumers.windows_service.windowed import windowed
from tests.faults.simulation import TIDES

PIPELINE = "tests.faults.simulation:TIDES"
WINDOWED = "tests.consumers.windows_service.windowed:windowed"
BUCKETS = {"raw": "headrace-raw", "processed": "headrace-processed", "curated": "headrace-curated"}
SHARD = "shardId-000000000000"
IDLE_SHARD = "shardId-000000000001"
LOADED_ONCE = functools.cache(botocore.session.create_loader)
"""Every command reads the models of three AWS services from disk, as every process does; here once is enough."""
_attempts = itertools.count(1)


@dataclass(frozen=True)
class Stack:
    """The local AWS with stream, log and buckets; `work` is what a worker would do."""

    endpoint: str
    kinesis: Any
    dynamodb: Any
    s3: Any

    @property
    def log(self) -> DynamoDbLog:
        return DynamoDbLog(self.dynamodb, TABLE, S3Store(self.s3, BUCKETS))

    def chain(self, shard_id: str = SHARD) -> Chain:
        return Chain("tides", 1, KinesisStream(self.kinesis, "tides").identity().created_ms, shard_id)

    def put(self, count: int) -> None:
        at = datetime.now(UTC).isoformat()
        events = [
            {"specversion": "1.0", "id": f"event-{number}", "source": "/test", "type": "tide.measured.v1", "time": at,
             "data": {"station": "Dover", "measured_at": at, "level_mm": number}}
            for number in range(count)
        ]  # fmt: skip
        records = [
            {"Data": msgspec.json.encode(event), "PartitionKey": "Dover", "ExplicitHashKey": "0"} for event in events
        ]
        self.kinesis.put_records(StreamName="tides", Records=records)

    def work(self) -> Commit:
        """Commits all that is in the stream after the chain's tip."""
        store, now_ms = S3Store(self.s3, BUCKETS), 1_800_000_000_000 + next(_attempts)
        self.log.generation("tides")
        self.log.register(self.chain())
        self.log.start_position("tides", "TRIM_HORIZON")
        tip = read_tip(self.log, store, self.chain()) or Tip()
        records = KinesisReader(self.kinesis, "tides").read(Stretch(SHARD, tip.position, 10**60, tip.sequence_number))
        committer = Committer(
            pipeline=TIDES, limits=BatchSettings(), log=self.log, store=store,
            stream=KinesisStream(self.kinesis, "tides"), now_ms=lambda: now_ms, engine_id="engine",
        )  # fmt: skip
        commit = committer.commit([Segment(self.chain(), tip, 0, records)]).commit
        assert commit is not None
        return commit

    def merge(self) -> None:
        """What the windows service does with all that is committed; no worker left partials."""
        stream = KinesisStream(self.kinesis, "tides")
        plan = WindowsPlan(
            lineage=Lineage("tides", 1, stream.identity().created_ms), windows=windowed.windows,
            contracts={table.name: table.contract for table in windowed.tables},
        )  # fmt: skip
        store = S3Store(self.s3, BUCKETS)
        WindowsService(plan, self.log, store, stream, now_ms=lambda: 1_800_000_000_000, owner="windows").step()

    def lose(self, commit: Commit) -> None:
        for file in commit.files:
            self.s3.delete_object(Bucket=file.bucket, Key=file.key)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with local_aws(tmp_path_factory.mktemp("aws") / "aws.log") as endpoint:
        made = Stack(endpoint, client("kinesis", endpoint), client("dynamodb", endpoint), client("s3", endpoint))
        made.kinesis.create_stream(StreamName="tides", ShardCount=2)
        made.kinesis.get_waiter("stream_exists").wait(StreamName="tides", WaiterConfig={"Delay": 0.1})
        make_table(made.dynamodb)
        for bucket in BUCKETS.values():
            made.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
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


def test_from_commit_to_loss_and_back(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    """An operator sees a commit, misses its files, rehearses, repairs, and sees them again."""
    stack.put(10)
    first = stack.work()
    stack.put(25)
    commit = stack.work()
    code, out, _ = run(capsys, "status", PIPELINE, "--json")
    shard, _ = msgspec.json.decode(out)["shards"]
    assert (code, shard["state"], shard["last_commit"], shard["counts"]["rows"]) == (0, "open", commit.attempt_id, 25)
    assert SHARD in run(capsys, "status", PIPELINE)[1]
    assert msgspec.json.decode(run(capsys, "commits", PIPELINE, "--json", "--limit", "1")[1], type=Commit) == commit
    assert "25 rows" in run(capsys, "commits", PIPELINE)[1]

    stack.lose(first)
    stack.lose(commit)
    code, out, _ = run(capsys, "repair", PIPELINE)
    assert (code, out.count("would be made again")) == (1, len(first.files + commit.files))
    code, out, _ = run(capsys, "repair", PIPELINE, commit.attempt_id, "--apply")
    assert (code, out.count("made again from the stream")) == (0, len(commit.files))
    assert run(capsys, "repair", PIPELINE, "--apply")[0] == 0
    assert run(capsys, "repair", PIPELINE)[1].count("all 2 files are readable") == 2


@pytest.mark.parametrize(
    ("command", "variable", "said"),
    [
        ("status", "HEADRACE_STREAM=no-stream", "stream no-stream is not in this account"),
        ("commits", "HEADRACE_LOG_TABLE=no-table", "commit log table no-table is not in this account"),
        ("repair", "AWS_ENDPOINT_URL=http://127.0.0.1:9", "cannot be reached"),
    ],
)
def test_what_is_missing_is_one_sentence(
    command: str, variable: str, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 1, one line on standard error, nothing on standard output."""
    monkeypatch.setenv(*variable.split("=", 1))
    code, out, err = run(capsys, command, PIPELINE)
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert said in err


def test_a_missing_bucket_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    """Who only reads the log needs no bucket; repair does."""
    monkeypatch.setenv("HEADRACE_RAW_BUCKET", "no-bucket")
    assert run(capsys, "status", PIPELINE)[0] == 0
    code, out, err = run(capsys, "repair", PIPELINE)
    assert (code, out, err.count("\n"), "bucket no-bucket" in err) == (1, "", 1, True)


def test_no_credentials_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    """Said as what to set, not as a traceback."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    code, _, err = run(capsys, "status", PIPELINE)
    assert (code, err.count("\n"), "no AWS credentials" in err) == (1, 1, True)


def test_a_newer_log_is_one_sentence(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    """An operator with an old version is told so."""
    item = link_item(link(stack.chain(), 10**58, 10**58 + 1))
    stack.dynamodb.put_item(TableName=TABLE, Item={**item, "format": {"N": "99"}})
    for command in ("status", "repair"):
        code, _, err = run(capsys, command, PIPELINE)
        assert (code, err.count("\n"), "format 99" in err) == (1, 1, True)
    stack.dynamodb.delete_item(TableName=TABLE, Key={"pk": item["pk"], "sk": item["sk"]})


def test_contradicting_flags_are_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    """An end has no gap, and a commit that nobody wrote cannot be repaired: exit code 2."""
    code, _, err = run(capsys, "adopt", PIPELINE, SHARD, "--reason", "why", "--end", "--to", "5")
    assert (code, "exclude each other" in err) == (2, True)
    code, _, err = run(capsys, "repair", PIPELINE, "no-commit")
    assert (code, "no commit no-commit" in err) == (2, True)


def test_following_ends_with_ctrl_c(stack: Stack) -> None:
    """A new commit is told while it follows; then exit code 0, and not a word on standard error."""
    command = [sys.executable, "-c", "from headrace_consumers.cli import main; main()", "commits", PIPELINE]
    stack.put(1)
    before = stack.work()
    with subprocess.Popen(
        [*command, "--follow", "--limit", "1"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as following:
        assert following.stdout is not None
        assert following.stderr is not None
        assert before.attempt_id in following.stdout.readline()
        stack.put(1)
        assert stack.work().attempt_id in following.stdout.readline()
        following.send_signal(signal.SIGINT)
        assert (following.wait(20), following.stderr.read()) == (0, "")


def test_a_reader_that_has_seen_enough_ends_it(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:  # fmt: skip
    """`commits --follow | head -1` is no error."""
    stack.put(1)
    stack.work()
    with (tmp_path / "out").open("w") as out:
        monkeypatch.setattr(sys, "stdout", ClosedPipe(out))
        assert execute(["commits", PIPELINE, "--follow"]) == 0


@dataclass(frozen=True)
class ClosedPipe:
    """Standard output whose reader has gone."""

    file: IO[str]

    def fileno(self) -> int:
        return self.file.fileno()

    def write(self, _text: str) -> int:
        raise BrokenPipeError


def test_adopt_says_first_and_writes_with_apply(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    """Without --apply nothing changes; with it the gap stands in status."""
    arguments = ["adopt", PIPELINE, IDLE_SHARD, "--reason", "a test", "--to", "57"]
    code, out, _ = run(capsys, *arguments)
    assert (code, "nothing is written without --apply" in out) == (0, True)
    assert stack.log.link_at(stack.chain(IDLE_SHARD), 0) is None
    before = list(stack.log.newest_links(stack.chain(IDLE_SHARD)))
    assert run(capsys, *arguments, "--apply")[0] == 0
    assert len(list(stack.log.newest_links(stack.chain(IDLE_SHARD)))) == len(before) + 1
    assert "a test" in run(capsys, "status", PIPELINE)[1]


def test_status_shows_windows_without_a_bucket_by_name(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where the windows service's manifest lies, the log says; table and JSON both tell of it."""
    monkeypatch.setenv("HEADRACE_CURATED_BUCKET", "no-bucket")
    stack.put(1)
    stack.work()
    code, out, _ = run(capsys, "status", WINDOWED, "--json")
    assert (code, "has not committed yet" in msgspec.json.decode(out)["windows"]["sentence"]) == (0, True)
    stack.merge()
    code, out, _ = run(capsys, "status", WINDOWED, "--json")
    said = msgspec.json.decode(out)
    assert (code, said["windows"]["held_back_by"]) == (0, IDLE_SHARD)
    assert {shard["shard_id"]: shard["watermark"] is None for shard in said["shards"]} == {
        SHARD: False,
        IDLE_SHARD: True,
    }
    assert [window["open"] for window in said["windows"]["windows"]] == [0, 0, 0]
    text = run(capsys, "status", WINDOWED)[1]
    assert (SHARD in text, f"held back by {IDLE_SHARD}" in text) == (True, True)
    assert "windows" not in msgspec.json.decode(run(capsys, "status", PIPELINE, "--json")[1])
