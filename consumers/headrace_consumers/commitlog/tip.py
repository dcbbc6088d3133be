"""What a shard's chain knows at its end: where the next link begins, and with which lanes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import msgspec

from headrace_consumers.commitlog.log import CommitLog
from headrace_consumers.commitlog.model import Chain, Link, LinkKind
from headrace_consumers.lake.objects import ObjectStore
from headrace_consumers.lanes import Lanes, LaneState, ShardStart
from headrace_consumers.records import ROOT

FULL_LANES_EVERY = 100
_lanes_decoder = msgspec.json.Decoder(dict[str, LaneState])


@dataclass(frozen=True, slots=True)
class Tip:
    """The end of a chain; the root where no link stands."""

    position: int = ROOT
    sequence_number: str = ""
    """KCL's own text of `position`; empty at the root and after a gap, where there is nothing to checkpoint."""
    ordinal: int = 0
    """How many links stand."""
    lanes: Lanes = field(default_factory=dict)
    highest_event_time_us: int | None = None
    arrival_ms: int = 0
    terminal: bool = False
    attempt_id: str = ""
    """The newest data commit; its files may still be pending."""

    @property
    def start(self) -> ShardStart:
        return ShardStart(lanes=self.lanes, highest_event_time_us=self.highest_event_time_us)

    def after(self, link: Link, lanes: Lanes) -> Tip:
        """The tip once `link` stands; `lanes` are the chain's lanes with the link's changes merged in."""
        return Tip(
            position=link.end,
            sequence_number="" if link.kind is LinkKind.GAP else link.end_sequence_number,
            ordinal=link.ordinal + 1,
            lanes=lanes,
            highest_event_time_us=link.highest_event_time_us,
            arrival_ms=link.arrival_ms,
            terminal=link.kind is LinkKind.TERMINAL,
            attempt_id=link.attempt_id if link.kind is LinkKind.DATA else self.attempt_id,
        )


def read_tip(log: CommitLog, store: ObjectStore, chain: Chain) -> Tip | None:
    """The chain's tip by consistent reads, lanes rebuilt from the last full table on; None where no link stands."""
    return replay(log.newest_links(chain), store)


def tip_before(log: CommitLog, store: ObjectStore, link: Link) -> Tip:
    """What the chain knew where `link` begins: the tip that it was written on. Reads back to it from the end."""
    older = (found for found in log.newest_links(link.chain) if found.start < link.start)
    return replay(older, store) or Tip()


def replay(newest_first: Iterator[Link], store: ObjectStore) -> Tip | None:
    """The tip that these links of one chain lead to, read back as far as the last full table; None of no link."""
    tip: Tip | None = None
    lanes: dict[str, LaneState] = {}
    for link in reversed(list(_until_full(newest_first))):
        lanes.update(lanes_of(link, store))
        tip = (tip or Tip()).after(link, dict(lanes))
    return tip


def _until_full(newest_first: Iterator[Link]) -> Iterator[Link]:
    for link in newest_first:
        yield link
        if link.lanes_full:
            return


def lanes_of(link: Link, store: ObjectStore) -> Mapping[str, LaneState]:
    return _lanes_decoder.decode(store.get_lanes(link.lanes_key)) if link.lanes_key else link.lanes


def inherited(parents: list[Tip]) -> Tip:
    """What a child shard starts from: per lane the maximum over its parents, the minimum of their event times."""
    lanes: dict[str, LaneState] = {}
    for parent in parents:
        for name, state in parent.lanes.items():
            if name not in lanes or lanes[name].number < state.number:
                lanes[name] = state
    times = [parent.highest_event_time_us for parent in parents]
    known = [time for time in times if time is not None]
    return Tip(lanes=lanes, highest_event_time_us=min(known) if known and len(known) == len(times) else None)
