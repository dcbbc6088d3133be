"""The operator's commands of `headrace-consumers`: thin; what they do lives in the modules beside this one."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Annotated

import msgspec
from cyclopts import Parameter
from rich.console import Console

from headrace_consumers.aws_retry import COMMAND_PATIENCE_S, patience
from headrace_consumers.commitlog.dynamodb import DynamoDbLog
from headrace_consumers.commitlog.model import Commit
from headrace_consumers.kinesis import KinesisStream
from headrace_consumers.lake.s3 import S3Store
from headrace_consumers.loading import load_pipeline
from headrace_consumers.operate import adopt as adopting
from headrace_consumers.operate.commits import describe, follow_commits
from headrace_consumers.operate.status import read_status, told
from headrace_consumers.operate.view import PipelineView, newest_commits
from headrace_consumers.settings import BatchSettings, LakeSettings, LogSettings
from headrace_producers.errors import SettingsError

PAUSE_SLICE_S = 0.05
PIPED_WIDTH = 240
FLAT = Parameter(name="*")
FLAG = Parameter(negative="")
Lake = Annotated[LakeSettings, FLAT]
Log = Annotated[LogSettings, FLAT]
Flag = Annotated[bool, FLAG]
LAKE, LOG = LakeSettings(), LogSettings()


def status(pipeline: str, /, *, stream: str = "", log: Log = LOG, json: Flag = False) -> int:
    """Show where each shard stands: position, lag, newest commit, owner, gaps; and how far the windows are.

    Parameters
    ----------
    pipeline
        MODULE:PIPELINE, such as my_team.pipelines:flights; the working directory is importable.
    stream
        Reads this stream instead of the pipeline's own.
    json
        Print one JSON document.
    """
    with _view(pipeline, stream, log) as view:
        found = read_status(view)
    if json:
        _print(msgspec.json.format(msgspec.json.encode(found)).decode())
    else:
        Console(width=None if sys.stdout.isatty() else PIPED_WIDTH).print(*told(found), sep="\n")
    return 0


def commits(
    pipeline: str,
    /,
    *,
    follow: Flag = False,
    limit: int = 20,
    stream: str = "",
    log: Log = LOG,
    json: Flag = False,
) -> int:
    """List the newest commits, oldest first, a line each.

    Parameters
    ----------
    pipeline
        MODULE:PIPELINE, such as my_team.pipelines:flights; the working directory is importable.
    follow
        Go on with each new commit, until Ctrl-C.
    limit
        How many of the standing commits.
    stream
        Reads this stream instead of the pipeline's own.
    json
        Print each commit as one line of JSON, its files included.
    """
    with _view(pipeline, stream, log) as view, _until_nobody_reads() as pause:
        for commit in follow_commits(view, limit=limit, follow=follow, pause=pause):
            _print(msgspec.json.encode(commit).decode() if json else describe(commit))
    return 0


def adopt(
    pipeline: str,
    shard: str,
    /,
    *,
    reason: str,
    to: str = "",
    end: Flag = False,
    apply: Flag = False,
    stream: str = "",
    lake: Lake = LAKE,
    log: Log = LOG,
) -> int:
    """Accept that records of a shard will never be read, by a gap or an end in its chain. The log keeps the reason.

    Parameters
    ----------
    pipeline
        MODULE:PIPELINE, such as my_team.pipelines:flights; the working directory is importable.
    shard
        The shard's id.
    reason
        Why: written to the log for ever.
    to
        The last sequence number of the gap; KCL's checkpoint where not given.
    end
        End the chain of a shard that is closed or gone, so that its children may start.
    apply
        Write it; without this flag nothing is written.
    stream
        Reads this stream instead of the pipeline's own.
    """
    if to and end:
        raise SettingsError("--to and --end exclude each other: a chain that ends has no gap")
    with _view(pipeline, stream, log, lake) as view:
        now_ms = time.time_ns() // 1_000_000
        if end:
            plan = adopting.plan_end(view, shard, reason, now_ms)
        else:
            plan = adopting.plan_gap(view, shard, to, reason, now_ms)
        if apply:
            adopting.apply(view, plan)
    _print(f"{plan.sentence} ({'written' if apply else 'nothing is written without --apply'})")
    return 0


def repair(
    pipeline: str,
    commit: str = "",
    /,
    *,
    apply: Flag = False,
    limit: int = 100,
    stream: str = "",
    lake: Lake = LAKE,
    log: Log = LOG,
    max_unpacked_bytes: int = BatchSettings.max_unpacked_bytes,
) -> int:
    """Find committed files that are not readable; complete what is pending, make again what is lost.

    Exit code 1 where a file stays unreadable, so also where --apply is missing.

    Parameters
    ----------
    pipeline
        MODULE:PIPELINE, such as my_team.pipelines:flights; the working directory is importable.
    commit
        Only this commit; without it, the newest ones.
    apply
        Repair; without this flag nothing is written.
    limit
        How many of the newest commits.
    stream
        Reads this stream instead of the pipeline's own.
    max_unpacked_bytes
        As the worker that wrote the commit had it.
    """
    from headrace_consumers.operate.repair import Repairer, sentences
    from headrace_consumers.operate.rereading import KinesisReader

    whole = True
    with _view(pipeline, stream, log, lake) as view:
        reader = KinesisReader(view.kinesis, view.place().identity.name)
        repairer = Repairer(view, reader, max_unpacked_bytes)
        for found in _chosen(view, commit, limit):
            report = repairer.repair(found) if apply else repairer.rehearse(found)
            whole = whole and report.whole
            for sentence in sentences(report):
                _print(sentence)
    return 0 if whole else 1


def _chosen(view: PipelineView, attempt_id: str, limit: int) -> list[Commit]:
    place, gone = view.place(), view.gone()
    if not attempt_id:
        newest = newest_commits(view, view.chains(place), limit)
        return [commit for commit in newest if commit.attempt_id not in gone.retired]
    if attempt_id in gone.retired:
        raise SettingsError(f"commit {attempt_id} was taken out of the lake by batch: there is nothing to repair")
    for generation in range(place.generation, 0, -1):
        commit = view.log.commit(view.pipeline.name, generation, attempt_id)
        if commit is not None:
            return [commit]
    raise SettingsError(f"no commit {attempt_id} of {view.pipeline.name}")


@contextmanager
def _view(pipeline: str, stream: str, log: LogSettings, lake: LakeSettings | None = None) -> Iterator[PipelineView]:
    """The pipeline's view once all of it answers; within, AWS may be away for COMMAND_PATIENCE_S only. The buckets are
    looked for where `lake` is given."""
    from headrace_consumers.preflight import connect, require

    declared = load_pipeline(pipeline)
    aws = connect(os.environ)
    name = stream or declared.stream
    buckets = lake.buckets if lake else {}
    require(aws, name, log.log_table, tuple(buckets.values()))
    with patience(COMMAND_PATIENCE_S):
        store = S3Store(aws.s3, buckets)
        yield PipelineView(
            pipeline=declared,
            log=DynamoDbLog(aws.dynamodb, log.log_table, store),
            store=store,
            stream=KinesisStream(aws.kinesis, name),
            kinesis=aws.kinesis,
            dynamodb=aws.dynamodb,
        )


@contextmanager
def _until_nobody_reads() -> Iterator[Callable[[float], bool]]:
    """Ctrl-C, and a reader of our output that has seen enough, are ordinary ends. Gives a pause that says when it is
    enough: an exception of Ctrl-C's own may be raised in a destructor, and go no further. The second one is one."""
    asked: list[int] = []

    def ask(number: int, _frame: object) -> None:
        asked.append(number)
        if len(asked) > 1:
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield partial(_pause, asked)
    except KeyboardInterrupt:
        return
    except BrokenPipeError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
    finally:
        signal.signal(signal.SIGINT, before)


def _pause(asked: Sequence[int], seconds: float) -> bool:
    """Ends early, and says so, where somebody has asked."""
    until_s = time.monotonic() + seconds
    while not asked and time.monotonic() < until_s:
        time.sleep(PAUSE_SLICE_S)
    return bool(asked)


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
