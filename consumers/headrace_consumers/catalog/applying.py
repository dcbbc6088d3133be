"""The catalog as it is, and bringing it to what a pipeline wants."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Protocol

import tenacity

from headrace_consumers.catalog.changes import Change, CreateDatabase, CreateTable
from headrace_consumers.catalog.folders import Folders
from headrace_consumers.catalog.plan import CatalogPlan, Existing, plan
from headrace_consumers.catalog.tables import CatalogTable, TableName, Wanted
from headrace_consumers.errors import CatalogChangedError

_ATTEMPTS = 5


class TableCatalog(Protocol):
    """Databases and tables. Whatever writes raises CatalogChangedError where another one was first."""

    def has_database(self, name: str) -> bool: ...

    def create_database(self, name: str, description: str) -> None: ...

    def table(self, place: TableName) -> CatalogTable | None:
        """None where there is no such table, or no such database."""
        ...

    def create_table(self, place: TableName, table: CatalogTable) -> None: ...

    def update_table(self, place: TableName, before: CatalogTable, now: CatalogTable) -> None:
        """Only where it still is as it was `before`; all that a CatalogTable does not say stays."""
        ...


def read_existing(catalog: TableCatalog, folders: Folders, wanted: Wanted) -> Existing:
    tables = {place: table for place in wanted.tables if (table := catalog.table(place)) is not None}
    return Existing(
        frozenset(name for name in wanted.databases if catalog.has_database(name)),
        tables,
        {place: folders(table.projection) for place, table in wanted.tables.items() if table.projection},
    )


@tenacity.retry(
    retry=tenacity.retry_if_exception_type(CatalogChangedError),
    stop=tenacity.stop_after_attempt(_ATTEMPTS),
    wait=tenacity.wait_random_exponential(multiplier=0.05, max=2.0),
    reraise=True,
)
def apply(
    catalog: TableCatalog,
    folders: Folders,
    wanted: Wanted,
    now: datetime,
    tell: Callable[[CatalogPlan], None],
) -> CatalogPlan:
    """Makes all changes that are not refused, and tells each plan before. Safe beside another `apply`: where that one
    was first, what is left to do is asked anew. Wherever it was interrupted, calling it again goes on."""
    existing = read_existing(catalog, folders, wanted)
    found = plan(wanted, existing, now)
    tell(found)
    make(catalog, existing.tables, found.changes)
    return found


def make(catalog: TableCatalog, tables: Mapping[TableName, CatalogTable], changes: Iterable[Change]) -> None:
    """One update per table, whatever becomes of it; `tables` are those that the changes were planned for."""
    updated: dict[TableName, CatalogTable] = {}
    for change in changes:
        if isinstance(change, CreateDatabase):
            catalog.create_database(change.name, change.description)
        elif isinstance(change, CreateTable):
            catalog.create_table(change.place, change.made())
        else:
            updated[change.place] = change.on(updated.get(change.place, tables[change.place]))
    for place, now in updated.items():
        catalog.update_table(place, tables[place], now)
