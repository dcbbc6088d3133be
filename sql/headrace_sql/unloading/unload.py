"""UNLOAD of all marts, and the catalog's tables that name where each lies.

Theory of operation. A mart is unloaded below a new place, `marts/<database>/<mart>/<time>/`; once it is whole, one
call to Glue lets the catalog's table name that place instead of the one before. So a query sees all of the old rows or
all of the new ones, and one that began before the switch still finds its files: the place before is kept, what is
older goes. Whatever is interrupted leaves a place that nobody names, and the next unload clears it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import msgspec

from headrace_consumers.catalog.applying import TableCatalog
from headrace_consumers.catalog.tables import PIPELINE, CatalogTable, TableName
from headrace_consumers.load.copying import iam_role
from headrace_consumers.warehouse.session import WarehouseSession
from headrace_producers.errors import TerminalError
from headrace_sql.unloading.marts import Mart
from headrace_sql.unloading.places import Places

MART = "headrace.mart"
"""Marks the catalog's tables of marts; one of the same name without it is somebody else's."""


class Unloaded(msgspec.Struct, frozen=True, kw_only=True):
    """One mart, as it now lies in the lake."""

    mart: str
    location: str
    rows: int
    files: int
    bytes: int

    def line(self) -> str:
        return f"{self.mart}: {self.rows:,} rows, {self.files} files, {self.bytes:,} bytes at {self.location}"


@dataclass(frozen=True, slots=True)
class Unloader:
    """Blocks on the warehouse, S3 and Glue, and raises their errors. One at a time: the build's lock sees to that."""

    session: WarehouseSession
    catalog: TableCatalog
    places: Places
    database: str
    pipeline: str
    role: str
    key_id: str = ""
    """Of KMS; S3's own key where empty."""

    def unload(self, marts: Sequence[Mart], unload_id: str) -> Iterator[Unloaded]:
        """One after the other, each below a place of this unload's id, which no other had. Raises TerminalError where
        the catalog has a table of a mart's name that is none, or another pipeline's."""
        names = {mart.name: TableName(self.database, mart.name) for mart in marts}
        before = {name: self._known(place) for name, place in names.items()}
        if not self.catalog.has_database(self.database):
            self.catalog.create_database(self.database, "Headrace's curated zone")
        for mart in marts:
            location = self.places.location(mart.name, unload_id)
            rows = self._write(mart, location)
            self._point(names[mart.name], before[mart.name], self._table(mart, location))
            kept = before[mart.name]
            self.places.clear(mart.name, keep={location, *([kept.location] if kept else [])})
            files = self.places.sizes(location)
            yield Unloaded(mart=mart.name, location=location, rows=rows, files=len(files), bytes=sum(files))

    def _known(self, place: TableName) -> CatalogTable | None:
        found = self.catalog.table(place)
        if found is not None and MART not in found.parameters:
            raise TerminalError(f"{place} in the catalog is no mart: give the model another name, or remove the table")
        if found is not None and (owner := found.parameters.get(PIPELINE)) != self.pipeline:
            raise TerminalError(
                f"{place} in the catalog is a mart of the pipeline {owner!r}: use another catalog_prefix"
            )
        return found

    def _write(self, mart: Mart, location: str) -> int:
        """Counted in the transaction that unloads."""
        query = mart.select().replace("'", "''")
        self.session.begin()
        try:
            [(rows,)] = self.session.query(f"SELECT count(*) FROM ({mart.select()}) AS mart")  # noqa: S608 -- our own text
            encrypted = f" KMS_KEY_ID '{self.key_id}' ENCRYPTED" if self.key_id else ""
            self.session.run(f"UNLOAD ('{query}') TO '{location}' {iam_role(self.role)} FORMAT AS PARQUET{encrypted}")
            self.session.commit()
        except BaseException:
            self.session.rollback()
            raise
        return int(rows)

    def _table(self, mart: Mart, location: str) -> CatalogTable:
        return CatalogTable(
            location=location,
            columns=mart.columns,
            description=mart.description,
            parameters={"classification": "parquet", PIPELINE: self.pipeline, MART: mart.name},
        )

    def _point(self, place: TableName, before: CatalogTable | None, now: CatalogTable) -> None:
        if before is None:
            self.catalog.create_table(place, now)
        else:
            kept = replace(now, parameters={**before.parameters, **now.parameters})
            self.catalog.update_table(place, before, kept)
