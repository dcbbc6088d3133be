"""`headrace-consumers adopt`: an operator accepts that records are lost; the log says so for ever."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from headrace_consumers.commit.attempts import new_attempt_id
from headrace_consumers.commit.links import Stamp, gap_link, terminal_link, with_stored_lanes
from headrace_consumers.commitlog.log import Fenced
from headrace_consumers.commitlog.model import Chain, Link
from headrace_consumers.commitlog.tip import Tip
from headrace_consumers.errors import FencedError
from headrace_consumers.operate.origin import chain_tip
from headrace_consumers.operate.view import PipelineView
from headrace_consumers.recovery import position_of
from headrace_producers.errors import SettingsError

OPERATOR = "operator"


@dataclass(frozen=True, slots=True, kw_only=True)
class Adoption:
    """A gap, or an end, that is to be written; `sentence` says what it means."""

    link: Link
    sentence: str


def plan_gap(view: PipelineView, shard_id: str, to: str, reason: str, now_ms: int) -> Adoption:
    """A gap from the chain's end to `to`, or to KCL's checkpoint where `to` is empty; SettingsError if none."""
    chain, tip = _open_tip(view, shard_id)
    wanted = to or _checkpoint(view, shard_id)
    if not wanted.isdecimal():
        raise SettingsError(f"shard {shard_id}: {wanted!r} is no sequence number; say where the gap ends with --to")
    end = position_of(wanted)
    if end <= tip.position:
        raise SettingsError(f"shard {shard_id}: the chain ends at {tip.position}, so there is no gap before {end}")
    link = gap_link(chain, tip, end, reason, Stamp(new_attempt_id(now_ms), now_ms, OPERATOR))
    sentence = f"shard {shard_id}: records after {tip.position} and up to {end} will never be read by this pipeline"
    return Adoption(link=link, sentence=sentence)


def plan_end(view: PipelineView, shard_id: str, reason: str, now_ms: int) -> Adoption:
    """The end of a chain whose shard will not be read any more, so that its children may start. SettingsError where
    the stream still takes records for the shard."""
    chain, tip = _open_tip(view, shard_id)
    shards = view.stream.shards()
    if shard_id in shards and not shards[shard_id].closed:
        raise SettingsError(f"shard {shard_id} is open: the stream still takes records for it, so it cannot be ended")
    children = tuple(sorted(shard.shard_id for shard in shards.values() if shard_id in shard.parents))
    stamp = Stamp(new_attempt_id(now_ms), now_ms, OPERATOR)
    link = msgspec.structs.replace(terminal_link(chain, tip, children, stamp), reason=reason)
    return Adoption(link=link, sentence=f"shard {shard_id}: nothing after {tip.position} will be read; it ends there")


def apply(view: PipelineView, adoption: Adoption) -> None:
    """Writes the link; FencedError where a worker committed meanwhile."""
    view.log.register(adoption.link.chain)
    outcome = view.log.append(None, [with_stored_lanes(adoption.link, view.store)], OPERATOR)
    if isinstance(outcome, Fenced):
        raise FencedError("a worker committed this shard meanwhile; nothing was written. Look at `status` again")


def _open_tip(view: PipelineView, shard_id: str) -> tuple[Chain, Tip]:
    place = view.place()
    chain = Chain(view.pipeline.name, place.generation, place.identity.created_ms, shard_id)
    if chain not in view.chains(place):
        raise SettingsError(f"no shard {shard_id} in the stream {place.identity.name} nor in the log")
    tip = chain_tip(view.log, view.store, view.stream, chain)
    if tip.terminal:
        raise SettingsError(f"shard {shard_id}: its chain has ended already")
    return chain, tip


def _checkpoint(view: PipelineView, shard_id: str) -> str:
    lease = view.leases(view.place()).get(shard_id)
    if lease is None:
        raise SettingsError(f"shard {shard_id} has no lease; say where the gap ends with --to SEQUENCE")
    return lease.checkpoint
