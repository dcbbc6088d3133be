"""Files held against the tables as the warehouse has them: what fits, and what hinders the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from headrace_consumers.errors import WarehouseStatementError
from headrace_consumers.load.copying import CopyGroup
from headrace_consumers.load.ledger import Entry, FileState, quarantined
from headrace_consumers.load.preflight import Fit, Footer, Look, Misfit, Unreadable, fit
from headrace_consumers.load.waiting import LakeFile, by_table
from headrace_consumers.warehouse.schema import read_columns
from headrace_consumers.warehouse.session import WarehouseSession
from headrace_consumers.warehouse.tables import TableColumn, add_column_statement, widen_column_statement
from headrace_consumers.warehouse.types import redshift_type

Columns = dict[str, TableColumn]


@dataclass(slots=True)
class Fitting:
    """Every call blocks on the warehouse."""

    schema: str

    def fitted(
        self, session: WarehouseSession, files: Sequence[LakeFile], looks: Mapping[str, Look]
    ) -> tuple[list[CopyGroup], list[Entry]]:
        """Groups that their tables take, which grow where that is all; and the others, with reasons. `looks` has what
        each file says of itself, by URL."""
        fitting: dict[tuple[str, tuple[str, ...]], list[LakeFile]] = {}
        set_aside: list[Entry] = []
        for table, found in by_table(files).items():
            columns = self._columns(session, table)
            for file in found:
                footer = looks[file.url]
                if isinstance(footer, Unreadable):
                    set_aside.append(_unreadable(file, footer))
                elif (misfit := self._misfit(session, file, footer, columns)) is not None:
                    set_aside.append(Entry(file, FileState.HELD, misfit))
                else:
                    fitting.setdefault((table, footer.columns), []).append(file)
        return [CopyGroup(table, names, tuple(group)) for (table, names), group in fitting.items()], set_aside

    def _misfit(self, session: WarehouseSession, file: LakeFile, footer: Footer, columns: Columns) -> str | None:
        """Why the file cannot go into its table; a table that only has to grow is made to."""
        if not columns:
            return f"table {self.schema}.{file.table} is not in the warehouse: run `headrace-consumers schema apply`"
        found = fit(footer, file, columns)
        if isinstance(found, Misfit):
            return found.reason
        return self._grow(session, file, footer, found, columns) if found.missing or found.wider else None

    def _grow(
        self, session: WarehouseSession, file: LakeFile, footer: Footer, found: Fit, columns: Columns
    ) -> str | None:
        """Another may have been faster, or the table may refuse it: that is a matter of this table alone."""
        refused = None
        try:
            for added in found.missing:
                session.run(add_column_statement(self.schema, file.table, added.name, redshift_type(added)))
            for wider in found.wider:
                session.run(widen_column_statement(self.schema, file.table, wider.name, redshift_type(wider)))
        except WarehouseStatementError as error:
            refused = error
        columns |= self._columns(session, file.table)
        if refused is None or fit(footer, file, columns) == Fit():
            return None
        wanted = ", ".join(f"{one.name} {redshift_type(one)}" for one in (*found.missing, *found.wider))
        return f"{file.table} has to get {wanted} for {file.url}, and the warehouse refuses: {refused}"

    def _columns(self, session: WarehouseSession, table: str) -> Columns:
        return {column.name: column for column in read_columns(session, self.schema, table)}


def _unreadable(file: LakeFile, footer: Unreadable) -> Entry:
    return Entry(file, FileState.HELD, footer.reason) if footer.lost else quarantined(file, footer.reason)
