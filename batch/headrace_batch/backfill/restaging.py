"""Raw files through the consumers' own stages once more. Pure: bytes and tables in, files out; knows no Spark, no S3.

Each commit of the stream is staged by itself, from what its shards' chains knew where it began: so repeats and
lateness come out as they did live, whatever else is staged beside it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from headrace_batch.backfill.leaving_out import LeftOut, without
from headrace_consumers.commitlog.model import Counts
from headrace_consumers.errors import LogError
from headrace_consumers.lake.encode import RAW_SHARDS, RawSpan, arrival_day, encode_letters, encode_rows
from headrace_consumers.lake.objects import EncodedFile
from headrace_consumers.pipeline import Pipeline
from headrace_consumers.records import KinesisRecord, ShardRecords
from headrace_consumers.stages import concat_staged, stage_batch
from headrace_consumers.stages.staged import ShardStart, StagedBatch


@dataclass(frozen=True, slots=True)
class RawCommit:
    """The records of one commit of the stream, as they came."""

    pieces: Sequence[ShardRecords]
    starts: Mapping[str, ShardStart]
    """Where each of its shards began."""


@dataclass(frozen=True, slots=True)
class Restaged:
    """What several commits come to now."""

    parts: Sequence[StagedBatch]
    """One of each commit, their raw records left out."""

    @property
    def counts(self) -> Counts:
        outcomes = [outcome for part in self.parts for outcome in part.shards.values()]
        rows = sum(part.rows for part in self.parts)
        dead_letters = sum(part.dead_letters.num_rows for part in self.parts)
        return Counts(
            records=sum(outcome.records for outcome in outcomes),
            events=rows + dead_letters,
            rows=rows,
            dead_letters=dead_letters,
            repeats=sum(outcome.repeats for outcome in outcomes),
            late=sum(part.late_letters.num_rows for part in self.parts),
        )


def read_raw(body: bytes, where: str) -> RawCommit:
    """A raw file. LogError where its footer does not say where its shards began."""
    table = pq.read_table(pa.BufferReader(body), use_threads=False)
    said = (table.schema.metadata or {}).get(RAW_SHARDS.encode())
    if said is None:
        raise LogError(f"{where} has no {RAW_SHARDS} in its footer, so it is no raw file that Headrace wrote")
    spans = msgspec.json.decode(said, type=dict[str, RawSpan])
    starts = {shard_id: ShardStart(span.lanes, span.highest_event_time_us) for shard_id, span in spans.items()}
    shard_ids = table["shard_id"].to_pylist()
    records = zip(shard_ids, _records(table), strict=True)
    runs = itertools.groupby(records, key=lambda found: found[0])
    return RawCommit([ShardRecords(shard_id, [record for _, record in run]) for shard_id, run in runs], starts)


def _records(table: pa.Table) -> Iterator[KinesisRecord]:
    arrivals_ms = pc.divide(table["arrival_time"].cast(pa.int64()), 1000)
    names = ("data", "partition_key", "sequence_number", "sub_sequence_number")
    columns = [table[name].to_pylist() for name in names]
    return map(KinesisRecord, *columns, arrivals_ms.to_pylist())


def restage(
    pipeline: Pipeline, commits: Iterator[RawCommit], left_out: LeftOut, max_unpacked_bytes: int
) -> Restaged:  # fmt: skip
    """All stages over each of the commits; they are taken one at a time, and no raw record is held longer."""
    return Restaged([_staged(pipeline, commit, left_out, max_unpacked_bytes) for commit in commits])


def _staged(pipeline: Pipeline, commit: RawCommit, left_out: LeftOut, max_unpacked_bytes: int) -> StagedBatch:
    staged = stage_batch(pipeline, commit.pieces, commit.starts, max_unpacked_bytes)
    return without(left_out, replace(staged, raw=staged.raw.schema.empty_table()))


def encode(pipeline: Pipeline, restaged: Restaged, attempt_id: str) -> Iterator[EncodedFile]:
    """The files of one batch commit, one at a time. Letters keep the folder that their own commit gave them."""
    whole = restaged.parts[0]
    for part in restaged.parts[1:]:
        whole = concat_staged(whole, part)
    yield from encode_rows(pipeline, whole, attempt_id)
    none_dead, none_late = (table.schema.empty_table() for table in (whole.dead_letters, whole.late_letters))
    for letters in _by_day([part.dead_letters for part in restaged.parts]):
        yield from encode_letters(pipeline, letters, none_late, attempt_id)
    for letters in _by_day([part.late_letters for part in restaged.parts]):
        yield from encode_letters(pipeline, none_dead, letters, attempt_id)


def _by_day(tables: Sequence[pa.Table]) -> Iterator[pa.Table]:
    filled = sorted((table for table in tables if table.num_rows), key=arrival_day)
    for _, same in itertools.groupby(filled, key=arrival_day):
        yield pa.concat_tables(list(same))
