"""What the service has merged, by the log: every link up to its positions, and what of the log has expired."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from headrace_consumers.commitlog.model import Commit, Link, LinkKind
from headrace_consumers.errors import LogError
from headrace_consumers.records import ROOT
from headrace_consumers.windows_service.sources import Sources
from headrace_consumers.windows_service.watermarks import MINUS_INFINITY_US, ShardProgress

_WHAT_TO_DO = "Bring the log's items back from a backup, or declare the windows under other names"


@dataclass(slots=True)
class Merged:
    """Mutable while it is read. Commits of the stream by id, the retired among them."""

    sources: Sources
    generations: dict[str, int] = field(default_factory=dict)
    highest_us: dict[str, int] = field(default_factory=dict)
    """No event of the commit is of a later time."""
    ahead: set[str] = field(default_factory=set)
    """Those that stand in the log and are not merged yet."""
    expired: list[_Expired] = field(default_factory=list)

    @classmethod
    def read(cls, sources: Sources) -> Merged:
        """Walks the chains of all generations; no commit is read. Blocks on the network."""
        found = cls(sources)
        for generation, shards in sorted(sources.progress.items()):
            for shard_id, known in sorted(shards.items()):
                found._walk(generation, shard_id, known)
        return found

    def retired(self, commit: Commit) -> Iterator[Commit]:
        """Of those that this one retires, the merged ones, as they were committed. Raises LogError where one has
        expired."""
        batch = {one.attempt_id: one for one in self.sources.batch[: self.sources.batch_position]}
        for commit_id in commit.retires:
            if commit_id in batch:
                yield batch[commit_id]
            elif commit_id in self.generations:
                yield self.commit(commit_id)
            elif self.expired and commit_id not in self.ahead:
                yield self._without_links(commit, commit_id)

    def commit(self, commit_id: str) -> Commit:
        pipeline = self.sources.lineage.pipeline
        found = self.sources.log.commit(pipeline, self.generations[commit_id], commit_id)
        if found is None:
            raise LogError(f"pipeline {pipeline}: links name commit {commit_id}, which is missing. {_WHAT_TO_DO}")
        return found

    def reaching(self, low_us: int) -> list[str]:
        """Standing commits of the stream that may have an event at or after this time. Raises LogError where such
        ones have expired."""
        for one in self.expired:
            if one.highest_us >= low_us:
                raise LogError(
                    f"pipeline {self.sources.lineage.pipeline}: commits of shard {one.shard_id} (generation "
                    f"{one.generation}) before position {one.position} have expired from the log, and may be part of "
                    f"windows that batch commits have touched: these cannot be made anew. {_WHAT_TO_DO}"
                )
        retired = self.sources.gone.retired
        return [one for one, highest in self.highest_us.items() if highest >= low_us and one not in retired]

    def _walk(self, generation: int, shard_id: str, known: ShardProgress) -> None:
        chain = replace(self.sources.lineage, generation=generation).chain(shard_id)
        position = ROOT
        for link in self.sources.log.links_after(chain, ROOT):
            if link.start != position:
                self.expired.append(_Expired(generation, shard_id, link.start, _highest_us(link)))
            position = link.end
            if link.kind is LinkKind.DATA:
                self._take(link, is_merged=link.end <= known.position)
        if position < known.position:
            self.expired.append(_Expired(generation, shard_id, known.position, _highest_us(known)))

    def _take(self, link: Link, *, is_merged: bool) -> None:
        if not is_merged:
            self.ahead.add(link.attempt_id)
            return
        self.generations[link.attempt_id] = link.chain.generation
        if link.highest_event_time_us is not None:
            before = self.highest_us.get(link.attempt_id, MINUS_INFINITY_US)
            self.highest_us[link.attempt_id] = max(before, link.highest_event_time_us)

    def _without_links(self, by: Commit, commit_id: str) -> Commit:
        """Whether it was merged, nothing says; as if it was is right in any case."""
        log, pipeline = self.sources.log, self.sources.lineage.pipeline
        found = (log.commit(pipeline, generation, commit_id) for generation in self.sources.progress)
        known = next((one for one in found if one is not None), None)
        if known is None:
            raise LogError(
                f"batch commit {by.attempt_id} of pipeline {pipeline} retires commit {commit_id}, which has expired "
                f"from the log: the windows that it is part of cannot be made anew. {_WHAT_TO_DO}"
            )
        return known


@dataclass(frozen=True, slots=True)
class _Expired:
    """The beginning of a chain, or a stretch of it, that the log has no links of."""

    generation: int
    shard_id: str
    position: int
    """Where the chain goes on."""
    highest_us: int
    """No event of it is of a later time."""


def _highest_us(known: Link | ShardProgress) -> int:
    """A link says it of all that came before it, too."""
    highest = known.highest_event_time_us
    return MINUS_INFINITY_US if highest is None else highest
