"""Rows leave staging: those of retired commits, and those that are to be forgotten. Parts of a load's transaction, once
the head is taken.

The ledger remembers both, also where there is no row yet to take out: a commit that is met after it was retired brings
nothing, and what is loaded later of a forgotten value goes at once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from headrace_consumers.commitlog.model import Erasure
from headrace_consumers.load.amendments import Amendments
from headrace_consumers.load.counting import has_column
from headrace_consumers.load.ledger import FileState, Ledger, chunks, marks
from headrace_consumers.stages.schemas import COMMIT_FIELD
from headrace_consumers.warehouse.session import WarehouseSession
from headrace_consumers.warehouse.tables import quoted


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """Rows that left staging."""

    retired: int = 0
    erased: int = 0


@dataclass(frozen=True, slots=True)
class Withdrawing:
    """Every call blocks on the warehouse. `seq` is the head's, once taken."""

    ledger: Ledger

    # --- retired commits

    def retire(self, session: WarehouseSession, amendments: Amendments, seq: int, now_ms: int) -> int:
        """Takes out all rows of the retired commits, and notes that they are: how many rows."""
        if not amendments.retired:
            return 0
        self._note_retired(session, sorted(amendments.retired), seq, now_ms)
        return sum(self._delete_retired(session, table, seq) for table in amendments.tables)

    def _note_retired(self, session: WarehouseSession, commit_ids: Sequence[str], seq: int, now_ms: int) -> None:
        """In place of all that is noted of the commits without a file: what was erased of them, or that they are
        retired, which a log says again that is followed anew."""
        for chunk in chunks(commit_ids):
            session.run(
                f"DELETE FROM {self.ledger.name('ledger')} WHERE pipeline = %s AND file_key = ''"  # noqa: S608
                f" AND commit_id IN ({marks(chunk)})",
                self._pipeline, *chunk,
            )  # fmt: skip
        notes = ((commit_id, "", 0) for commit_id in commit_ids)
        self.ledger.record_commits(session, notes, FileState.RETIRED, seq, now_ms)
        session.run(
            f"UPDATE {self.ledger.name('ledger')} SET state = %s WHERE pipeline = %s AND file_key <> ''"  # noqa: S608
            f" AND commit_id IN ({self._retired})",
            FileState.RETIRED, self._pipeline, *self._retired_by(seq),
        )  # fmt: skip

    def _delete_retired(self, session: WarehouseSession, table: str, seq: int) -> int:
        if not has_column(session, self.ledger.schema, table, COMMIT_FIELD.name):
            return 0
        return session.run(
            f"DELETE FROM {self._staging(table)} WHERE commit_id IN ({self._retired})",  # noqa: S608
            *self._retired_by(seq),
        )

    @property
    def _retired(self) -> str:
        return (
            f"SELECT commit_id FROM {self.ledger.name('ledger')}"  # noqa: S608
            " WHERE pipeline = %s AND load_seq = %s AND state = %s AND file_key = ''"
        )

    def _retired_by(self, seq: int) -> tuple[str, int, str]:
        return self._pipeline, seq, FileState.RETIRED.value

    # --- erased rows

    def erase(
        self, session: WarehouseSession, erases: Sequence[Erasure], copied: Collection[str], seq: int, now_ms: int
    ) -> int:
        """Rows of new erasures from all of their tables, and of the earlier ones from what this load has copied, by
        table: how many."""
        self._remember(session, erases, seq)
        fresh = {(one.table, one.column) for one in erases}
        return sum(
            self._erase(session, place, seq, now_ms, only_copied=place not in fresh)
            for place in self._erased_places(session, {*copied, *(one.table for one in erases)})
        )

    def _remember(self, session: WarehouseSession, erases: Sequence[Erasure], seq: int) -> None:
        rows = [(self._pipeline, one.table, one.column, one.sha256, seq) for one in erases]
        for chunk in chunks(rows):
            self.ledger.insert(session, "erasures", _ERASURES_COLUMNS, chunk)

    def _erased_places(self, session: WarehouseSession, tables: Collection[str]) -> Iterator[tuple[str, str]]:
        """Tables and columns of all erasures of these tables, as far as the warehouse has them."""
        if not tables:
            return
        places = session.query(
            f"SELECT DISTINCT table_name, column_name FROM {self.ledger.name('erasures')} WHERE pipeline = %s",  # noqa: S608
            self._pipeline,
        )
        for table, column in sorted((table, column) for table, column in places if table in tables):
            if has_column(session, self.ledger.schema, table, column):
                yield table, column

    def _erase(
        self, session: WarehouseSession, place: tuple[str, str], seq: int, now_ms: int, *, only_copied: bool
    ) -> int:
        """The ledger says of each commit how many, so that books and tables agree."""
        table, column = place
        rows = (
            f"FROM {self._staging(table)} WHERE SHA2({quoted(column)}::VARCHAR(65535), 256) IN"  # noqa: S608
            f" (SELECT sha256 FROM {self.ledger.name('erasures')}"
            " WHERE pipeline = %s AND table_name = %s AND column_name = %s)"
        )
        values: list[object] = [self._pipeline, table, column]
        if only_copied:
            rows += (
                f" AND commit_id IN (SELECT commit_id FROM {self.ledger.name('ledger')}"  # noqa: S608
                " WHERE pipeline = %s AND load_seq = %s AND table_name = %s)"
            )
            values += [self._pipeline, seq, table]
        found = session.query(f"SELECT commit_id, count(*) {rows} GROUP BY commit_id", *values)
        counts = [(str(commit_id), table, int(number)) for commit_id, number in found]
        if counts:
            session.run(f"DELETE {rows}", *values)
            self.ledger.record_commits(session, counts, FileState.ERASED, seq, now_ms)
        return sum(number for _, _, number in counts)

    # --- the warehouse

    def _staging(self, table: str) -> str:
        return f"{quoted(self.ledger.schema)}.{quoted(table)}"

    @property
    def _pipeline(self) -> str:
        return self.ledger.lineage.pipeline


_ERASURES_COLUMNS = ("pipeline", "table_name", "column_name", "sha256", "load_seq")
