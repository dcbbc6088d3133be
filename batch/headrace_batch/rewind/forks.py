"""The first links of a generation: where each shard goes on after a rewind."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace

import msgspec

from headrace_batch.place import Place
from headrace_batch.rewind.planning import Cut
from headrace_consumers.commit.links import Stamp, terminal_link, with_stored_lanes
from headrace_consumers.commitlog.log import Fenced
from headrace_consumers.commitlog.model import Chain, Link, LinkKind, Rewind
from headrace_consumers.commitlog.tip import Tip
from headrace_consumers.errors import LogError
from headrace_consumers.records import ROOT


def write_forks(place: Place, rewind: Rewind, cuts: tuple[Cut, ...]) -> None:
    """In the rewind's generation. Safe to repeat: each link has the same attempt id, whoever writes it."""
    for cut in cuts:
        for link in _links(place, rewind, cut):
            place.log.register(link.chain)
            standing = place.log.link_at(link.chain, link.start)
            if standing is None:
                outcome = place.log.append(None, [with_stored_lanes(link, place.store)], rewind.owner)
                standing = outcome.standing[cut.shard_id] if isinstance(outcome, Fenced) else link
            if standing.attempt_id != link.attempt_id:
                raise LogError(f"shard {cut.shard_id}: generation {rewind.generation} has begun elsewhere already")


def _links(place: Place, rewind: Rewind, cut: Cut) -> Iterator[Link]:
    chain = Chain(rewind.pipeline, rewind.generation, place.stream_created_ms, cut.shard_id)
    tip = cut.tip or Tip()
    if tip.position != ROOT:
        tip = replace(tip, arrival_ms=max(tip.arrival_ms, cut.known_ms))
        yield _fork(chain, tip, _stamp(rewind, cut.shard_id, LinkKind.FORK))
        tip = replace(tip, ordinal=tip.ordinal + 1, attempt_id="")
    if cut.children is not None:
        yield terminal_link(chain, tip, cut.children, _stamp(rewind, cut.shard_id, LinkKind.TERMINAL))


def _fork(chain: Chain, tip: Tip, stamp: Stamp) -> Link:
    return msgspec.structs.replace(terminal_link(chain, tip, (), stamp), start=ROOT, kind=LinkKind.FORK)


def _stamp(rewind: Rewind, shard_id: str, kind: LinkKind) -> Stamp:
    """An attempt of its own for each link, and the same one when it is tried again."""
    digest = hashlib.sha256(f"{rewind.attempt_id} {shard_id} {kind}".encode()).hexdigest()
    return Stamp(rewind.attempt_id[:12] + digest[:16], rewind.sealed_ms, rewind.owner)
