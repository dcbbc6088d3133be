"""The files of commits on their way into the warehouse: made visible where their writers did not come to it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from headrace_consumers.commitlog.batch import NO_GENERATION
from headrace_consumers.commitlog.following import Lineage
from headrace_consumers.commitlog.log import CommitLog
from headrace_consumers.commitlog.model import Commit
from headrace_consumers.errors import MissingFileError
from headrace_consumers.lake.objects import ObjectStore, PendingFile
from headrace_consumers.load.preflight import Look, is_lost, read_footer
from headrace_consumers.load.waiting import IsGone, LakeFile, TablePlace, lake_file

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Every call blocks on the log and the lake."""

    log: CommitLog
    store: ObjectStore
    lineage: Lineage
    places: Collection[TablePlace]
    pool: ThreadPoolExecutor | None = None

    def arrived(self, commits: Iterable[Commit], is_gone: IsGone) -> Mapping[str, Look]:
        """What the files say of themselves, by URL: one request each, which proves them too. Those that are gone, or
        are not as their commits wrote them, are told as lost: they hinder no other. Files that do not go into the
        warehouse are left to those who read them."""
        files = [found for commit in commits for found in self._files(commit) if not is_gone(found[0])]
        return dict(zip((file.url for file, _ in files), self._each(self._look, files), strict=True))

    def once_more(self, files: Sequence[LakeFile]) -> tuple[list[LakeFile], Mapping[str, Look]]:
        """As the log has them now, and what they say: `repair` may have made some again, of another size."""
        commits = self.commits({file.commit_id for file in files})
        known = {file.url: (file, pending) for commit in commits for file, pending in self._files(commit)}
        now = [known.get(file.url, (file, None)) for file in files]
        looks = self._each(self._look, now)
        return [file for file, _ in now], {file.url: look for (file, _), look in zip(now, looks, strict=True)}

    def commits(self, commit_ids: Collection[str]) -> list[Commit]:
        """Those that the log still has."""
        newest = self.log.generation(self.lineage.pipeline) if commit_ids else 0
        found = self._each(lambda commit_id: self._commit(commit_id, newest), sorted(commit_ids))
        return [commit for commit in found if commit is not None]

    def _commit(self, commit_id: str, newest: int) -> Commit | None:
        """Of any generation, or of batch."""
        generations = (*range(newest, 0, -1), NO_GENERATION)
        tried = (self.log.commit(self.lineage.pipeline, generation, commit_id) for generation in generations)
        return next((commit for commit in tried if commit is not None), None)

    def _files(self, commit: Commit) -> Iterator[tuple[LakeFile, PendingFile]]:
        for pending in commit.files:
            if TablePlace(pending.table, pending.bucket) in self.places:
                yield lake_file(commit, pending), pending

    def _look(self, arrived: tuple[LakeFile, PendingFile | None]) -> Look:
        """A file that is not there may be pending still: then it is made visible, and looked at again."""
        file, pending = arrived
        found = read_footer(self.store, file)
        if pending is None or not is_lost(found):
            return found
        try:
            self.store.complete(pending, file.commit_id)
        except MissingFileError:
            return found
        return read_footer(self.store, file)

    def _each(self, call: Callable[[T], R], items: Sequence[T]) -> list[R]:
        return list(self.pool.map(call, items) if self.pool else map(call, items))
