"""Where partials come from, and how far each source is merged: the stream's chains of all generations, and batch."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from itertools import chain, islice

from msgspec.structs import replace as replaced

from headrace_consumers.commitlog.batch import BatchChain, Gone
from headrace_consumers.commitlog.following import Advance, Lineage, follow
from headrace_consumers.commitlog.log import CommitLog
from headrace_consumers.commitlog.model import Commit
from headrace_consumers.windows_service.manifest import Manifest
from headrace_consumers.windows_service.watermarks import ShardProgress


@dataclass(slots=True, kw_only=True)
class Sources:
    """Mutable. A commit that batch has retired is passed without its files, met before or after it was."""

    log: CommitLog
    lineage: Lineage
    progress: dict[int, dict[str, ShardProgress]]
    """By generation, and shard."""
    batch_position: int
    """What stands in the batch chain up to here is merged."""
    gone: Gone
    batch: list[Commit] = field(default_factory=list)
    """The batch chain, as far as it was read."""
    _at_end: set[int] = field(default_factory=set)
    """Generations before ours that are merged to their end: nobody can commit in them."""

    @classmethod
    def of(cls, log: CommitLog, lineage: Lineage, owner: str, manifest: Manifest) -> Sources:
        """As the manifest has it; nothing is read yet."""
        batch = BatchChain(log=log, pipeline=lineage.pipeline, generation=lineage.generation, owner=owner)
        progress = {generation: dict(shards) for generation, shards in manifest.progress.items()}
        return cls(
            log=log, lineage=lineage, progress={lineage.generation: {}} | progress,
            batch_position=manifest.batch_position, gone=Gone(batch),
        )  # fmt: skip

    @property
    def shards(self) -> dict[str, ShardProgress]:
        """Of our generation: only its watermarks count."""
        return self.progress[self.lineage.generation]

    @property
    def fresh(self) -> list[Commit]:
        """Batch commits that were read and are not merged."""
        return self.batch[self.batch_position :]

    def read_batch(self) -> bool:
        """Reads the batch chain to its end; whether there was something new. Blocks on the network."""
        found = self.gone.catch_up()
        self.batch += found
        return bool(found)

    def begin_anew(self, manifest: Manifest) -> Sources:
        """From the manifest; what was read of the batch chain stays read."""
        again = Sources.of(self.log, self.lineage, self.gone.chain.owner, manifest)
        again.gone, again.batch = self.gone, self.batch
        return again

    def follow(self, listed: Collection[str], limit: int) -> list[Advance]:
        """What engines have committed since, older generations first; moves the positions. Blocks on the network."""
        for known in self._registered(self.lineage):
            self.shards.setdefault(known, ShardProgress())
        every = (self._of(generation, listed) for generation in range(1, self.lineage.generation + 1))
        advances = list(islice(chain.from_iterable(every), limit))
        for link in (link for advance in advances for link in advance.links):
            shards = self.progress.setdefault(link.chain.generation, {})
            shards[link.chain.shard_id] = shards.get(link.chain.shard_id, ShardProgress()).after(link)
        return advances

    def standing(self, commit: Commit) -> Commit:
        """The commit with the files that are still of the lake."""
        files = (file for file in commit.files if not self.gone.has(commit.attempt_id, file.bucket, file.key))
        return replaced(commit, files=tuple(files))

    def is_retired(self, commit: Commit) -> bool:
        return commit.attempt_id in self.gone.retired

    def _of(self, generation: int, listed: Collection[str]) -> Iterator[Advance]:
        if generation in self._at_end:
            return
        lineage = replace(self.lineage, generation=generation)
        ours = generation == self.lineage.generation
        progress = self.progress.get(generation, {})
        shard_ids = {*progress, *listed} if ours else {*progress, *listed, *self._registered(lineage)}
        yield from follow(self.log, lineage, progress, sorted(shard_ids))
        if not ours:
            self._at_end.add(generation)

    def _registered(self, lineage: Lineage) -> set[str]:
        chains = self.log.chains(lineage.pipeline, lineage.generation, lineage.stream_created_ms)
        return {one.shard_id for one in chains}
