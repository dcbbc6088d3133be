"""Making the files of a commit once more from the stream: the same stages, the same lanes, the same attempt id."""

from __future__ import annotations

import sys

import msgspec

from headrace_consumers.commit.links import counts_of
from headrace_consumers.commit.segments import Segment
from headrace_consumers.commit.staging import StagedSegments, stage_segments
from headrace_consumers.commitlog.model import Chain, Commit, Counts, Link
from headrace_consumers.commitlog.tip import Tip
from headrace_consumers.errors import RepairError
from headrace_consumers.lake.encode import encode_files
from headrace_consumers.lake.objects import EncodedFile
from headrace_consumers.operate.origin import link_origin
from headrace_consumers.operate.rereading import RecordReader, Stretch
from headrace_consumers.operate.view import PipelineView
from headrace_consumers.records import ROOT, KinesisRecord
from headrace_consumers.settings import BatchSettings

KPL_MAGIC = b"\xf3\x89\x9a\xc2"


def remake_files(
    view: PipelineView, reader: RecordReader, commit: Commit, max_unpacked_bytes: int
) -> list[EncodedFile]:  # fmt: skip
    """All files of the commit, nothing written. RepairError where they would not say what the commit said."""
    if unknown := set(commit.contracts) - view.pipeline.tables_by_type.keys():
        raise RepairError(f"commit {commit.attempt_id}: the pipeline does not declare {sorted(unknown)} any more")
    created_ms = view.place().identity.created_ms
    chains = [Chain(commit.pipeline, commit.generation, created_ms, shard_id) for shard_id in commit.shards]
    links = [_link(view, chain, commit.attempt_id) for chain in chains]
    segments = [_segment(view, reader, link) for link in links]
    whole = BatchSettings(
        max_batch_rows=sys.maxsize, max_batch_partitions=sys.maxsize, max_unpacked_bytes=max_unpacked_bytes
    )  # fmt: skip
    staged = stage_segments(view.pipeline, segments, whole)
    for link in links:
        _require_counts(link, staged)
    spans = {link.chain.shard_id: (link.start, link.end) for link in links}
    return encode_files(view.pipeline, staged.staged, commit.attempt_id, staged.starts, spans)


def _link(view: PipelineView, chain: Chain, attempt_id: str) -> Link:
    for link in view.log.newest_links(chain):
        if link.attempt_id == attempt_id:
            return link
    raise RepairError(
        f"commit {attempt_id}: no link of it stands on shard {chain.shard_id} of the stream as it is now; "
        "the link has expired, or the stream was created anew"
    )


def _segment(view: PipelineView, reader: RecordReader, link: Link) -> Segment:
    origin = link_origin(view.log, view.store, view.stream, link)
    records = reader.read(_stretch(view, link, origin))
    _require_records(link, records)
    return Segment(link.chain, origin, link.start, records)


def _stretch(view: PipelineView, link: Link, origin: Tip) -> Stretch:
    """The first link of a chain begins where the pipeline did, which its first worker wrote down."""
    if link.start != ROOT:
        return Stretch(link.chain.shard_id, link.start, link.end, origin.sequence_number)
    beginning = view.log.start_position(link.chain.pipeline, "TRIM_HORIZON", link.chain.generation)
    return Stretch(link.chain.shard_id, link.start, link.end, beginning=beginning)


def _require_records(link: Link, records: list[KinesisRecord]) -> None:
    where = f"commit {link.attempt_id}, shard {link.chain.shard_id}"
    if any(record.data.startswith(KPL_MAGIC) for record in records):
        raise RepairError(f"{where}: its records are aggregates of the KPL, which repair does not take apart")
    if len(records) != link.counts.records or not records or records[-1].position != link.end:
        raise RepairError(
            f"{where}: the stream has {len(records)} of its {link.counts.records} records; "
            "what is older than the stream's retention cannot be read again"
        )


def _require_counts(link: Link, staged: StagedSegments) -> None:
    found = counts_of(staged.staged.shards[link.chain.shard_id])
    if found != link.counts:
        raise RepairError(
            f"commit {link.attempt_id}, shard {link.chain.shard_id}: its records give {_said(found)} now, where the "
            f"log says {_said(link.counts)}; run the version and the declaration that wrote it"
        )


def _said(counts: Counts) -> str:
    return ", ".join(f"{value} {name}" for name, value in msgspec.structs.asdict(counts).items())
