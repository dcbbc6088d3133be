"""A small stream whose contract grew wiser: levels below zero were dead letters once, and are rows now."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec

from headrace_batch.committing import Draft, commit, new_attempt, upload
from headrace_batch.place import Place
from headrace_consumers.commitlog.model import Commit, CommitKind, Erasure
from headrace_consumers.lake.encode import encode_rows
from headrace_consumers.pipeline import Grain, LakeTable, Pipeline
from headrace_consumers.records import KinesisRecord, ShardRecords
from headrace_consumers.stages import stage_batch
from headrace_consumers.stages.staged import ShardStart
from headrace_consumers.windows import Tumbling, count, total
from headrace_producers.contracts import contract
from headrace_producers.wire.envelope import encode_line

NOON = datetime(2023, 11, 14, 12, tzinfo=UTC)


@contract(name="tide.gauged", version=1, partition_key="station", event_time="measured_at")
class Strict(msgspec.Struct, frozen=True, kw_only=True):
    """The level of water at a station."""

    station: Annotated[str, msgspec.Meta(min_length=1)]
    measured_at: datetime
    level_mm: Annotated[int, msgspec.Meta(ge=0)]


@contract(name="tide.gauged", version=1, partition_key="station", event_time="measured_at")
class Wide(msgspec.Struct, frozen=True, kw_only=True):
    """The level of water at a station; below zero, too."""

    station: Annotated[str, msgspec.Meta(min_length=1)]
    measured_at: datetime
    level_mm: int


class Unbound(msgspec.Struct, frozen=True, kw_only=True):
    """What a source may say."""

    station: str
    measured_at: datetime
    level_mm: int


def tides(event: type[msgspec.Struct]) -> Pipeline:
    window = Tumbling(
        "hours", table="tides", size_s=3600, by=("station",), partition_by=Grain.DAY,
        aggregates={"readings": count(), "levels": total("level_mm")},
    )  # fmt: skip
    table = LakeTable("tides", event, Grain.DAY)
    return Pipeline(name="gauges", stream="gauges", tables=(table,), windows=(window,), allowed_lateness_s=3600)


def pack(first: int, readings: Sequence[tuple[str, int]]) -> bytes:
    """Readings of station and level, a minute apart; event ids are their numbers."""
    return b"".join(_line(number, *reading) for number, reading in enumerate(readings, first))


def _line(number: int, station: str, level: int) -> bytes:
    at = NOON + timedelta(minutes=number)
    said = Unbound(station=station, measured_at=at, level_mm=level)
    return encode_line(f"tide-{number}", "/tides", "tide.gauged.v1", at, said)


def redrive(place: Place, letters: Sequence[tuple[str, str, int]], line: bytes, of: Commit) -> Commit:
    """As the command does it: the mended events as rows at the letters' own positions, in one commit."""
    attempt_id = new_attempt(place)
    [(shard, number, index)] = letters
    record = KinesisRecord(b"{}\n" * index + line, "key", number, None, place.now_ms())
    staged = stage_batch(place.pipeline, [ShardRecords(shard, [record])], {shard: ShardStart()}, 1 << 20)
    files = upload(place, encode_rows(place.pipeline, staged, attempt_id), attempt_id)
    draft = Draft(attempt_id=attempt_id, kind=CommitKind.REDRIVE, files=files, letters_of=(of.attempt_id,))
    return commit(place, draft, place.chain.position(), lambda _: True)


def forget(place: Place, erasures: Sequence[Erasure]) -> Commit:
    """Only what others go by: which values may not come back."""
    draft = Draft(attempt_id=new_attempt(place), kind=CommitKind.FORGET, files=(), erases=tuple(erasures))
    return commit(place, draft, place.chain.position(), lambda _: True)
