"""The loader's books in the warehouse: its head, how far it is, and what became of every file.

They change in the transaction that copies the rows, so what the ledger says is what the tables hold. The head excludes
a second loader at any isolation level: who does not find it as it was read has been overtaken, and starts over.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from headrace_consumers.commitlog.following import Lineage
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


def told(reason: str) -> str:
    """As the ledger can keep it: the texts of damaged files have whatever characters."""
    printable = "".join(letter if letter.isprintable() else " " for letter in reason)
    return printable.encode("utf-8", "replace")[:_REASON_BYTES].decode("utf-8", "ignore")


@dataclass(frozen=True, slots=True)
class Books:
    """As they stood when they were read."""

    seq: int
    positions: Mapping[str, ChainPosition]
    held: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Ledger:
    """The books of one pipeline. Every call blocks on the warehouse and raises its errors."""

    schema: str
    lineage: Lineage

    def read(self, session: WarehouseSession) -> Books:
        """Raises SettingsError where `schema apply` has not made them yet."""
        return Books(self.head(session), self._positions(session), tuple(self.entries(session, FileState.HELD)))

    def head(self, session: WarehouseSession) -> int:
        """Raises SettingsError where `schema apply` has not made it yet."""
        pipeline = self.lineage.pipeline
        try:
            rows = session.query(f"SELECT seq FROM {self._name('head')} WHERE pipeline = %s", pipeline)  # noqa: S608
        except WarehouseStatementError as error:
            if error.sqlstate not in _NOT_THERE:
                raise
            rows = []
        if len(rows) != 1:
            raise SettingsError(
                f"{self._name('head')} has {len(rows)} rows for pipeline {pipeline}, and must have one: "
                "run `headrace-consumers schema apply`" + (", or delete all but the greatest" if rows else "")
            )
        return int(rows[0][0])

    def take_head(self, session: WarehouseSession, seq: int) -> None:
        """Begins a transaction of ours, or raises FencedError."""
        taken = session.run(
            f"UPDATE {self._name('head')} SET seq = seq + 1 WHERE pipeline = %s AND seq = %s",  # noqa: S608
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
        """URL to state, of those that the ledger has."""
        found: dict[str, FileState] = {}
        for commit_ids in _chunks(sorted({file.commit_id for file in files})):
            rows = session.query(
                f"SELECT file_key, state FROM {self._name('ledger')} WHERE pipeline = %s"  # noqa: S608
                f" AND commit_id IN ({_marks(commit_ids)})",
                self.lineage.pipeline, *commit_ids,
            )  # fmt: skip
            found |= {url: FileState(state) for url, state in rows}
        return found

    def entries(self, session: WarehouseSession, *states: FileState) -> Iterator[Entry]:
        """All of the pipeline's files in these states."""
        rows = session.query(
            f"SELECT commit_id, table_name, file_key, row_count, byte_count, state, reason FROM {self._name('ledger')}"  # noqa: S608
            f" WHERE pipeline = %s AND state IN ({_marks(states)}) ORDER BY commit_id, file_key",
            self.lineage.pipeline, *states,
        )  # fmt: skip
        for commit_id, table, url, row_count, byte_count, state, reason in rows:
            bucket, key = url.removeprefix("s3://").split("/", 1)
            file = LakeFile(commit_id, table, bucket, key, int(row_count), int(byte_count))
            yield Entry(file, FileState(state), reason or "")

    def record(
        self, session: WarehouseSession, entries: Sequence[Entry], seq: int, now_ms: int, known: Collection[str]
    ) -> None:
        """Writes what became of these files, in place of what the ledger says of those that it knows, by URL. `seq` is
        the head's, once taken."""
        at = datetime.fromtimestamp(now_ms / 1000, UTC).replace(tzinfo=None)
        for urls in _chunks([entry.file.url for entry in entries if entry.file.url in known]):
            session.run(
                f"DELETE FROM {self._name('ledger')} WHERE pipeline = %s AND file_key IN ({_marks(urls)})",  # noqa: S608
                self.lineage.pipeline, *urls,
            )  # fmt: skip
        for chunk in _chunks(entries):
            rows = [self._row(entry, seq, at) for entry in chunk]
            self._insert(session, "ledger", _LEDGER_COLUMNS, rows)

    def save_positions(self, session: WarehouseSession, moved: Mapping[str, ChainPosition]) -> None:
        for chunk in _chunks(sorted(moved)):
            session.run(
                f"DELETE FROM {self._name('positions')} WHERE {_LINEAGE} AND shard_id IN ({_marks(chunk)})",  # noqa: S608
                *self._of_lineage(), *chunk,
            )  # fmt: skip
            rows = [
                (*self._of_lineage(), shard_id, str(moved[shard_id].position), moved[shard_id].ended)
                for shard_id in chunk
            ]
            columns = ("pipeline", "generation", "stream_created_ms", "shard_id", "position", "ended")
            self._insert(session, "positions", columns, rows)

    def _positions(self, session: WarehouseSession) -> dict[str, ChainPosition]:
        rows = session.query(
            f"SELECT shard_id, position, ended FROM {self._name('positions')} WHERE {_LINEAGE}",  # noqa: S608
            *self._of_lineage(),
        )  # fmt: skip
        return {shard_id: ChainPosition(int(position), bool(ended)) for shard_id, position, ended in rows}

    def _row(self, entry: Entry, seq: int, at: datetime) -> tuple[Any, ...]:
        file = entry.file
        return (
            self.lineage.pipeline, self.lineage.generation, file.commit_id, file.table, file.url, file.rows, file.bytes,
            entry.state.value, told(entry.reason), seq, at,
        )  # fmt: skip

    def _insert(
        self, session: WarehouseSession, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]
    ) -> None:
        values = ", ".join(f"({_marks(row)})" for row in rows)
        session.run(
            f"INSERT INTO {self._name(table)} ({', '.join(columns)}) VALUES {values}",  # noqa: S608
            *(value for row in rows for value in row),
        )  # fmt: skip

    def _of_lineage(self) -> tuple[str, int, int]:
        return self.lineage.pipeline, self.lineage.generation, self.lineage.stream_created_ms

    def _name(self, table: str) -> str:
        return f'"{self.schema}".loader_{table}'


_NOT_THERE = ("42P01", "3F000")
"""No such table, no such schema."""
_LINEAGE = "pipeline = %s AND generation = %s AND stream_created_ms = %s"
_LEDGER_COLUMNS = (
    "pipeline", "generation", "commit_id", "table_name", "file_key", "row_count", "byte_count", "state", "reason",
    "load_seq", "recorded_at",
)  # fmt: skip


def _marks(values: Sequence[Any]) -> str:
    return ", ".join(["%s"] * len(values))


def _chunks(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for begin in range(0, len(values), _CHUNK):
        yield values[begin : begin + _CHUNK]
