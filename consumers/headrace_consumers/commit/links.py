"""The links of one commit, made from what was staged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
from msgspec.structs import replace

from headrace_consumers.commit.segments import Segment
from headrace_consumers.commitlog.model import Chain, Counts, Link, LinkKind
from headrace_consumers.commitlog.tip import FULL_LANES_EVERY, Tip
from headrace_consumers.lake.objects import ObjectStore
from headrace_consumers.stages.staged import ShardOutcome, ShardStart

MAX_INLINE_LANE_BYTES = 32 * 1024


@dataclass(frozen=True, slots=True)
class Stamp:
    """Which attempt writes, when, and who."""

    attempt_id: str
    now_ms: int
    owner: str


def data_link(segment: Segment, outcome: ShardOutcome, end: ShardStart, stamp: Stamp) -> Link:
    """The link of a segment: lane changes, or all lanes where a full table is due."""
    full = segment.tip.ordinal % FULL_LANES_EVERY == 0
    return Link(
        chain=segment.chain,
        start=segment.tip.position,
        end=segment.last.position,
        end_sequence_number=segment.last.sequence_number,
        attempt_id=stamp.attempt_id,
        ordinal=segment.tip.ordinal,
        lanes=dict(end.lanes if full else outcome.lane_changes),
        lanes_full=full,
        highest_event_time_us=end.highest_event_time_us,
        counts=counts_of(outcome),
        arrival_ms=max(segment.last.approximate_arrival_timestamp, segment.tip.arrival_ms),
        written_ms=stamp.now_ms,
        owner=stamp.owner,
    )


def terminal_link(chain: Chain, tip: Tip, children: tuple[str, ...], stamp: Stamp) -> Link:
    """The chain's last word: final lanes, highest event time, and who goes on."""
    return replace(_at_tip(chain, tip, stamp), kind=LinkKind.TERMINAL, children=children)


def gap_link(chain: Chain, tip: Tip, end: int, reason: str, stamp: Stamp) -> Link:
    """Says that the records after the tip, up to `end`, are lost to this pipeline."""
    gap = replace(_at_tip(chain, tip, stamp), kind=LinkKind.GAP, reason=reason)
    return replace(gap, end=end, end_sequence_number=str(end), arrival_ms=stamp.now_ms)


def _at_tip(chain: Chain, tip: Tip, stamp: Stamp) -> Link:
    """A link without records, all that the tip knows in it."""
    return Link(
        chain=chain,
        start=tip.position,
        end=tip.position,
        end_sequence_number=tip.sequence_number,
        attempt_id=stamp.attempt_id,
        ordinal=tip.ordinal,
        lanes=dict(tip.lanes),
        lanes_full=True,
        highest_event_time_us=tip.highest_event_time_us,
        arrival_ms=tip.arrival_ms,
        written_ms=stamp.now_ms,
        owner=stamp.owner,
    )


def with_stored_lanes(link: Link, store: ObjectStore) -> Link:
    """The link, its lanes moved to an object where they would burden the transaction."""
    if len(body := msgspec.json.encode(link.lanes)) <= MAX_INLINE_LANE_BYTES:
        return link
    key = f"{link.chain.pipeline}/lanes/{link.attempt_id}-{link.chain.shard_id}.json"
    store.put_lanes(key, body)
    return msgspec.structs.replace(link, lanes={}, lanes_key=key)


def counts_of(outcome: ShardOutcome) -> Counts:
    return Counts(outcome.records, outcome.events, outcome.rows, outcome.dead_letters, outcome.repeats, outcome.late)


def total(counts: Mapping[str, Counts]) -> Counts:
    columns = zip(*(msgspec.structs.astuple(count) for count in counts.values()), strict=True)
    return Counts(*(sum(column) for column in columns))
