"""The catalog itself: Glue. Every call blocks on AWS."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from headrace_consumers.aws_retry import asked, none_where
from headrace_consumers.catalog.table_input import catalog_table, table_input
from headrace_consumers.catalog.tables import CatalogTable, TableName
from headrace_consumers.errors import CatalogChangedError

if TYPE_CHECKING:
    from mypy_boto3_glue import GlueClient
    from mypy_boto3_glue.type_defs import DatabaseInputTypeDef, TableTypeDef, UpdateTableRequestTypeDef

_GONE = frozenset({"EntityNotFoundException"})
_MEANWHILE = frozenset({"AlreadyExistsException", "ConcurrentModificationException", "EntityNotFoundException"})


class GlueCatalog:
    """TableCatalog over boto3's client. Raises TerminalError for what AWS refuses, CatalogChangedError where another
    one was first: then nothing was changed."""

    def __init__(self, client: GlueClient) -> None:
        self._client = client

    def has_database(self, name: str) -> bool:
        asking = none_where(_GONE, lambda: self._client.get_database(Name=name))
        return asked(asking, f"GetDatabase of {name}") is not None

    def create_database(self, name: str, description: str) -> None:
        described: DatabaseInputTypeDef = {"Name": name, "Description": description}
        _written(lambda: self._client.create_database(DatabaseInput=described), "CreateDatabase", name)

    def table(self, place: TableName) -> CatalogTable | None:
        said = self._said(place)
        return None if said is None else catalog_table(said)

    def create_table(self, place: TableName, table: CatalogTable) -> None:
        made = table_input(place.name, table)
        _written(
            lambda: self._client.create_table(DatabaseName=place.database, TableInput=made), "CreateTable", str(place)
        )

    def update_table(self, place: TableName, before: CatalogTable, now: CatalogTable) -> None:
        """Only where it still is as it was `before`."""
        said = self._said(place)
        if said is None or catalog_table(said) != before:
            raise _changed(str(place))
        request: UpdateTableRequestTypeDef = {
            "DatabaseName": place.database, "TableInput": table_input(place.name, now, said)
        }  # fmt: skip
        if said.get("VersionId"):
            request["VersionId"] = said["VersionId"]
        _written(lambda: self._client.update_table(**request), "UpdateTable", str(place))

    def _said(self, place: TableName) -> TableTypeDef | None:
        asking = none_where(_GONE, lambda: self._client.get_table(DatabaseName=place.database, Name=place.name))
        found = asked(asking, f"GetTable of {place}")
        return None if found is None else found["Table"]


def _written(call: Callable[[], object], action: str, what: str) -> None:
    if asked(none_where(_MEANWHILE, call), f"{action} of {what}") is None:
        raise _changed(what)


def _changed(what: str) -> CatalogChangedError:
    return CatalogChangedError(f"{what} was changed in the catalog at the same moment; try again")
