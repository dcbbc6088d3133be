"""Databases and tables of the catalog as values. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from headrace_consumers.catalog.projection import Projection

PIPELINE = "headrace.pipeline"
"""Whose table it is. One without it was made by somebody else."""
CONTRACT = "headrace.contract"
PERSONAL_COLUMNS = "headrace.personal_columns"
"""Names, comma between them."""
FIRST_COLUMNS = "headrace.first_columns"
"""How many columns the table was made with: these are in the contract's order, later ones in that of their coming."""
PERSONAL, UNIT = "personal", "unit"
"""Of columns."""


@dataclass(frozen=True, slots=True)
class Formats:
    """How files are read: class names of Hive's."""

    input: str
    output: str
    serde: str


_HIVE = "org.apache.hadoop.hive.ql.io.parquet"
PARQUET = Formats(
    f"{_HIVE}.MapredParquetInputFormat", f"{_HIVE}.MapredParquetOutputFormat", f"{_HIVE}.serde.ParquetHiveSerDe"
)


@dataclass(frozen=True, slots=True)
class TableName:
    database: str
    name: str

    def __str__(self) -> str:
        return f"{self.database}.{self.name}"


@dataclass(frozen=True, slots=True)
class CatalogColumn:
    """A column; its parameters are marks that readers may look for."""

    name: str
    type: str
    """As Athena's DDL writes it, such as `decimal(7,2)`."""
    comment: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.name} {self.type}"


@dataclass(frozen=True, slots=True)
class CatalogTable:
    """Parquet files below one place in S3."""

    location: str
    """`s3://bucket/prefix/`."""
    columns: tuple[CatalogColumn, ...]
    partition_keys: tuple[CatalogColumn, ...] = ()
    description: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    formats: Formats = PARQUET


@dataclass(frozen=True, slots=True)
class WantedTable:
    """What the catalog should have; how far its projection reaches also depends on what is there."""

    table: CatalogTable
    projection: Projection | None = None
    """None where the table has no partitions."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a pipeline wants of the catalog."""

    pipeline: str
    databases: Mapping[str, str]
    """Name to description."""
    tables: Mapping[TableName, WantedTable]
