"""What the loader takes out of the log: batch's chain first, to its end, then the stream's and the windows' chains of
every generation, as far as one load goes.

A file that batch has taken out of the lake is passed, whether it is met before or after: nobody needs one of a retired
commit, and who replaced one has its rows. So a file that is not there is judged only when the batch chain was read once
more.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from headrace_consumers.commitlog.batch import BatchChain, Gone, batch_chain
from headrace_consumers.commitlog.following import Lineage, follow
from headrace_consumers.commitlog.log import CommitLog
from headrace_consumers.commitlog.model import Chain, Commit
from headrace_consumers.load.arriving import Arrivals
from headrace_consumers.load.preflight import Look, is_lost
from headrace_consumers.load.waiting import ChainPosition, LakeFile, Waiting
from headrace_consumers.records import ROOT
from headrace_consumers.windows_service.chain import SHARD_ID as WINDOWS


@dataclass(slots=True)
class Intake:
    """Mutable. Every call blocks on the log and the lake, and raises LogError."""

    log: CommitLog
    lineage: Lineage
    arrivals: Arrivals
    waiting: Waiting
    progress: dict[Chain, ChainPosition]
    """How far the chains were followed; what waits is behind it."""
    is_full: Callable[[Waiting], bool]
    looks: dict[str, Look] = field(default_factory=dict)
    """What the files that wait say of themselves, by URL."""
    _gone: Gone = field(init=False)
    _batch: deque[Commit] = field(init=False, default_factory=deque)
    """Read, and not taken yet."""
    _sealed: set[int] = field(init=False, default_factory=set)
    """Generations that were followed to their end, after a rewind had ended them."""

    def __post_init__(self) -> None:
        chain = BatchChain(log=self.log, pipeline=self.lineage.pipeline, generation=self.lineage.generation, owner="")
        self._gone = Gone(chain, self._batch_position)

    @property
    def more(self) -> bool:
        """Batch commits wait that no load had room for."""
        return bool(self._batch)

    def is_gone(self, file: LakeFile) -> bool:
        """By batch commits that were read since this began; of those before, the ledger knows."""
        return self._gone.has(file.commit_id, file.bucket, file.key)

    @property
    def retired(self) -> Collection[str]:
        """The same, of whole commits."""
        return self._gone.retired

    def fill(self, now_s: float) -> int:
        """Takes as much as one load may have: how many commits."""
        if self.is_full(self.waiting):
            return 0
        self._catch_up()
        found = self._take_batch(now_s)
        if not self._batch and not self.is_full(self.waiting):
            found += self._take_stream(now_s)
        return len(found) + self._prove(found, now_s)

    def once_more(self, files: Sequence[LakeFile]) -> tuple[list[LakeFile], Mapping[str, Look]]:
        """Held files as they are by now, without those that are of the lake no more."""
        found, looks = self.arrivals.once_more(files)
        if any(map(is_lost, looks.values())):
            self._catch_up()
        return [file for file in found if not self.is_gone(file)], looks

    def clear(self) -> None:
        self.waiting.clear()
        self.looks = {}

    # --- batch

    @property
    def _batch_position(self) -> int:
        where = self.progress.get(batch_chain(self.lineage.pipeline))
        return where.position if where else ROOT

    def _catch_up(self) -> None:
        """What waits and is gone by now waits no more."""
        found = self._gone.catch_up()
        self._batch += found
        if found:
            self.waiting.drop(self.is_gone)

    def _take_batch(self, now_s: float) -> list[Commit]:
        taken: list[Commit] = []
        while self._batch and not self.is_full(self.waiting):
            commit = self._batch.popleft()
            self.waiting.add_batch(commit, self._batch_position + 1, now_s, self.is_gone)
            self.progress |= self.waiting.positions
            taken.append(commit)
        return taken

    # --- the stream

    def _take_stream(self, now_s: float) -> list[Commit]:
        taken: list[Commit] = []
        newest = self.log.generation(self.lineage.pipeline)
        for generation in range(1, newest + 1):
            if generation in self._sealed:
                continue
            if not self._follow(replace(self.lineage, generation=generation), now_s, taken):
                break
            if generation < newest:
                self._sealed.add(generation)
        return taken

    def _follow(self, lineage: Lineage, now_s: float, taken: list[Commit]) -> bool:
        """Whether it came to the end of the generation's chains."""
        chains = self.log.chains(lineage.pipeline, lineage.generation, lineage.stream_created_ms)
        shard_ids = sorted({chain.shard_id for chain in chains} | {WINDOWS})
        progress = {chain.shard_id: where for chain, where in self.progress.items() if lineage == _lineage_of(chain)}
        for advance in follow(self.log, lineage, progress, shard_ids):
            self.waiting.add([advance], now_s, self.is_gone)
            taken += [advance.commit] if advance.commit else []
            if self.is_full(self.waiting):
                break
        self.progress |= self.waiting.positions
        return not self.is_full(self.waiting)

    # --- files

    def _prove(self, found: Sequence[Commit], now_s: float) -> int:
        """Looks at all files. Where one is gone, batch may have taken it out by now: how many more commits that
        brought."""
        fresh = self.arrivals.arrived(found, self.is_gone)
        self.looks |= fresh
        if not any(map(is_lost, fresh.values())):
            return 0
        self._catch_up()
        more = self._take_batch(now_s)
        return len(more) + (self._prove(more, now_s) if more else 0)


def _lineage_of(chain: Chain) -> Lineage:
    return Lineage(chain.pipeline, chain.generation, chain.stream_created_ms)
