"""`headrace-consumers commits`: what was committed, as it is committed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from headrace_consumers.commitlog.model import Chain, Commit
from headrace_consumers.operate.view import PipelineView, newest_commits

POLL_INTERVAL_S = 1.0


def describe(commit: Commit) -> str:
    """One line of a commit."""
    at = datetime.fromtimestamp(commit.written_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    size = sum(file.bytes for file in commit.files)
    counts = commit.counts
    return (
        f"{at}  {commit.attempt_id}  {counts.rows} rows, {counts.dead_letters} dead letters, {counts.repeats} repeats, "
        f"{len(commit.files)} files, {size} bytes, {len(commit.shards)} shards"
    )


def follow_commits(view: PipelineView, *, limit: int, follow: bool, pause: Callable[[float], bool]) -> Iterator[Commit]:
    """The newest `limit` commits, oldest first; then, if asked, each new one as its links appear, until a pause
    says that it is enough.

    Follows every chain from its tip, also those of shards and generations that appear later: it never scans the table.
    """
    place = view.place()
    chains = view.chains(place)
    ends = {chain: _end(view, chain) for chain in chains}
    seen: set[str] = set()
    for commit in newest_commits(view, chains, limit):
        seen.add(commit.attempt_id)
        yield commit
    while follow:
        for chain in view.chains(view.place()):
            ends.setdefault(chain, 0)
        yield from _fresh(view, ends, seen)
        if pause(POLL_INTERVAL_S):
            return


def _end(view: PipelineView, chain: Chain) -> int:
    link = view.newest(chain)
    return link.end if link else 0


def _fresh(view: PipelineView, ends: dict[Chain, int], seen: set[str]) -> Iterator[Commit]:
    for chain, end in ends.items():
        for link in view.log.links_after(chain, end):
            ends[chain] = link.end
            commit = view.commit_of(link) if link.attempt_id not in seen else None
            if commit is not None:
                seen.add(commit.attempt_id)
                yield commit
