"""The loader's books in the warehouse: its head, how far it is, and what became of every file.

They change in the transaction that copies the rows, so what the ledger says is what the tables hold. The head excludes
a second loader at any isolation level: who does not find it as it was read has been overtaken, and starts over.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from headrace_consumers.commitlog.batch import batch_lineage
from headrace_consumers.commitlog.following import Lineage
from headrace_consumers.commitlog.model import Chain
from headrace_consumers.errors import FencedError, WarehouseStatementError
from headrace_consumers.load.waiting import ChainPosition, LakeFile
from headrace_consumers.warehouse.session import WarehouseSession
from headrace_producers.errors import SettingsError

_CHUNK = 500
"""Rows of one INSERT, and texts of one IN: Redshift takes 16 MB a statement, and plans long lists slowly."""
_REASON_BYTES = 1024
"""As VARCHAR counts."""


class FileState(StrEnum):
    """What became of a file."""

    LOADED = "loaded"
    HELD = "held"
    """Waits until its table fits; tried again by itself."""
    QUARANTINED = "quarantined"
    """Cannot be loaded, whatever becomes of its table; `headrace-consumers release` makes it held again."""
    REPLACED = "replaced"
    """Is of the lake no more. It was loaded, or the file was that has its rows now."""
    RETIRED = "retired"
    """Its commit counts no more. Without a file: none of the commit's does, whatever of it was met before."""
    ERASED = "erased"
    """Without a file: so many rows of the commit were erased from the table."""


IN_THE_TABLE = (FileState.LOADED, FileState.REPLACED)
"""What its rows are, with whichever file they came."""


@dataclass(frozen=True, slots=True)
class Booked:
    """What the ledger says of a file."""

    state: FileState | None
    rows: int
    """That it brought: none where it was rewritten, for the books have them by the commits that they are of."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the ledger."""

    file: LakeFile
    state: FileState
    reason: str = ""

    def says_as(self, other: Entry | None) -> bool:
        """Whether the ledger would keep the same of both."""
        return other is not None and (self.state, told(self.reason)) == (other.state, told(other.reason))


def quarantined(file: LakeFile, reason: str) -> Entry:
    return Entry(file, FileState.QUARANTINED, f"{reason}; once it is whole, `headrace-consumers release` has it tried")


def never_loaded(file: LakeFile, replaced_by: str) -> Entry:
    """Its rows are in a file with others that are loaded."""
    return Entry(
        file,
        FileState.QUARANTINED,
        f"batch commit {replaced_by} replaced {file.url} before it was loaded, by a file that has rows which the "
        f"warehouse has, so it has none of this one: `headrace-batch backfill` of commit {file.commit_id} brings them",
    )


def waits_for(file: LakeFile, new: LakeFile) -> Entry:
    return Entry(file, FileState.QUARANTINED, f"its rows are in {new.url}, which is not loaded: see there")


def told(reason: str) -> str:
    """As the ledger can keep it: the texts of damaged files have whatever characters."""
    printable = "".join(letter if letter.isprintable() else " " for letter in reason)
    return printable.encode("utf-8", "replace")[:_REASON_BYTES].decode("utf-8", "ignore")


@dataclass(frozen=True, slots=True)
class Books:
    """As they stood when they were read."""

    seq: int
    positions: Mapping[Chain, ChainPosition]
    """Of all generations, and of batch."""
    held: tuple[Entry, ...]
    quarantined: tuple[Entry, ...] = ()


