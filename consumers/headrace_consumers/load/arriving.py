"""The files of commits on their way into the warehouse: made visible where their writers did not come to it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from msgspec.structs import replace

from headrace_consumers.commit.completing import complete_pending
from headrace_consumers.commitlog.following import Lineage
from headrace_consumers.commitlog.log import CommitLog
from headrace_consumers.commitlog.model import Commit
from headrace_consumers.errors import MissingFileError
from headrace_consumers.lake.objects import ObjectStore
from headrace_consumers.load.waiting import LakeFile, TablePlace

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

    def complete(self, commits: Iterable[Commit]) -> frozenset[str]:
        """The URLs of those files that are gone, or are not as their commits wrote them: they hinder no other. Files
        that do not go into the warehouse are left to those who read them: to look at each costs a request."""
        files = [
            replace(commit, files=(file,))
            for commit in commits
            for file in commit.files
            if TablePlace(file.table, file.bucket) in self.places
        ]
        return frozenset(url for url in self._each(self._complete_one, files) if url)

    def once_more(self, files: Sequence[LakeFile]) -> tuple[list[LakeFile], frozenset[str]]:
        """As the log has them now, and which are still lost: `repair` may have made some again, of another size."""
        wanted = {file.url for file in files}
        commits = self._commits(sorted({file.commit_id for file in files}))
        named = [
            replace(commit, files=tuple(file for file in commit.files if f"s3://{file.bucket}/{file.key}" in wanted))
            for commit in commits.values()
        ]
        sizes = {f"s3://{file.bucket}/{file.key}": file.bytes for commit in named for file in commit.files}
        return [file.sized(sizes.get(file.url, file.bytes)) for file in files], self.complete(named)

    def _commits(self, commit_ids: Sequence[str]) -> Mapping[str, Commit]:
        """Those of this generation that the log still has."""
        found = self._each(
            lambda commit_id: self.log.commit(self.lineage.pipeline, self.lineage.generation, commit_id), commit_ids
        )
        return {commit.attempt_id: commit for commit in found if commit is not None}

    def _complete_one(self, commit: Commit) -> str:
        """Of a commit with one file: its URL, where it is lost."""
        try:
            complete_pending(self.store, commit)
        except MissingFileError:
            [file] = commit.files
            return f"s3://{file.bucket}/{file.key}"
        return ""

    def _each(self, call: Callable[[T], R], items: Sequence[T]) -> list[R]:
        return list(self.pool.map(call, items) if self.pool else map(call, items))
