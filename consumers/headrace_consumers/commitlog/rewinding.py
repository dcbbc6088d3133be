"""Chains and generations after a rewind: what still stands of older ones, and whether the newest is open."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from headrace_consumers.commitlog.log import CommitLog
from headrace_consumers.commitlog.model import Chain, Link, LinkKind, RewindState
from headrace_consumers.errors import RewindUnfinishedError


def newest_standing(log: CommitLog, chain: Chain) -> Iterator[Link]:
    """As `newest_links`, on through forks into the generations before, of which only what their rewinds kept is given.
    A fork is given too: behind it begins an older generation."""
    cut: int | None = None
    while True:
        fork = None
        for link in log.newest_links(chain):
            if link.kind is LinkKind.FORK:
                fork = link
            elif cut is None or link.start < cut:
                yield link
        if fork is None:
            return
        if cut is None or fork.end <= cut:
            yield fork
            cut = fork.end
        chain = replace(chain, generation=generation_before(log, chain.pipeline, chain.generation))


def generation_before(log: CommitLog, pipeline: str, generation: int) -> int:
    rewind = log.rewind(pipeline, generation)
    return rewind.previous if rewind else generation - 1


def open_generation(log: CommitLog, pipeline: str) -> int:
    """The pipeline's generation. Raises RewindUnfinishedError while its rewind has not settled where shards go on."""
    generation = log.generation(pipeline)
    rewind = log.rewind(pipeline, generation)
    if rewind is not None and rewind.state is not RewindState.OPEN:
        raise RewindUnfinishedError(
            f"pipeline {pipeline} is being rewound by {rewind.owner}; where that died, run `headrace-batch rewind` "
            "again: it ends what was begun"
        )
    return generation
