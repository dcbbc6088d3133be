"""The warehouse as any reader sees it: its tables and views, unloaded and copied to a folder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from headrace_consumers.pipeline import Pipeline
from headrace_consumers.warehouse.session import WarehouseSession
from headrace_consumers.warehouse.staging import view_name
from headrace_consumers.warehouse.tables import quoted
from headrace_local.environment import AwsClients
from headrace_local.flights.marts_expected import Model
from headrace_local.lake_copy import LakeCopy, copy_lake

_BUCKET = "headrace-unloaded"


def staging_queries(pipeline: Pipeline, schema: str) -> dict[str, str]:
    """What is copied, by the names of tables and views: all that events say, and windows as they are at last."""
    events = {
        table.name: _select(schema, table.name, ("event_id", *(column.name for column in table.contract.columns)))
        for table in pipeline.tables
    }
    views = {view_name(window): _select(schema, view_name(window)) for window in pipeline.windows}
    return events | views


def model_queries(models: Iterable[Model]) -> dict[str, str]:
    """Of core and marts, by their names."""
    return {model.name: _select(model.schema, model.name) for model in models}


def copy_warehouse(session: WarehouseSession, clients: AwsClients, queries: Mapping[str, str], root: Path) -> LakeCopy:
    """Blocks on the warehouse and on S3, by a bucket that is gone afterwards."""
    clients.s3.create_bucket(Bucket=_BUCKET)
    for name, query in queries.items():
        session.run(f"UNLOAD ('{query}') TO 's3://{_BUCKET}/{name}/' IAM_ROLE default FORMAT AS PARQUET")
    copied = copy_lake(clients, _BUCKET, root)
    for key in copied.keys:
        clients.s3.delete_object(Bucket=_BUCKET, Key=key)
    clients.s3.delete_bucket(Bucket=_BUCKET)
    return copied


def _select(schema: str, name: str, columns: Sequence[str] = ()) -> str:
    return f"SELECT {', '.join(map(quoted, columns)) or '*'} FROM {quoted(schema)}.{quoted(name)}"  # noqa: S608 -- our own names
