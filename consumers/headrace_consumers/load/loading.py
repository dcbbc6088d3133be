"""One load: files that fit go into their tables by one COPY each, together with the books, in one transaction.

Theory of operation. Everything before the transaction only looks. In it, the head is taken first, so that no other
loader can be in its own; the ledger is read again; then rows and books change together. Whatever fails rolls all of it
back, and nothing is remembered that the warehouse does not have. Where a COPY fails, its files are tried apart from
each other: a file is quarantined only where others of its table load without it; a table of which nothing loads is
held, and tried again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

from headrace_consumers.errors import FencedError, WarehouseStatementError
from headrace_consumers.lake.objects import ObjectStore
from headrace_consumers.load.copying import copy_statement, manifest, manifest_key
from headrace_consumers.load.ledger import Entry, FileState, Ledger
from headrace_consumers.load.preflight import Footer, Misfit, Unreadable, fit, read_footer
from headrace_consumers.load.waiting import ChainPosition, LakeFile, by_table
from headrace_consumers.warehouse.schema import read_columns
from headrace_consumers.warehouse.session import WarehouseSession
from headrace_consumers.warehouse.tables import TableColumn, add_column_statement, widen_column_statement
from headrace_consumers.warehouse.types import redshift_type

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class CopyGroup:
    """Files of one table and one column list: one COPY."""

    table: str
    columns: tuple[str, ...]
    files: tuple[LakeFile, ...]

    @property
    def rows(self) -> int:
        return sum(file.rows for file in self.files)

    def without(self, left_out: Iterable[LakeFile]) -> CopyGroup:
        gone = set(left_out)
        return CopyGroup(self.table, self.columns, tuple(file for file in self.files if file not in gone))


@dataclass(frozen=True, slots=True)
class LoadOutcome:
    """What one load changed."""

    loaded: tuple[LakeFile, ...] = ()
    set_aside: tuple[Entry, ...] = ()
    """Held and quarantined, with reasons."""


class CopyFailedError(Exception):
    """A COPY of this group failed; the transaction is rolled back. Never leaves this module."""

    def __init__(self, group: CopyGroup, error: WarehouseStatementError) -> None:
        super().__init__(str(error))
        self.group, self.error = group, error


@dataclass(slots=True)
class Loading:
    """Loads what it is given. Every call blocks on the network."""

    ledger: Ledger
    store: ObjectStore
    role: str
    now_ms: Callable[[], int]
    new_id: Callable[[int], str]
    pool: ThreadPoolExecutor | None = None
    _footers: dict[str, Footer] = field(default_factory=dict)
    """By URL, of files that are held: they are looked at again and again."""

    def load(
        self, session: WarehouseSession, seq: int, files: Sequence[LakeFile], moved: Mapping[str, ChainPosition]
    ) -> LoadOutcome:
        """Loads what fits, says what became of the rest, and moves the positions. Raises FencedError where another
        loader is ahead, TransientError where the warehouse is away."""
        known = self.ledger.known(session, files)
        fresh = [file for file in files if known.get(file.url, FileState.HELD) is FileState.HELD]
        groups, set_aside = self._fitted(session, fresh)
        while True:
            try:
                return self._transact(session, seq, groups, set_aside, moved)
            except CopyFailedError as failed:
                culprits = self._culprits(session, failed)
                gone = [entry.file for entry in culprits]
                groups = [left for group in groups if (left := group.without(gone)).files]
                set_aside = [*set_aside, *culprits]

    # --- before the transaction

    def _fitted(self, session: WarehouseSession, files: Sequence[LakeFile]) -> tuple[list[CopyGroup], list[Entry]]:
        """The files that fit, grouped; and what hinders the others."""
        footers = dict(zip(files, self._each(self._footer, files), strict=True))
        fitting: dict[tuple[str, tuple[str, ...]], list[LakeFile]] = {}
        set_aside: list[Entry] = []
        for table, found in by_table(files).items():
            columns = self._columns(session, table)
            for file in found:
                footer = footers[file]
                if isinstance(footer, Unreadable):
                    set_aside.append(_unreadable(file, footer))
                elif (misfit := self._misfit(session, file, footer, columns)) is not None:
                    set_aside.append(Entry(file, FileState.HELD, misfit))
                    self._footers[file.url] = footer
                else:
                    fitting.setdefault((table, footer.columns), []).append(file)
        return [CopyGroup(table, names, tuple(group)) for (table, names), group in fitting.items()], set_aside

    def _misfit(
        self, session: WarehouseSession, file: LakeFile, footer: Footer, columns: dict[str, TableColumn]
    ) -> str | None:
        """Why the file cannot go into its table; a table that only has to grow is made to."""
        schema = self.ledger.schema
        if not columns:
            return f"table {schema}.{file.table} is not in the warehouse: run `headrace-consumers schema apply`"
        found = fit(footer, file, columns)
        if isinstance(found, Misfit):
            return found.reason
        for added in found.missing:
            session.run(add_column_statement(schema, file.table, added.name, redshift_type(added)))
        for wider in found.wider:
            session.run(widen_column_statement(schema, file.table, wider.name, redshift_type(wider)))
        if found.missing or found.wider:
            columns |= self._columns(session, file.table)
        return None

    def _columns(self, session: WarehouseSession, table: str) -> dict[str, TableColumn]:
        return {column.name: column for column in read_columns(session, self.ledger.schema, table)}

    def _footer(self, file: LakeFile) -> Footer | Unreadable:
        return self._footers.get(file.url) or read_footer(self.store, file)

    # --- the transaction

    def _transact(
        self,
        session: WarehouseSession,
        seq: int,
        groups: Sequence[CopyGroup],
        set_aside: Sequence[Entry],
        moved: Mapping[str, ChainPosition],
    ) -> LoadOutcome:
        now_ms = self.now_ms()
        load_id = self.new_id(now_ms)
        session.begin()
        try:
            self.ledger.take_head(session, seq)
            self._require_unknown(session, groups)
            places = [self._copy(session, group, load_id, number) for number, group in enumerate(groups)]
            loaded = [file for group in groups for file in group.files]
            entries = [*(Entry(file, FileState.LOADED) for file in loaded), *set_aside]
            self.ledger.record(session, entries, load_id, now_ms)
            self.ledger.save_positions(session, moved)
            session.commit()
        except BaseException:
            session.rollback()
            raise
        self._each(lambda place: self.store.delete(*place), places)
        for file in loaded:
            self._footers.pop(file.url, None)
        return LoadOutcome(tuple(loaded), tuple(set_aside))

    def _require_unknown(self, session: WarehouseSession, groups: Sequence[CopyGroup]) -> None:
        """The head was ours, so nobody has changed the ledger since it was read; nobody but a hand."""
        files = [file for group in groups for file in group.files]
        done = [url for url, state in self.ledger.known(session, files).items() if state is not FileState.HELD]
        if touched := {file.url for file in files} & set(done):
            raise FencedError(f"the ledger has {min(touched)} by now: someone else loads this pipeline; starting over")

    def _copy(self, session: WarehouseSession, group: CopyGroup, load_id: str, number: int) -> tuple[str, str]:
        """COPY of one group; where its manifest lies."""
        key = manifest_key(self.ledger.lineage.pipeline, load_id, number)
        bucket = self.store.put("curated", key, manifest(group.files))
        statement = copy_statement(self.ledger.schema, group.table, group.columns, f"s3://{bucket}/{key}", self.role)
        try:
            session.run(statement)
            [(copied,)] = session.query("SELECT pg_last_copy_count()")
        except WarehouseStatementError as error:
            raise CopyFailedError(group, error) from error
        if copied != group.rows:
            sentence = f"COPY into {group.table} brought {copied} rows, its files have {group.rows}"
            raise CopyFailedError(group, WarehouseStatementError(sentence))
        return bucket, key

    # --- after a failed COPY

    def _culprits(self, session: WarehouseSession, failed: CopyFailedError) -> list[Entry]:
        """The files without which the rest of the group loads; all of them, held, where no part of it does."""
        found = dict(self._failing(session, failed.group, failed.error))
        if len(found) == len(failed.group.files):
            return [Entry(file, FileState.HELD, str(error)) for file, error in found.items()]
        return [Entry(file, FileState.QUARANTINED, str(error)) for file, error in found.items()]

    def _failing(
        self, session: WarehouseSession, group: CopyGroup, error: WarehouseStatementError
    ) -> Iterator[tuple[LakeFile, WarehouseStatementError]]:
        """Halves of halves: a group that is known to fail, down to single files."""
        if len(group.files) == 1:
            yield group.files[0], error
            return
        middle = len(group.files) // 2
        for part in (group.files[:middle], group.files[middle:]):
            half = CopyGroup(group.table, group.columns, part)
            if (found := self._trial(session, half)) is not None:
                yield from self._failing(session, half, found)

    def _trial(self, session: WarehouseSession, group: CopyGroup) -> WarehouseStatementError | None:
        """Copies and takes back."""
        load_id = self.new_id(self.now_ms())
        session.begin()
        try:
            place = self._copy(session, group, load_id, 0)
        except CopyFailedError as failed:
            return failed.error
        finally:
            session.rollback()
        self.store.delete(*place)
        return None

    def _each(self, call: Callable[[T], R], items: Sequence[T]) -> list[R]:
        return list(self.pool.map(call, items) if self.pool else map(call, items))


def _unreadable(file: LakeFile, footer: Unreadable) -> Entry:
    return Entry(file, FileState.HELD if footer.lost else FileState.QUARANTINED, footer.reason)