@dataclass(frozen=True, slots=True)
class Ledger:
    """The books of one pipeline. Every call blocks on the warehouse and raises its errors."""

    schema: str
    lineage: Lineage

    def read(self, session: WarehouseSession) -> Books:
        """Raises SettingsError where `schema apply` has not made them yet."""
        seq, positions = self.head(session), self.positions(session)
        self._require_erasures(session)
        entries = list(self.entries(session, FileState.HELD, FileState.QUARANTINED))
        held = tuple(entry for entry in entries if entry.state is FileState.HELD)
        return Books(seq, positions, held, tuple(entry for entry in entries if entry not in held))

    def head(self, session: WarehouseSession) -> int:
        """Raises SettingsError where `schema apply` has not made it yet."""
        pipeline = self.lineage.pipeline
        try:
            rows = session.query(f"SELECT seq FROM {self.name('head')} WHERE pipeline = %s", pipeline)  # noqa: S608
        except WarehouseStatementError as error:
            if error.sqlstate not in _NOT_THERE:
                raise
            rows = []
        if len(rows) != 1:
            raise SettingsError(
                f"{self.name('head')} has {len(rows)} rows for pipeline {pipeline}, and must have one: "
                "run `headrace-consumers schema apply`" + (", or delete all but the greatest" if rows else "")
            )
        return int(rows[0][0])

    def _require_erasures(self, session: WarehouseSession) -> None:
        """Books of versions before have none."""
        try:
            session.query(f"SELECT count(*) FROM {self.name('erasures')} WHERE pipeline = %s", self.lineage.pipeline)  # noqa: S608
        except WarehouseStatementError as error:
            if error.sqlstate not in _NOT_THERE:
                raise
            raise SettingsError(
                f"{self.name('erasures')} is not there: run `headrace-consumers schema apply`"
            ) from error

    def take_head(self, session: WarehouseSession, seq: int) -> None:
        """Begins a transaction of ours, or raises FencedError."""
        taken = session.run(
            f"UPDATE {self.name('head')} SET seq = seq + 1 WHERE pipeline = %s AND seq = %s",  # noqa: S608
            self.lineage.pipeline, seq,
        )  # fmt: skip
        if taken != 1:
            raise self._overtaken(seq)

    def require_head(self, session: WarehouseSession, seq: int) -> None:
        """Raises FencedError where the books have changed since they were read."""
        if self.head(session) != seq:
            raise self._overtaken(seq)

    def _overtaken(self, seq: int) -> FencedError:
        return FencedError(
            f"another loader, or a command, is past head {seq} of pipeline {self.lineage.pipeline}: starting over from "
            "the books"
        )

    def known(self, session: WarehouseSession, files: Sequence[LakeFile]) -> dict[str, FileState]:
        """URL to state, of those that the ledger has, and of those whose commits are retired."""
        return {url: booked.state for url, booked in self.booked(session, files).items() if booked.state is not None}

    def booked(self, session: WarehouseSession, files: Sequence[LakeFile]) -> dict[str, Booked]:
        """The same, with the rows that they brought."""
        found: dict[str, Booked] = {}
        retired: set[str] = set()
        for commit_ids in chunks(sorted({file.commit_id for file in files})):
            rows = session.query(
                f"SELECT commit_id, file_key, state, row_count FROM {self.name('ledger')} WHERE pipeline = %s"  # noqa: S608
                f" AND commit_id IN ({marks(commit_ids)})",
                self.lineage.pipeline, *commit_ids,
            )  # fmt: skip
            found |= {url: Booked(FileState(state), int(number)) for _, url, state, number in rows if url}
            retired |= {commit_id for commit_id, url, state, _ in rows if not url and state == FileState.RETIRED}
        gone = (file.url for file in files if file.commit_id in retired)
        return found | {url: Booked(FileState.RETIRED, found[url].rows if url in found else 0) for url in gone}

    def erased(self, session: WarehouseSession, commit_ids: Sequence[str]) -> Counter[tuple[str, str]]:
        """Commit and table to how many rows were erased."""
        found: Counter[tuple[str, str]] = Counter()
        for chunk in chunks(commit_ids):
            rows = session.query(
                f"SELECT commit_id, table_name, sum(row_count) FROM {self.name('ledger')} WHERE pipeline = %s"  # noqa: S608
                f" AND state = %s AND commit_id IN ({marks(chunk)}) GROUP BY commit_id, table_name",
                self.lineage.pipeline, FileState.ERASED, *chunk,
            )  # fmt: skip
            found.update({(commit_id, table): int(number) for commit_id, table, number in rows})
        return found

    def rows_booked(self, session: WarehouseSession, commit_ids: Sequence[str]) -> Counter[tuple[str, str]]:
        """Commit and table to how many rows are to be in the table."""
        found: Counter[tuple[str, str]] = Counter()
        for chunk in chunks(commit_ids):
            rows = session.query(
                f"SELECT commit_id, table_name, sum(row_count) FROM {self.name('ledger')} WHERE pipeline = %s"  # noqa: S608
                f" AND state IN ({marks(IN_THE_TABLE)}) AND commit_id IN ({marks(chunk)})"
                " GROUP BY commit_id, table_name",
                self.lineage.pipeline, *IN_THE_TABLE, *chunk,
            )  # fmt: skip
            found.update({(commit_id, table): int(number) for commit_id, table, number in rows})
        found.subtract(self.erased(session, commit_ids))
        return found

    def entries(self, session: WarehouseSession, *states: FileState) -> Iterator[Entry]:
        """All of the pipeline's files in these states."""
        rows = session.query(
            "SELECT commit_id, table_name, file_key, row_count, byte_count, state, reason, generation"  # noqa: S608
            f" FROM {self.name('ledger')} WHERE pipeline = %s AND state IN ({marks(states)})"
            " ORDER BY commit_id, file_key",
            self.lineage.pipeline, *states,
        )  # fmt: skip
        for commit_id, table, url, row_count, byte_count, state, reason, generation in rows:
            bucket, key = url.removeprefix("s3://").split("/", 1)
            file = LakeFile(
                commit_id, table, bucket, key, int(row_count), int(byte_count), generation=int(generation)
            )  # fmt: skip
            yield Entry(file, FileState(state), reason or "")

    def record(
        self, session: WarehouseSession, entries: Sequence[Entry], seq: int, now_ms: int, known: Collection[str]
    ) -> None:
        """Writes what became of these files, in place of what the ledger says of those that it knows, by URL. `seq` is
        the head's, once taken."""
        at = datetime.fromtimestamp(now_ms / 1000, UTC).replace(tzinfo=None)
        for urls in chunks([entry.file.url for entry in entries if entry.file.url in known]):
            session.run(
                f"DELETE FROM {self.name('ledger')} WHERE pipeline = %s AND file_key IN ({marks(urls)})",  # noqa: S608
                self.lineage.pipeline, *urls,
            )  # fmt: skip
        for chunk in chunks(entries):
            rows = [self._row(entry, seq, at) for entry in chunk]
            self.insert(session, "ledger", _LEDGER_COLUMNS, rows)

    def save_positions(self, session: WarehouseSession, moved: Mapping[Chain, ChainPosition]) -> None:
        by_lineage: dict[tuple[int, int], dict[str, ChainPosition]] = {}
        for chain, position in moved.items():
            by_lineage.setdefault((chain.generation, chain.stream_created_ms), {})[chain.shard_id] = position
        for lineage, positions in sorted(by_lineage.items()):
            self._save_positions(session, (self.lineage.pipeline, *lineage), positions)

    def _save_positions(
        self, session: WarehouseSession, lineage: tuple[str, int, int], moved: Mapping[str, ChainPosition]
    ) -> None:
        for chunk in chunks(sorted(moved)):
            session.run(
                f"DELETE FROM {self.name('positions')} WHERE {_LINEAGE} AND shard_id IN ({marks(chunk)})",  # noqa: S608
                *lineage, *chunk,
            )  # fmt: skip
            rows = [(*lineage, shard_id, str(moved[shard_id].position), moved[shard_id].ended) for shard_id in chunk]
            columns = ("pipeline", "generation", "stream_created_ms", "shard_id", "position", "ended")
            self.insert(session, "positions", columns, rows)

    def positions(self, session: WarehouseSession) -> dict[Chain, ChainPosition]:
        """Of the stream in all generations, and of batch."""
        pipeline = self.lineage.pipeline
        rows = session.query(
            f"SELECT generation, stream_created_ms, shard_id, position, ended FROM {self.name('positions')}"  # noqa: S608
            " WHERE pipeline = %s AND stream_created_ms IN (%s, %s)",
            pipeline, self.lineage.stream_created_ms, batch_lineage(pipeline).stream_created_ms,
        )  # fmt: skip
        return {
            Chain(pipeline, int(generation), int(created_ms), shard_id): ChainPosition(int(position), bool(ended))
            for generation, created_ms, shard_id, position, ended in rows
        }

    def mark_replaced(self, session: WarehouseSession, urls: Sequence[str]) -> None:
        """What became of those that were loaded; the others stay what they are."""
        for chunk in chunks(urls):
            session.run(
                f"UPDATE {self.name('ledger')} SET state = %s WHERE pipeline = %s AND state = %s"  # noqa: S608
                f" AND file_key IN ({marks(chunk)})",
                FileState.REPLACED, self.lineage.pipeline, FileState.LOADED, *chunk,
            )  # fmt: skip

    def record_commits(
        self, session: WarehouseSession, rows: Iterable[tuple[str, str, int]], state: FileState, seq: int, now_ms: int
    ) -> None:
        """What became of commits, without their files: id, table, and how many rows."""
        at = datetime.fromtimestamp(now_ms / 1000, UTC).replace(tzinfo=None)
        pipeline, generation = self.lineage.pipeline, self.lineage.generation
        entries = [
            (pipeline, generation, commit_id, table, "", number, 0, state.value, "", seq, at)
            for commit_id, table, number in rows
        ]
        for chunk in chunks(entries):
            self.insert(session, "ledger", _LEDGER_COLUMNS, chunk)

    def _row(self, entry: Entry, seq: int, at: datetime) -> tuple[Any, ...]:
        file = entry.file
        return (
            self.lineage.pipeline, file.generation, file.commit_id, file.table, file.url,
            0 if file.rewritten else file.rows, file.bytes, entry.state.value, told(entry.reason), seq, at,
        )  # fmt: skip

    def insert(
        self, session: WarehouseSession, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]
    ) -> None:
        values = ", ".join(f"({marks(row)})" for row in rows)
        session.run(
            f"INSERT INTO {self.name(table)} ({', '.join(columns)}) VALUES {values}",  # noqa: S608
            *(value for row in rows for value in row),
        )  # fmt: skip

    def name(self, table: str) -> str:
        return f'"{self.schema}".loader_{table}'


_NOT_THERE = ("42P01", "3F000")
"""No such table, no such schema."""
_LINEAGE = "pipeline = %s AND generation = %s AND stream_created_ms = %s"
_LEDGER_COLUMNS = (
    "pipeline", "generation", "commit_id", "table_name", "file_key", "row_count", "byte_count", "state", "reason",
    "load_seq", "recorded_at",
)  # fmt: skip


def marks(values: Sequence[Any]) -> str:
    return ", ".join(["%s"] * len(values))


def chunks(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for begin in range(0, len(values), _CHUNK):
        yield values[begin : begin + _CHUNK]
