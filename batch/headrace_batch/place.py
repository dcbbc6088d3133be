"""Where a batch command works: one pipeline, its log, its lake, and the stream that it reads."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Annotated

from cyclopts import Parameter

from headrace_consumers.aws_retry import COMMAND_PATIENCE_S, patience
from headrace_consumers.commands.printing import tell_settings
from headrace_consumers.commitlog.batch import BatchChain
from headrace_consumers.commitlog.dynamodb import DynamoDbLog
from headrace_consumers.commitlog.log import CommitLog
from headrace_consumers.commitlog.rewinding import open_generation
from headrace_consumers.commitlog.standing import Standing, read_standing
from headrace_consumers.kinesis import KinesisStream
from headrace_consumers.lake.objects import ObjectStore
from headrace_consumers.lake.s3 import S3Store
from headrace_consumers.loading import load_pipeline
from headrace_consumers.pipeline import Pipeline
from headrace_consumers.preflight import Aws, connect, require
from headrace_consumers.settings import LakeSettings, LogSettings
from headrace_consumers.shards import StreamView
from headrace_producers.errors import SettingsError

FLAT = Parameter(name="*")
FLAG = Parameter(negative="")
Lake = Annotated[LakeSettings, FLAT]
Log = Annotated[LogSettings, FLAT]
Flag = Annotated[bool, FLAG]
LAKE, LOG = LakeSettings(), LogSettings()


def require_reason(reason: str) -> None:
    """It stands in the log for ever. Raises SettingsError."""
    if not reason.strip():
        raise SettingsError("--reason is empty: say why, for those who read the log later")


def tell_settings_of(pipeline: Pipeline, stream: str, lake: LakeSettings, log: LogSettings, **own: object) -> int:
    """What `--print-settings` prints; `own` are the command's."""
    return tell_settings(pipeline=pipeline.name, stream=stream or pipeline.stream, lake=lake, log=log, **own)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Every call blocks on the network."""

    pipeline: Pipeline
    log: CommitLog
    store: ObjectStore
    stream: StreamView
    aws: Aws
    stream_created_ms: int
    generation: int
    """When the command began; a rewind ends what was planned in it."""
    owner: str
    """Named in links."""
    now_ms: Callable[[], int] = _now_ms

    @property
    def chain(self) -> BatchChain:
        return BatchChain(log=self.log, pipeline=self.pipeline.name, generation=self.generation, owner=self.owner)

    def standing(self) -> Standing:
        return read_standing(self.log, self.pipeline.name, self.stream_created_ms)


@contextmanager
def opened(
    reference: str | Pipeline, stream: str, lake: LakeSettings, log: LogSettings, command: str
) -> Iterator[Place]:
    """The place of a pipeline, or of MODULE:PIPELINE, once all of it answers; within, AWS may be away for
    COMMAND_PATIENCE_S only. Raises SettingsError, TerminalError, TransientError; RewindUnfinishedError, for what is
    planned while commits are being taken out builds on them."""
    with opened_in_rewind(reference, stream, lake, log, command) as place:
        open_generation(place.log, place.pipeline.name)
        yield place


@contextmanager
def opened_in_rewind(
    reference: str | Pipeline, stream: str, lake: LakeSettings, log: LogSettings, command: str
) -> Iterator[Place]:
    """The same, for those who look on, or end the rewind."""
    pipeline = reference if isinstance(reference, Pipeline) else load_pipeline(reference)
    aws = connect(os.environ)
    name = stream or pipeline.stream
    with closing(aws.kinesis), closing(aws.dynamodb), closing(aws.s3), patience(COMMAND_PATIENCE_S):
        require(aws, name, log.log_table, tuple(lake.buckets.values()))
        store = S3Store(aws.s3, lake.buckets)
        found, seen = DynamoDbLog(aws.dynamodb, log.log_table, store), KinesisStream(aws.kinesis, name)
        yield Place(
            pipeline=pipeline,
            log=found,
            store=store,
            stream=seen,
            aws=aws,
            stream_created_ms=seen.identity().created_ms,
            generation=found.generation(pipeline.name),
            owner=f"{command}@{socket.gethostname()}-{os.getpid()}",
        )
