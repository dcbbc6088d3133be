"""A catalog in memory, and what Athena makes of a projection."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from headrace_consumers.catalog.applying import make
from headrace_consumers.catalog.plan import CatalogPlan, Existing
from headrace_consumers.catalog.tables import CatalogTable, TableName
from headrace_consumers.errors import CatalogChangedError


@dataclass
class Shelf:
    """TableCatalog. `meanwhile` is what another one does just before the next change."""

    databases: dict[str, str] = field(default_factory=dict)
    tables: dict[TableName, CatalogTable] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    meanwhile: dict[TableName, CatalogTable] = field(default_factory=dict)

    def has_database(self, name: str) -> bool:
        return name in self.databases

    def create_database(self, name: str, description: str) -> None:
        self._others()
        if name in self.databases:
            raise CatalogChangedError(name)
        self.databases[name] = description
        self.calls.append(f"create {name}")

    def table(self, place: TableName) -> CatalogTable | None:
        return self.tables.get(place)

    def create_table(self, place: TableName, table: CatalogTable) -> None:
        self._others()
        if place in self.tables or place.database not in self.databases:
            raise CatalogChangedError(str(place))
        self.tables[place] = table
        self.calls.append(f"create {place}")

    def update_table(self, place: TableName, before: CatalogTable, now: CatalogTable) -> None:
        self._others()
        if self.tables.get(place) != before:
            raise CatalogChangedError(str(place))
        self.tables[place] = now
        self.calls.append(f"update {place}")

    def _others(self) -> None:
        self.tables |= self.meanwhile
        self.meanwhile = {}


def after(existing: Existing, found: CatalogPlan) -> Existing:
    """The catalog once all changes are made."""
    shelf = Shelf(dict.fromkeys(existing.databases, ""), dict(existing.tables))
    make(shelf, existing.tables, found.changes)
    return Existing(frozenset(shelf.databases), shelf.tables, existing.folders)


_STRPTIME = {"yyyy-MM": "%Y-%m", "yyyy-MM-dd": "%Y-%m-%d", "yyyy-MM-dd'T'HH": "%Y-%m-%dT%H"}
_LENGTHS = {"MONTHS": 7, "DAYS": 10, "HOURS": 13}


def projected(table: CatalogTable, now: datetime) -> Iterator[str]:
    """The places that Athena looks at, as its documentation has it: from the range's start by the interval, for as long
    as this is not after its end, which counts from now."""
    (key,) = table.partition_keys
    said = {name.removeprefix(f"projection.{key.name}."): value for name, value in table.parameters.items()}
    assert (said["projection.enabled"], said["type"], said["interval"]) == ("true", "date", "1")
    start, end = said["range"].split(",")
    found = re.fullmatch(r"NOW\+([0-9]+)(MONTHS|DAYS|HOURS)", end)
    assert found
    unit = said["interval.unit"]
    last = _later(now, int(found[1]), found[2])
    time = datetime.strptime(start, _STRPTIME[said["format"]]).replace(tzinfo=UTC)
    while time <= last:
        yield said["storage.location.template"].replace(f"${{{key.name}}}", time.isoformat()[: _LENGTHS[unit]])
        time = _later(time, 1, unit)


def _later(time: datetime, count: int, unit: str) -> datetime:
    if unit != "MONTHS":
        return time + timedelta(**{unit.lower(): count})
    month = time.year * 12 + time.month - 1 + count
    year, month = month // 12, month % 12 + 1
    return time.replace(year=year, month=month, day=min(time.day, monthrange(year, month)[1]))
