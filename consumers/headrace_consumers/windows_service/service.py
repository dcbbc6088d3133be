"""The windows service: follow -> merge -> emit -> commit.

Theory of operation. A step takes what engines have committed since the last one, merges its partials, moves the
watermarks, and commits the windows that are due together with the state after them. All or nothing of this stands, and
the next step, of this process or another, begins from there. So there is nothing to repair after a crash; of two
services one is fenced; and what a window says in the end depends on the stream alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice

import pyarrow as pa
from msgspec.structs import replace

from headrace_consumers.commit.completing import complete_pending
from headrace_consumers.commitlog.following import Advance, Lineage, follow
from headrace_consumers.commitlog.log import Beat, CommitLog
from headrace_consumers.commitlog.model import Commit
from headrace_consumers.errors import FencedError, MissingFileError
from headrace_consumers.lake.objects import EncodedFile, ObjectStore, PendingFile
from headrace_consumers.shards import StreamView
from headrace_consumers.windows import Window
from headrace_consumers.windows.declare import partials_table
from headrace_consumers.windows_service.chain import Draft, WindowsChain
from headrace_consumers.windows_service.emitting import Emission, emit, preview
from headrace_consumers.windows_service.files import curated_files, manifest_file, state_files, stored_partitions
from headrace_consumers.windows_service.manifest import Manifest
from headrace_consumers.windows_service.state import WindowState
from headrace_consumers.windows_service.tables import decoded
from headrace_consumers.windows_service.watermarks import ShardProgress, Watermarks, read_watermarks
from headrace_producers.contracts import Contract

MAX_FOLDERS = 64
"""Of the windows that close in one commit, so that its files stand in its item; revisions may touch more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowsPlan:
    """What the service is to do."""

    lineage: Lineage
    windows: Sequence[Window]
    contracts: Mapping[str, Contract]
    """By the table that a window names."""
    max_disorder_us: int = 0
    early_every_s: float = 0.0
    """How often windows that are not out are shown as they are; 0 never."""
    max_step_commits: int = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class StepReport:
    """What one step did, and how things stand after it."""

    merged: int
    """Commits of engines."""
    new: int
    revised: int
    deleted: int
    early: int
    open_panes: int
    low_watermark_us: int
    held_back_by: str
    committed: bool
    more: bool
    """The next step has something to do already."""


