"""`headrace-batch replay MODULE:PIPELINE`."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated

import msgspec
from cyclopts import Parameter

from headrace_batch.place import LAKE, LOG, Flag, Lake, Log, opened
from headrace_batch.replay.reading import read_records
from headrace_batch.replay.replaying import ReplayReport, at_most, parse_stretch, require_another, require_known
from headrace_batch.replay.sending import Positions, Sender
from headrace_producers.boto import BotoKinesis
from headrace_producers.errors import HeadraceError, SettingsError

TELL_INTERVAL_S = 10.0


def replay(
    pipeline: str,
    /,
    *,
    from_: Annotated[str, Parameter(name="--from")],
    to: str,
    into: str,
    rate: float = 1_000.0,
    after: Sequence[str] = (),
    with_repeats: Flag = False,
    dry_run: Flag = False,
    stream: str = "",
    lake: Lake = LAKE,
    log: Log = LOG,
    json: Flag = False,
) -> int:
    """Send records of the raw zone into another stream, in each shard's order; never into the pipeline's own.

    Partition keys stay as they were. So a consumer of Headrace drops what it has had of a lane within its horizon
    (1 h): replaying twice doubles nothing for it, and going back further than a replay before sends in vain until then.
    A call without an answer is made again: another consumer may get records twice.

    Parameters
    ----------
    pipeline
        MODULE:PIPELINE, such as my_team.pipelines:flights; the working directory is importable.
    from_
        An ISO 8601 time: records that arrived from then on.
    to
        And before then.
    into
        The stream that takes them.
    rate
        Records a second, at most.
    after
        SHARD:SEQUENCE, as a replay that was stopped prints them: goes on behind that record.
    with_repeats
        Also what the pipeline dropped, for a producer had sent it twice.
    dry_run
        Show how much it is, and send nothing.
    stream
        The pipeline reads this stream instead of its own.
    json
        Print one JSON document.
    """
    if rate <= 0:
        raise SettingsError("--rate must be above 0")
    stretch = parse_stretch(from_, to, after, with_repeats=with_repeats)
    with opened(pipeline, stream, lake, log, "replay") as place, _until_ctrl_c() as stopped:
        require_another(place, stream, into)
        standing = place.standing()
        require_known(standing, stretch)
        commits, records = at_most(standing, stretch)
        done = Positions(records=records)
        if not dry_run:
            sender = Sender(
                client=BotoKinesis(place.aws.kinesis), stream=into, rate=rate, now_s=time.monotonic, pause=time.sleep,
                stopped=stopped, tell=_teller(records),
                first_hashes={one.shard_id: one.first_hash for one in place.stream.shards().values()},
            )  # fmt: skip
            try:
                done = sender.send(read_records(place.store, standing, stretch))
            except HeadraceError:
                sys.stderr.write(f"go on with: {sender.done.options()}\n")
                raise
    report = ReplayReport(
        pipeline=place.pipeline.name, into=into, dry_run=dry_run, commits=commits, records=done.records,
        bytes=done.bytes, complete=done.complete, after=done.by_shard,
    )  # fmt: skip
    sys.stdout.write(f"{msgspec.json.encode(report).decode() if json else report.sentence()}\n")
    return 0 if done.complete or dry_run else 1


def _teller(records: int) -> Callable[[Positions], None]:
    told_s = time.monotonic()

    def tell(done: Positions) -> None:
        nonlocal told_s
        if time.monotonic() - told_s >= TELL_INTERVAL_S:
            told_s = time.monotonic()
            sys.stderr.write(f"{done.records:,} of at most {records:,} records are sent\n")

    return tell


@contextmanager
def _until_ctrl_c() -> Iterator[Callable[[], bool]]:
    """Whether somebody has asked to stop: what is on its way is settled first. The second time ends it at once."""
    asked: list[int] = []

    def ask(number: int, _frame: object) -> None:
        asked.append(number)
        if len(asked) > 1:
            raise KeyboardInterrupt

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(asked)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
