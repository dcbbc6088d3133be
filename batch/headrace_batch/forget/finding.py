"""Where a person is: files of rows, letters and windows that hold the value. Blocks on the lake."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from headrace_batch.forget.forgotten import Person
from headrace_batch.place import Place
from headrace_batch.rewriting import Keep, StandingFile, footer_of, opened_file, standing_files
from headrace_consumers.commitlog.batch import Gone
from headrace_consumers.commitlog.following import Lineage
from headrace_consumers.commitlog.model import Link, LinkKind
from headrace_consumers.commitlog.standing import Standing
from headrace_consumers.records import ROOT
from headrace_consumers.windows_service.chain import SHARD_ID

POSITION = ("shard_id", "sequence_number", "record_index")
Positions = set[tuple[str, str, int]]


@dataclass(frozen=True, slots=True)
class Find:
    """A file that holds the person's rows, how many, and which rows stay."""

    source: StandingFile
    rows: int
    keep: Keep


@dataclass(slots=True)
class Search:
    """Mutable: what was found of the person, once `files` was gone through."""

    place: Place
    standing: Standing
    person: Person
    expired: Sequence[StandingFile] = ()
    """Files of commits that the log no longer has."""
    positions: Positions = field(default_factory=set)
    """Of the person's events."""
    windows_links: dict[str, tuple[Link, ...]] = field(default_factory=dict)
    """Of commits of the windows service whose files were looked at."""

    def files(self, progress: Callable[[str], None]) -> list[Find]:
        """Letters before rows: which late letters are the person's, only the rows can tell, and these must still be
        there if the command dies in between."""
        rows = self._holding(self._of(self.person.table.name), "rows", progress, self._note)
        partials = [one for one in self._of(self.place.pipeline.partials_table) if one.file.partition in self._folders]
        windows = [*self._window_files(), *(one for one in self.expired if one.file.table in self.windows)]
        return [
            *self._dead_letters(),
            *self._late_letters(),
            *self._holding(partials, "partials", progress),
            *self._holding(windows, "windows", progress),
            *rows,
        ]

    def _of(self, table: str) -> list[StandingFile]:
        return [one for one in (*standing_files(self.standing), *self.expired) if one.file.table == table]

    @property
    def windows(self) -> set[str]:
        """Tables of windows that are keyed by the column."""
        keyed = (one for one in self.place.pipeline.windows if self.person.column in one.by)
        return {one.name for one in keyed if one.table == self.person.table.name}

    @property
    def _folders(self) -> set[str]:
        return {one.folder for one in self.place.pipeline.windows if one.name in self.windows}

    def _holding(
        self,
        files: list[StandingFile],
        what: str,
        progress: Callable[[str], None],
        note: Callable[[pq.ParquetFile], None] = lambda _: None,
    ) -> list[Find]:
        found = []
        for number, source in enumerate(files, start=1):
            if not self._may_hold(source):
                continue
            file = opened_file(self.place, source)
            hits = pc.sum(self.person.is_in(file.read([self.person.column])[self.person.column])).as_py() or 0
            if hits:
                note(file)
                found.append(Find(source, hits, lambda rows: pc.invert(self.person.is_in(rows[self.person.column]))))
            progress(f"{what}: {number} of {len(files)} files looked at")
        return found

    def _may_hold(self, source: StandingFile) -> bool:
        """By the least and greatest value that the footer tells of each row group."""
        footer = footer_of(self.place, source)
        index = footer.schema.names.index(self.person.column) if self.person.column in footer.schema.names else -1
        return index >= 0 and any(
            self._may_be_in(footer.row_group(n).column(index)) for n in range(footer.num_row_groups)
        )

    def _may_be_in(self, column: pq.ColumnChunkMetaData) -> bool:
        statistics = column.statistics
        if statistics is None or not statistics.has_min_max:
            return True
        return self.person.may_be_within(statistics.min, statistics.max)

    def _note(self, file: pq.ParquetFile) -> None:
        rows = file.read([*POSITION, self.person.column])
        own = rows.filter(self.person.is_in(rows[self.person.column]))
        self.positions.update(zip(*(own[name].to_pylist() for name in POSITION), strict=True))

    def _dead_letters(self) -> Iterator[Find]:
        for source in self._of(self.place.pipeline.dead_letter_table):
            yield from self._letters(source, self._is_dead_letter)

    def _late_letters(self) -> Iterator[Find]:
        if self.positions:
            for source in self._of(self.place.pipeline.late_table):
                yield from self._letters(source, self._is_late_letter)

    def _letters(self, source: StandingFile, is_own: Keep) -> Iterator[Find]:
        hits = pc.sum(is_own(opened_file(self.place, source).read())).as_py() or 0
        if hits:
            yield Find(source, hits, lambda rows: pc.invert(is_own(rows)))

    def _is_dead_letter(self, rows: pa.Table) -> pa.Array:
        letters = zip(rows["payload"].to_pylist(), rows["event_type"].to_pylist(), strict=True)
        return pa.array([self.person.is_told(payload, kind) for payload, kind in letters], pa.bool_())

    def _is_late_letter(self, rows: pa.Table) -> pa.Array:
        where = zip(*(rows[name].to_pylist() for name in POSITION), strict=True)
        return pa.array([one in self.positions for one in where], pa.bool_())

    def _window_files(self) -> Iterator[StandingFile]:
        """Files of windows that are out, as the chains of the windows service name them, and no batch commit took."""
        if not self.windows:
            return
        gone = Gone(self.place.chain)
        gone.catch_up()
        for link in self._links_of_windows():
            commit = self.place.log.commit(self.place.pipeline.name, link.chain.generation, link.attempt_id)
            if commit is None:
                continue
            self.windows_links[commit.attempt_id] = (link,)
            for file in commit.files:
                if file.table in self.windows and not gone.has(commit.attempt_id, file.bucket, file.key):
                    yield StandingFile(commit, file)

    def _links_of_windows(self) -> Iterator[Link]:
        for generation in range(1, self.place.generation + 1):
            lineage = Lineage(self.place.pipeline.name, generation, self.place.stream_created_ms)
            links = self.place.log.links_after(lineage.chain(SHARD_ID), ROOT)
            yield from (link for link in links if link.kind is LinkKind.DATA)
