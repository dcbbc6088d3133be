"""The first links of a generation: where each shard goes on after a rewind."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from msgspec.structs import replace

from headrace_batch.place import Place
from headrace_batch.rewind.planning import Cut
from headrace_consumers.commit.links import Stamp, terminal_link, with_stored_lanes
from headrace_consumers.commitlog.log import Fenced
from headrace_consumers.commitlog.model import Chain, Link, LinkKind, Rewind
from headrace_consumers.commitlog.tip import Tip
from headrace_consumers.errors import LogError
from headrace_consumers.records import ROOT


def write_forks(place: Place, rewind: Rewind, cuts: tuple[Cut, ...]) -> None:
    """In the rewind's generation. Safe to repeat: the links are the same to the byte, whoever writes them."""
    for cut in cuts:
        for link in _links(place, rewind, cut):
            place.log.register(link.chain)
            outcome = place.log.append(None, [with_stored_lanes(link, place.store)], rewind.owner)
            if isinstance(outcome, Fenced):
                raise LogError(f"shard {cut.shard_id}: generation {rewind.generation} has begun elsewhere already")


def _links(place: Place, rewind: Rewind, cut: Cut) -> Iterator[Link]:
    chain = Chain(rewind.pipeline, rewind.generation, place.stream_created_ms, cut.shard_id)
    tip = cut.tip or Tip()
    if tip.position != ROOT:
        yield _fork(chain, tip, _stamp(rewind, cut.shard_id, LinkKind.FORK))
        tip = Tip(tip.position, tip.sequence_number, tip.ordinal + 1, tip.lanes, tip.highest_event_time_us,
                  tip.arrival_ms)  # fmt: skip
    if cut.children is not None:
        yield terminal_link(chain, tip, cut.children, _stamp(rewind, cut.shard_id, LinkKind.TERMINAL))


def _fork(chain: Chain, tip: Tip, stamp: Stamp) -> Link:
    return replace(terminal_link(chain, tip, (), stamp), start=ROOT, kind=LinkKind.FORK)


def _stamp(rewind: Rewind, shard_id: str, kind: LinkKind) -> Stamp:
    """An attempt of its own for each link, and the same one when it is tried again."""
    digest = hashlib.sha256(f"{rewind.attempt_id} {shard_id} {kind}".encode()).hexdigest()
    return Stamp(rewind.attempt_id[:12] + digest[:16], rewind.sealed_ms, rewind.owner)
