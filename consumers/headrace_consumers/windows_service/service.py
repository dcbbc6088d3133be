"""The windows service: read batch -> rebuild -> follow -> merge -> emit -> commit.

Theory of operation. A step takes what engines and batch have committed since the last one: what batch has retired is
taken out of the panes, what was brought is merged into them, the watermarks move, and the windows that are due are
committed together with the state after them. All or nothing of this stands, and the next step, of this process or
another, begins from there. So there is nothing to repair after a crash; of two services one is fenced; and what a
window says in the end depends on the commits that stand alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pyarrow as pa
from msgspec.structs import replace

from headrace_consumers.commitlog.following import Advance, Lineage
from headrace_consumers.commitlog.log import Beat, CommitLog
from headrace_consumers.commitlog.model import Commit
from headrace_consumers.errors import FencedError, MissingFileError
from headrace_consumers.lake.objects import EncodedFile, ObjectStore, PendingFile
from headrace_consumers.shards import StreamView
from headrace_consumers.windows import Window
from headrace_consumers.windows_service.chain import Draft, WindowsChain
from headrace_consumers.windows_service.emitting import Changes, Emission, emit, preview
from headrace_consumers.windows_service.files import curated_files, manifest_file, state_files, stored_partitions
from headrace_consumers.windows_service.manifest import Manifest
from headrace_consumers.windows_service.partials import PartialsReader
from headrace_consumers.windows_service.rebuilding import Rebuilt, differences, rebuild, retired_of
from headrace_consumers.windows_service.sources import Sources
from headrace_consumers.windows_service.state import WindowState
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
    batch: int
    """Commits of batch."""
    rebuilt: int
    """Panes and sessions that were put together once more, since batch had retired what may be a part of them."""
    new: int
    revised: int
    deleted: int
    early: int
    open_panes: int
    low_watermark_us: int
    held_back_by: str
    said: Mapping[str, tuple[int, int]] | None
    """Of each shard that is to be read: how far its chain is merged, and when its last heartbeat was; None where the
    service has not read the log to its end."""
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
        """Reads the state that the newest commit left, of whichever generation. Raises LogError, SettingsError."""
        self._plan, self._log, self._store, self._stream, self._now_ms = plan, log, store, stream, now_ms
        self._reader = PartialsReader(store=store, pool=pool)
        contracts = tuple(sorted({plan.contracts[window.table].type for window in plan.windows}))
        self._chain = WindowsChain(
            log=log, store=store, lineage=plan.lineage, now_ms=now_ms, owner=owner, contracts=contracts, pool=pool
        )
        self._tip = self._chain.open()
        self._begin(Sources.of(log, plan.lineage, owner, self._tip.manifest))
        self._listed = stream.shards()
        self._early = _Early(int(plan.early_every_s * 1000), now_ms())

    def _begin(self, sources: Sources) -> None:
        """With the state of the newest commit."""
        plan, stored = self._plan, self._tip.manifest
        self._sources = sources
        self._low_us = stored.low_watermark_us
        self._states = [
            WindowState.of(window, plan.contracts[window.table], self._store.read, stored.windows.get(window.name))
            for window in plan.windows
        ]

    def step(self) -> StepReport:
        """Follows, merges, emits, commits; writes nothing where there is nothing new. Raises FencedError,
        GenerationRaisedError, LogError, MissingFileError."""
        self._sources.read_batch()
        while True:
            try:
                return self._step()
            except MissingFileError as error:
                if self._chain.has_moved(self._tip):
                    raise FencedError(
                        "another windows service of this pipeline is ahead and has replaced our state"
                    ) from error
                if not self._sources.read_batch():
                    raise
                self._begin(self._sources.begin_anew(self._tip.manifest))

    def _step(self) -> StepReport:
        sources = self._sources
        rebuilt = self._rebuild()
        advances = self._follow()
        caught_up = len(advances) < self._plan.max_step_commits
        beats = self._beats() if caught_up else {}
        marks = self._move_watermarks(beats)
        fresh = sources.fresh
        changes = self._merge([*(advance.commit for advance in advances if advance.commit), *fresh], rebuilt)
        sources.batch_position = len(sources.batch)
        room = max(1, MAX_FOLDERS // max(1, len(self._states)))
        emissions = [emit(state, changes[state.window.name], self._low_us, room) for state in self._states]
        early = self._previews(room) if self._early.is_due(self._now_ms(), changes) else []
        committed = bool(advances or fresh) or any(len(emission.rows) for emission in [*emissions, *early])
        if committed:
            self._commit([*emissions, *early], marks.held_back_by)
        taken = _Taken(len(advances), len(fresh), sum(len(one.before) for one in rebuilt.values()))
        said = self._said(marks, beats) if caught_up else None
        return self._report(taken, [*emissions, *early], marks, said, committed=committed)

    def _follow(self) -> list[Advance]:
        return self._sources.follow(self._listed, self._plan.max_step_commits)

    def _rebuild(self) -> dict[str, Rebuilt]:
        """Takes out of the panes what batch has retired; by window."""
        found = retired_of(self._sources)
        if found is None:
            return {}
        known, retired = found
        return {
            state.window.name: rebuild(state, retired, known, self._sources, self._reader) for state in self._states
        }

    def _beats(self) -> dict[str, Beat]:
        """Of no use to a service that has not read the log to its end: a tip that they name may be an old one."""
        living = [shard_id for shard_id, known in self._sources.shards.items() if not known.ended]
        chains = [self._plan.lineage.chain(shard_id) for shard_id in living]
        return dict(zip(living, self._chain.each(self._log.last_beat, chains), strict=True))

    def _move_watermarks(self, beats: Mapping[str, Beat]) -> Watermarks:
        """ListShards is asked after the links were read, so that the children of every merged end are in it."""
        self._listed = self._stream.shards()
        shards = self._sources.shards
        marks = read_watermarks(shards, self._listed, beats, self._plan.max_disorder_us)
        for shard_id, watermark_us in marks.shards.items():
            if shard_id in shards:
                shards[shard_id] = replace(shards[shard_id], watermark_us=watermark_us)
        self._low_us = max(self._low_us, marks.low_us)
        return marks

    def _said(self, marks: Watermarks, beats: Mapping[str, Beat]) -> dict[str, tuple[int, int]]:
        known = {shard_id: self._sources.shards.get(shard_id, ShardProgress()) for shard_id in marks.shards}
        return {
            shard_id: (progress.position, beats.get(shard_id, Beat()).at_ms)
            for shard_id, progress in known.items()
            if not progress.ended
        }

    def _merge(self, commits: Sequence[Commit], rebuilt: Mapping[str, Rebuilt]) -> dict[str, Changes]:
        """Merges the partials of these commits, as far as they stand; what changed by that, and by the rebuild."""
        standing = [commit for commit in commits if not self._sources.is_retired(commit)]
        self._reader.complete(map(self._sources.standing, standing))
        return {state.window.name: self._merged(state, standing, rebuilt) for state in self._states}

    def _merged(self, state: WindowState, commits: Sequence[Commit], rebuilt: Mapping[str, Rebuilt]) -> Changes:
        fresh = self._reader.brought(self._sources, commits, state.window, state.contract)
        changed = state.add([fresh] if len(fresh) else [])
        if state.window.name not in rebuilt:
            return Changes(changed)
        return differences(state, rebuilt[state.window.name], changed)

    def _previews(self, room: int) -> list[Emission]:
        return [preview(state, room) for state in self._states]

    def _commit(self, emissions: Sequence[Emission], held_back_by: str) -> None:
        attempt_id, now_ms = self._chain.new_attempt()
        files: list[PendingFile] = []
        for state in self._states:
            files += self._chain.upload(self._rows_of(state, emissions, attempt_id), attempt_id)
            files += self._write_state(state, attempt_id)
        manifest = Manifest(
            progress={generation: dict(shards) for generation, shards in self._sources.progress.items()},
            batch_position=self._sources.batch_position,
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
        """Nothing of partitions that have lost all that they held."""
        if not any(len(table) for table in state.changed()):
            state.wrote({})
            return ()
        pending = self._chain.upload(state_files(state, self._plan.lineage.pipeline, attempt_id), attempt_id)
        state.wrote(stored_partitions(state, *pending))
        return pending

    def _report(
        self,
        taken: _Taken,
        emissions: Sequence[Emission],
        marks: Watermarks,
        said: Mapping[str, tuple[int, int]] | None,
        *,
        committed: bool,
    ) -> StepReport:
        waiting = any(state.emitted_up_to_us < self._low_us for state in self._states)
        return StepReport(
            merged=taken.merged,
            batch=taken.batch,
            rebuilt=taken.rebuilt,
            new=sum(emission.new for emission in emissions),
            revised=sum(emission.revised for emission in emissions),
            deleted=sum(emission.deleted for emission in emissions),
            early=sum(emission.early for emission in emissions),
            open_panes=sum(state.open_panes for state in self._states),
            low_watermark_us=self._low_us,
            held_back_by=marks.held_back_by,
            said=said,
            committed=committed,
            more=waiting or taken.merged == self._plan.max_step_commits,
        )


@dataclass(frozen=True, slots=True)
class _Taken:
    """As in the report."""

    merged: int
    batch: int
    rebuilt: int


@dataclass(slots=True)
class _Early:
    """When early rows are due: so often, and only where something came."""

    every_ms: int
    last_ms: int
    news: bool = field(default=False)

    def is_due(self, now_ms: int, changes: Mapping[str, Changes]) -> bool:
        self.news = self.news or any(changes.values())
        if not (self.every_ms and self.news and now_ms - self.last_ms >= self.every_ms):
            return False
        self.last_ms, self.news = now_ms, False
        return True
