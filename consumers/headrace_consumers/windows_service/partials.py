"""Reading partials: of commits that are to be merged, and once more those of all that was."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import msgspec
import pyarrow as pa

from headrace_consumers.commit.completing import complete_pending
from headrace_consumers.commitlog.model import Commit, CommitKind
from headrace_consumers.errors import MissingFileError
from headrace_consumers.lake.objects import ObjectStore, PendingFile
from headrace_consumers.windows import Window
from headrace_consumers.windows.layout import partial_schema
from headrace_consumers.windows.merging import merged
from headrace_consumers.windows_service.folders import Stretches, partial_files, stretches_of
from headrace_consumers.windows_service.ledger import Merged
from headrace_consumers.windows_service.pairs import WITHIN, matches
from headrace_consumers.windows_service.sources import Sources
from headrace_consumers.windows_service.spans import times
from headrace_consumers.windows_service.tables import decoded
from headrace_producers.contracts import Contract

T = TypeVar("T")
R = TypeVar("R")
FILES_AT_ONCE = 64
"""In memory beside what they are merged to."""
_COMMITS = b"headrace.commits"
"""In a rewritten file: the commits that its rows came with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartialsReader:
    """Every call blocks on the network, and raises MissingFileError where batch may have come in between."""

    store: ObjectStore
    pool: ThreadPoolExecutor | None = None
    """Reads files side by side; one after the other without it."""

    def complete(self, commits: Iterable[Commit]) -> None:
        """Makes visible what their writers left pending."""
        complete_pending(self.store, *commits, pool=self.pool)

    def brought(self, sources: Sources, commits: Sequence[Commit], window: Window, contract: Contract) -> pa.Table:
        """The partials that these commits brought, merged. A file that was rewritten since is read as it is now; where
        none has its rows, all of them were forgotten. What was rewritten itself brings none."""
        files = [file for commit in commits for file in self._brought(sources, commit, window)]
        return self._merged(files, window, contract, lambda rows: rows)

    def within(
        self, sources: Sources, known: Merged, touched: pa.Table, window: Window, contract: Contract
    ) -> pa.Table:
        """What stands of all that was merged, within these panes or sessions of the same keys, merged."""
        low_us = int(times(touched, "start_us").min())
        stretches = Stretches.of(times(touched, "start_us"), times(touched, "end_us"))
        standing = self.each(known.commit, known.reaching(low_us))
        standing += [one for one in sources.batch[: sources.batch_position] if not sources.is_retired(one)]
        near = [one for one in standing if _may_meet(window, one, stretches)]
        files = [file for one in near for file in partial_files(window, one.pipeline, sources.standing(one).files)]
        files = [file for file in files if not file.rewritten] + self._rewritten(sources, known, window)
        schema = partial_schema(window, contract).names
        return self._merged(
            files, window, contract,
            lambda rows: rows.filter(pa.array(matches(rows.select(schema), touched, window.by, WITHIN))),
        )  # fmt: skip

    def each(self, call: Callable[[T], R], items: Iterable[T]) -> list[R]:
        return list(self.pool.map(call, items) if self.pool else map(call, items))

    def _brought(self, sources: Sources, commit: Commit, window: Window) -> Iterator[PendingFile]:
        for file in partial_files(window, commit.pipeline, commit.files):
            if file.rewritten:
                continue
            if (file.bucket, file.key) not in sources.gone.replaced:
                yield file
                continue
            rewritten = [one for one in _rewritten_files(sources, window) if commit.attempt_id in self._commits(one)]
            if not rewritten and not _is_forgotten(sources, file):
                raise MissingFileError(
                    f"s3://{file.bucket}/{file.key} of commit {commit.attempt_id} was replaced before the windows "
                    "service had merged it, and no file that is there now says that it has its rows"
                )
            yield from rewritten

    def _rewritten(self, sources: Sources, known: Merged, window: Window) -> list[PendingFile]:
        """Those that hold anything that was merged and stands."""
        fresh = {commit.attempt_id for commit in sources.fresh}
        out = sources.gone.retired | known.ahead | fresh
        files = _rewritten_files(sources, window)
        commits = self.each(self._commits, files)
        return [file for file, ids in zip(files, commits, strict=True) if not ids or not ids <= out]

    def _commits(self, file: PendingFile) -> frozenset[str]:
        """Whose partials a rewritten file has; it holds those of one commit, or says nothing."""
        found = decoded(self.store.read(file.bucket, file.key)).schema.metadata or {}
        return frozenset(msgspec.json.decode(found.get(_COMMITS, b"[]"), type=list[str]))

    def _merged(
        self, files: Sequence[PendingFile], window: Window, contract: Contract, chosen: Callable[[pa.Table], pa.Table]
    ) -> pa.Table:
        """A few files at a time: their number has no say in what memory holds."""
        schema = partial_schema(window, contract)

        def read(file: PendingFile) -> pa.Table:
            return chosen(decoded(self.store.read(file.bucket, file.key)).select(schema.names).cast(schema))

        found = schema.empty_table()
        for begin in range(0, len(files), FILES_AT_ONCE):
            held = [rows for rows in (found, *self.each(read, files[begin : begin + FILES_AT_ONCE])) if len(rows)]
            found = merged(window, contract, held) if held else found
        return found


def _rewritten_files(sources: Sources, window: Window) -> list[PendingFile]:
    standing = (sources.standing(commit) for commit in sources.batch if not sources.is_retired(commit))
    files = (file for commit in standing for file in partial_files(window, commit.pipeline, commit.files))
    return [file for file in files if file.rewritten]


def _may_meet(window: Window, commit: Commit, stretches: Stretches) -> bool:
    own = stretches_of(window, commit)
    return bool(stretches.meet(own.lows, own.highs).any())


def _is_forgotten(sources: Sources, file: PendingFile) -> bool:
    """Who forgets may leave nothing of a file; whoever else replaces it keeps its rows."""
    forgets = (one for one in sources.batch if one.kind is CommitKind.FORGET)
    return any((gone.bucket, gone.key) == (file.bucket, file.key) for one in forgets for gone in one.replaces)
