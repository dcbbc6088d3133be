"""What a worker asks AWS before it starts anything: is all there, and where to begin. Creates nothing but its start."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
)

from headrace_consumers.aws_retry import NO_CREDENTIALS, REFUSED_CODES
from headrace_consumers.commitlog.dynamodb import DynamoDbLog
from headrace_consumers.commitlog.log import CommitLog
from headrace_consumers.commitlog.rewinding import open_generation
from headrace_consumers.kinesis import KinesisStream
from headrace_consumers.lake.s3 import S3Store
from headrace_consumers.pipeline import Pipeline
from headrace_consumers.settings import WorkerSettings, require_start
from headrace_consumers.shards import StreamIdentity
from headrace_producers.errors import SettingsError, TerminalError, TransientError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_kinesis import KinesisClient
    from mypy_boto3_s3 import S3Client

T = TypeVar("T")
_MISSING = frozenset({"ResourceNotFoundException", "404", "NoSuchBucket"})
PATIENCE = Config(connect_timeout=3, read_timeout=5, retries={"total_max_attempts": 2, "mode": "standard"})
"""Whoever starts a worker waits for this; the running worker has patience of its own."""


@dataclass(frozen=True, slots=True)
class Aws:
    """The clients of the start."""

    region: str
    kinesis: KinesisClient
    dynamodb: DynamoDBClient
    s3: S3Client


@dataclass(frozen=True, slots=True)
class Ground:
    """What was found."""

    stream: StreamIdentity
    generation: int
    start: str
    """TRIM_HORIZON or an ISO 8601 time, frozen in the log since the generation's beginning."""

    def application_name(self, pipeline: str) -> str:
        """KCL's: another generation, or another birth of the stream, begins with an empty lease table."""
        return f"headrace-{pipeline}-g{self.generation}-{self.stream.created_ms}"


def connect(env: Mapping[str, str]) -> Aws:
    """Clients from AWS's own environment; SettingsError where it names no region. AWS_REGION counts too: containers of
    AWS have it, and boto3 alone does not read it."""
    session = boto3.Session(region_name=env.get("AWS_REGION"))
    try:
        kinesis = session.client("kinesis", config=PATIENCE)
        return Aws(
            kinesis.meta.region_name,
            kinesis,
            session.client("dynamodb", config=PATIENCE),
            session.client("s3", config=PATIENCE),
        )
    except NoRegionError:
        raise SettingsError("no AWS region: set AWS_REGION or AWS_DEFAULT_REGION") from None


def survey(aws: Aws, pipeline: Pipeline, settings: WorkerSettings, now: datetime) -> Ground:
    """Raises TerminalError for what is missing or refused, TransientError for an AWS that does not answer,
    RewindUnfinishedError while the pipeline is being rewound."""
    name = settings.stream or pipeline.stream
    table = settings.log.log_table
    require(aws, name, table, tuple(settings.lake.buckets.values()))
    log = DynamoDbLog(aws.dynamodb, table, S3Store(aws.s3, settings.lake.buckets))
    generation = open_generation(log, pipeline.name)
    return Ground(KinesisStream(aws.kinesis, name).identity(), generation,
                  frozen_start(log, pipeline.name, settings.kcl.start, now, generation))  # fmt: skip


def require(aws: Aws, stream: str, table: str, buckets: Sequence[str] = ()) -> None:
    """All of these exist and answer; raises as `survey` does."""
    _asked(lambda: aws.kinesis.describe_stream_summary(StreamName=stream), f"stream {stream}")
    _asked(lambda: aws.dynamodb.describe_table(TableName=table), f"commit log table {table}")
    for bucket in buckets:
        _asked(lambda bucket=bucket: aws.s3.head_bucket(Bucket=bucket), f"bucket {bucket}")  # type: ignore[misc]


def frozen_start(log: CommitLog, pipeline: str, wanted: str, now: datetime, generation: int = 1) -> str:
    """NOW becomes a time, and the first worker's wish stands for ever. Raises SettingsError on what is no position. A
    generation that a rewind began starts where the rewind said."""
    if wanted.upper() == "NOW":
        wanted = now.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    elif wanted.upper() == "TRIM_HORIZON":
        wanted = "TRIM_HORIZON"
    else:
        require_start(wanted)
    return log.start_position(pipeline, wanted if generation == 1 else "TRIM_HORIZON", generation)


def _asked(call: Callable[[], T], what: str) -> T:
    try:
        return call()
    except (NoCredentialsError, PartialCredentialsError):
        raise TerminalError(NO_CREDENTIALS) from None
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        if code in _MISSING:
            raise TerminalError(f"{what} is not in this account and region; create it, or name another") from None
        if code in REFUSED_CODES:
            raise TerminalError(f"{what}: AWS refused ({code}); check credentials and permissions") from None
        raise TransientError(f"{what}: AWS answered {code}") from None
    except (BotoCoreError, HTTPClientError) as error:
        raise TransientError(f"{what}: AWS cannot be reached ({type(error).__name__}); check the endpoint") from None
