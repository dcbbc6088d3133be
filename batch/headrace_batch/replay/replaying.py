"""What a replay is asked for, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from headrace_batch.place import Place
from headrace_batch.replay.reading import Stretch, commits_of
from headrace_batch.replay.sending import Positions
from headrace_batch.times import instant
from headrace_consumers.commitlog.standing import Standing
from headrace_producers.errors import SettingsError, TerminalError


class ReplayReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was sent, or would be."""

    pipeline: str
    into: str
    dry_run: bool
    commits: int
    """That may have such records."""
    records: int
    bytes: int
    complete: bool
    """False where it was stopped."""
    after: dict[str, str]
    """By shard, up to where all was sent."""

    def sentence(self) -> str:
        where = f"{self.pipeline} into {self.into}"
        if self.dry_run:
            return f"{where}: {self.commits} commits may have such records, at most {self.records:,}; nothing was sent"
        sent = f"{where}: {self.records:,} records, {self.bytes:,} bytes"
        return sent if self.complete else f"{sent}; stopped, go on with: {Positions(self.after).options()}"


def parse_stretch(from_: str, to: str, after: Sequence[str], *, with_repeats: bool) -> Stretch:
    """Of the command line. Raises SettingsError."""
    begin_ms, end_ms = _milliseconds("--from", from_), _milliseconds("--to", to)
    if begin_ms >= end_ms:
        raise SettingsError(f"--from {from_} is not before --to {to}: there is nothing between them")
    return Stretch(begin_ms, end_ms, dict(_position(one) for one in after), with_repeats)


def _milliseconds(option: str, text: str) -> int:
    return int(instant(option, text).timestamp() * 1000)


def _position(text: str) -> tuple[str, int]:
    shard, _, number = text.rpartition(":")
    if not shard or not number.isdecimal():
        raise SettingsError(f"--after {text!r} is no SHARD:SEQUENCE; a replay that stops prints them")
    return shard, int(number)


def require_another(place: Place, own: str, into: str) -> None:
    """A replay never goes where the pipeline reads: it would count everything twice. Raises SettingsError."""
    reads = own or place.pipeline.stream
    if into in {reads, place.pipeline.stream} or _arn(place, into) == _arn(place, reads):
        raise SettingsError(
            f"stream {into} is the one that pipeline {place.pipeline.name} reads: replay into another, or "
            "`headrace-batch rewind`, to have its own workers read once more"
        )


def _arn(place: Place, stream: str) -> str:
    try:
        found = place.aws.kinesis.describe_stream_summary(StreamName=stream)
    except place.aws.kinesis.exceptions.ResourceNotFoundException:
        raise TerminalError(f"stream {stream} is not in this account and region; create it, or name another") from None
    return found["StreamDescriptionSummary"]["StreamARN"]


def require_known(standing: Standing, stretch: Stretch) -> None:
    """Shards to go on from: a wrong name would send all of the right one once more. Raises SettingsError."""
    known = {link.chain.shard_id for links in standing.links.values() for link in links}
    for shard_id in stretch.after.keys() - known:
        raise SettingsError(
            f"--after {shard_id}: no commit has records of such a shard; a replay that stops prints them"
        )


def at_most(standing: Standing, stretch: Stretch) -> tuple[int, int]:
    """How many commits may have such records, and how many records they have."""
    commits = list(commits_of(standing, stretch))
    return len(commits), sum(link.counts.records for one in commits for link in standing.links[one])
