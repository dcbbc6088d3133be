"""Chains, links and commits as short as tests want them."""

from __future__ import annotations

import itertools

import msgspec

from headrace_consumers.commitlog.model import Chain, Commit, Counts, Link
from headrace_consumers.lake.objects import PendingFile

_pipelines = itertools.count()


def fresh_chain(shard_id: str = "shardId-000000000000") -> Chain:
    """Of a pipeline that no other test uses."""
    return Chain(f"pipeline_{next(_pipelines)}", 1, 1_700_000_000_000, shard_id)


def attempt_id(chain: Chain, attempt: str = "a") -> str:
    """Attempt ids are request tokens too, so no two tests share one."""
    return f"{chain.pipeline}-{attempt}"


def link(chain: Chain, start: int, end: int, attempt: str = "a", ordinal: int = 0) -> Link:
    return Link(
        chain=chain,
        start=start,
        end=end,
        end_sequence_number=str(end),
        attempt_id=attempt_id(chain, attempt),
        ordinal=ordinal,
        counts=Counts(records=end - start),
    )


def commit(chain: Chain, attempt: str = "a", etag: str = "e1") -> Commit:
    file = PendingFile("tides", "event_date=2026-01-01", "processed", f"tides/{attempt}", 1, 2, "00", "u1", (etag,))
    return Commit(
        attempt_id=attempt_id(chain, attempt),
        pipeline=chain.pipeline,
        generation=chain.generation,
        files=(file,),
        shards=(chain.shard_id,),
        contracts=("tide.measured.v1",),
        code_version="1",
        written_ms=7,
    )


def many_files(chain: Chain, attempt: str = "a", etag: str = "e1") -> Commit:
    """A commit that is larger than an item of DynamoDB may be."""
    one = commit(chain, attempt, etag)
    files = tuple(msgspec.structs.replace(one.files[0], key=f"tides/{attempt}/{number}") for number in range(4_000))
    return msgspec.structs.replace(one, files=files)
