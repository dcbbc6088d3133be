"""Where a chain, or one of its links, began: what was known before it."""

from __future__ import annotations

from headrace_consumers.commitlog.log import CommitLog
from headrace_consumers.commitlog.model import Chain, Link
from headrace_consumers.commitlog.tip import Tip, inherited, read_tip, tip_before
from headrace_consumers.lake.objects import ObjectStore
from headrace_consumers.records import ROOT
from headrace_consumers.shards import StreamView


def chain_tip(log: CommitLog, store: ObjectStore, stream: StreamView, chain: Chain) -> Tip:
    """The chain's end; of a chain without links, what its shard starts with."""
    return read_tip(log, store, chain) or first_tip(log, store, stream, chain)


def link_origin(log: CommitLog, store: ObjectStore, stream: StreamView, link: Link) -> Tip:
    """The tip that `link` was written on."""
    if link.start == ROOT:
        return first_tip(log, store, stream, link.chain)
    return tip_before(log, store, link)


def first_tip(log: CommitLog, store: ObjectStore, stream: StreamView, chain: Chain) -> Tip:
    """The root, with what the ended chains of the shard's parents hand on."""
    shard = stream.shards().get(chain.shard_id)
    parents = [
        read_tip(log, store, Chain(chain.pipeline, chain.generation, chain.stream_created_ms, parent))
        for parent in (shard.parents if shard else ())
    ]
    return inherited([tip for tip in parents if tip is not None and tip.terminal])
