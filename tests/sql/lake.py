"""The lake beside the world's warehouse: its catalog, and its files as DuckDB finds them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import boto3
import duckdb

from headrace_consumers.catalog.glue import GlueCatalog
from headrace_consumers.catalog.tables import CatalogTable, TableName
from headrace_consumers.cli import execute as consumers
from headrace_consumers.settings import CatalogSettings
from headrace_local.environment import KEY, REGION, aws_variables
from headrace_local.lake_copy import copy_lake
from headrace_local.names import LOCAL, Names
from headrace_local.pipelines import flights
from headrace_sql.cli import execute as models
from tests.local.test_flights import files_of, line_of
from tests.local.test_warehouse import put_file
from tests.sql.world import World, now_ms

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_athena import AthenaClient

PIPELINE = "headrace_local.pipelines:flights"
MARTS = ("aircraft_rotations", "aircraft_use", "departures_by_hour", "on_time_performance", "route_demand")
ZONES = ("raw", "processed", "curated")
NAMES = Names(LOCAL, "000000000000", REGION)
CURATED = NAMES.of("curated_bucket")
WORKGROUP = NAMES.of("workgroup")
SETTINGS = CatalogSettings(catalog_prefix=NAMES.of("catalog_prefix"))


@dataclass(frozen=True)
class Lake:
    """Commands run in this process; where they find AWS and the warehouse is theirs alone."""

    world: World

    @property
    def environment(self) -> dict[str, str]:
        return self.world.environment | aws_variables(self.world.stack.endpoint)

    def unload(self, *arguments: str) -> int:
        with self.environed():
            return models(["unload", *arguments])

    def athena(self, *arguments: str) -> int:
        with self.environed():
            return models(["athena", *arguments])

    def make_catalog(self) -> None:
        with self.environed():
            assert consumers(["catalog", "apply", PIPELINE]) == 0

    @contextmanager
    def environed(self) -> Iterator[None]:
        with patch.dict(os.environ, self.environment):
            yield

    # --- the catalog

    @property
    def catalog(self) -> GlueCatalog:
        return GlueCatalog(self._client("glue"))

    @property
    def athena_client(self) -> AthenaClient:
        client: AthenaClient = self._client("athena")
        return client

    def mart(self, name: str) -> CatalogTable:
        found = self.catalog.table(TableName(SETTINGS.database("curated"), name))
        assert found is not None, name
        return found

    def _client(self, service: str) -> Any:
        own = {"region_name": REGION, "aws_access_key_id": KEY, "aws_secret_access_key": KEY}
        return boto3.client(service, endpoint_url=self.world.stack.endpoint, **own)  # type: ignore[call-overload]

    # --- the files

    def keys(self, prefix: str) -> list[str]:
        """Of the curated zone."""
        listed = self.world.stack.clients.s3.list_objects_v2(Bucket=CURATED, Prefix=prefix)
        return sorted(entry["Key"] for entry in listed.get("Contents", ()))

    @contextmanager
    def duckdb(self, root: Path) -> Iterator[duckdb.DuckDBPyConnection]:
        """All that the catalog names, under the same names, read from copies of the files."""
        with duckdb.connect() as database:
            database.execute("SET TimeZone = 'UTC'")
            for zone in ZONES:
                database.execute(f"CREATE SCHEMA {SETTINGS.database(zone)}")
                bucket = self.world.stack.resources.lake_settings.buckets[zone]
                copied = copy_lake(self.world.stack.clients, bucket, root / zone)
                for table, prefix in self._prefixes(zone).items():
                    files = sorted(str(root / zone / key) for key in copied.keys if key.startswith(prefix))
                    if files:
                        _view(database, f"{SETTINGS.database(zone)}.{table}", files)
            yield database

    def _prefixes(self, zone: str) -> Mapping[str, str]:
        if zone == "raw":
            return {flights.name: f"{flights.name}/"}
        if zone == "processed":
            names = (*(table.name for table in flights.lake_tables), flights.dead_letter_table)
            return {name: f"{name}/" for name in names}
        windows = {window.name: f"{window.name}/" for window in flights.windows}
        return windows | {mart: self.mart(mart).location.removeprefix(f"s3://{CURATED}/") for mart in MARTS}

    # --- what a worker leaves

    def receive(self, bad_lines: int) -> None:
        """A commit of some flights, and so many lines that are none: rows, dead letters and the raw records."""
        lines = [line_of(next(self.world.events)) for _ in range(200)]
        lines += [b'{"no": "event"}\n'] * bad_lines
        attempt_id = f"{now_ms():012x}received"
        for file in files_of(lines, attempt_id, now_ms(), zones=("processed", "raw")):
            bucket = self.world.stack.resources.lake_settings.buckets[file.zone]
            put_file(self.world.stack, bucket, file.key, bytes(file.body), attempt_id)


def _view(database: duckdb.DuckDBPyConnection, name: str, files: list[str]) -> None:
    partitioned = any("=" in Path(file).parent.name for file in files)
    options = ", hive_partitioning = true, hive_types_autocast = false" if partitioned else ""
    database.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet({files}, union_by_name = true{options})")  # noqa: S608 -- our own names