class WindowsService:
    """One process of it. After an exception the object is of no use: start anew. Every call blocks on the network."""

    def __init__(
        self,
        plan: WindowsPlan,
        log: CommitLog,
        store: ObjectStore,
        stream: StreamView,
        *,
        now_ms: Callable[[], int],
        owner: str,
        pool: ThreadPoolExecutor | None = None,
    ) -> None:
        """Reads the state that the newest commit left. Raises LogError, SettingsError."""
        self._plan, self._log, self._store, self._stream, self._now_ms = plan, log, store, stream, now_ms
        contracts = tuple(sorted({plan.contracts[window.table].type for window in plan.windows}))
        self._chain = WindowsChain(
            log=log, store=store, lineage=plan.lineage, now_ms=now_ms, owner=owner, contracts=contracts, pool=pool
        )
        self._tip = self._chain.open()
        stored = self._tip.manifest
        self._progress = dict(stored.progress)
        self._low_us = stored.low_watermark_us
        self._states = [
            WindowState.of(window, plan.contracts[window.table], store.read, stored.windows.get(window.name))
            for window in plan.windows
        ]
        self._listed = stream.shards()
        self._early = _Early(int(plan.early_every_s * 1000), now_ms())

    def step(self) -> StepReport:
        """Follows, merges, emits, commits; writes nothing where there is nothing new. Raises FencedError,
        GenerationRaisedError, LogError, MissingFileError."""
        try:
            return self._step()
        except MissingFileError as error:
            if not self._chain.has_moved(self._tip):
                raise
            raise FencedError("another windows service of this pipeline is ahead and has replaced our state") from error

    def _step(self) -> StepReport:
        advances = self._follow()
        caught_up = len(advances) < self._plan.max_step_commits
        marks = self._move_watermarks(self._beats() if caught_up else {})
        changed = self._merge([advance.commit for advance in advances if advance.commit])
        room = max(1, MAX_FOLDERS // max(1, len(self._states)))
        emissions = [emit(state, changed[state.window.name], self._low_us, room) for state in self._states]
        early = [preview(state, room) for state in self._states] if self._early.is_due(self._now_ms(), changed) else []
        committed = bool(advances) or any(len(emission.rows) for emission in [*emissions, *early])
        if committed:
            self._commit([*emissions, *early], marks.held_back_by)
        return self._report(len(advances), [*emissions, *early], marks, committed=committed)

    def _follow(self) -> list[Advance]:
        """What engines have committed, as far as one step goes; moves the shards' positions."""
        plan, lineage = self._plan, self._plan.lineage
        for chain in self._log.chains(lineage.pipeline, lineage.generation, lineage.stream_created_ms):
            self._progress.setdefault(chain.shard_id, ShardProgress())
        shard_ids = sorted(self._progress.keys() | self._listed.keys())
        advances = list(islice(follow(self._log, lineage, self._progress, shard_ids), plan.max_step_commits))
        for advance in advances:
            for link in advance.links:
                known = self._progress.get(link.chain.shard_id, ShardProgress())
                self._progress[link.chain.shard_id] = known.after(link)
        return advances

    def _beats(self) -> dict[str, Beat]:
        """Of no use to a service that has not read the log to its end: a tip that they name may be an old one."""
        living = [shard_id for shard_id, known in self._progress.items() if not known.ended]
        chains = [self._plan.lineage.chain(shard_id) for shard_id in living]
        return dict(zip(living, self._chain.each(self._log.last_beat, chains), strict=True))

    def _move_watermarks(self, beats: Mapping[str, Beat]) -> Watermarks:
        """ListShards is asked after the links were read, so that the children of every merged end are in it."""
        self._listed = self._stream.shards()
        marks = read_watermarks(self._progress, self._listed, beats, self._plan.max_disorder_us)
        for shard_id, watermark_us in marks.shards.items():
            if shard_id in self._progress:
                self._progress[shard_id] = replace(self._progress[shard_id], watermark_us=watermark_us)
        self._low_us = max(self._low_us, marks.low_us)
        return marks

    def _merge(self, commits: Sequence[Commit]) -> dict[str, pa.Table]:
        """Merges the partials of these commits; per window the panes that came to be."""
        complete_pending(self._store, *commits, pool=self._chain.pool)
        table = partials_table(self._plan.lineage.pipeline)
        files = [file for commit in commits for file in commit.files if file.table == table]
        return {state.window.name: state.add(self._partials(state.window, files)) for state in self._states}

    def _partials(self, window: Window, files: Iterable[PendingFile]) -> list[pa.Table]:
        chosen = [file for file in files if file.partition == window.folder]
        return self._chain.each(lambda file: decoded(self._store.read(file.bucket, file.key)), chosen)

    def _commit(self, emissions: Sequence[Emission], held_back_by: str) -> None:
        attempt_id, now_ms = self._chain.new_attempt()
        files: list[PendingFile] = []
        for state in self._states:
            files += self._chain.upload(self._rows_of(state, emissions, attempt_id), attempt_id)
            files += self._write_state(state, attempt_id)
        manifest = Manifest(
            progress=self._progress.copy(),
            low_watermark_us=self._low_us,
            held_back_by=held_back_by,
            windows={state.window.name: state.description() for state in self._states},
        )
        files += self._chain.upload([manifest_file(manifest, self._plan.lineage.pipeline, attempt_id)], attempt_id)
        rows = sum(len(emission.rows) for emission in emissions)
        self._tip = self._chain.append(self._tip, Draft(attempt_id, now_ms, tuple(files), manifest, rows))
        for state in self._states:
            state.forget_closed()

    def _rows_of(self, state: WindowState, emissions: Sequence[Emission], attempt_id: str) -> list[EncodedFile]:
        rows = [emission.rows for emission in emissions if emission.window == state.window.name]
        return list(curated_files(state, pa.concat_tables(rows), attempt_id))

    def _write_state(self, state: WindowState, attempt_id: str) -> tuple[PendingFile, ...]:
        if not state.dirty:
            return ()
        pending = self._chain.upload(state_files(state, self._plan.lineage.pipeline, attempt_id), attempt_id)
        state.wrote(stored_partitions(state, *pending))
        return pending

    def _report(self, merged: int, emissions: Sequence[Emission], marks: Watermarks, *, committed: bool) -> StepReport:
        waiting = any(state.emitted_up_to_us < self._low_us for state in self._states)
        return StepReport(
            merged=merged,
            new=sum(emission.new for emission in emissions),
            revised=sum(emission.revised for emission in emissions),
            deleted=sum(emission.deleted for emission in emissions),
            early=sum(emission.early for emission in emissions),
            open_panes=sum(state.open_panes for state in self._states),
            low_watermark_us=self._low_us,
            held_back_by=marks.held_back_by,
            committed=committed,
            more=waiting or merged == self._plan.max_step_commits,
        )


@dataclass(slots=True)
class _Early:
    """When early rows are due: so often, and only where something came."""

    every_ms: int
    last_ms: int
    news: bool = field(default=False)

    def is_due(self, now_ms: int, changed: Mapping[str, pa.Table]) -> bool:
        self.news = self.news or any(len(table) for table in changed.values())
        if not (self.every_ms and self.news and now_ms - self.last_ms >= self.every_ms):
            return False
        self.last_ms, self.news = now_ms, False
        return True
