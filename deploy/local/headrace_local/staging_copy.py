"""Staging as any reader of the warehouse sees it: its tables and views, unloaded and copied to a folder."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from headrace_consumers.warehouse.session import WarehouseSession
from headrace_local.environment import AwsClients
from headrace_local.lake_copy import LakeCopy, copy_lake

_BUCKET = "headrace-unloaded"


def copy_staging(
    session: WarehouseSession, clients: AwsClients, schema: str, names: Iterable[str], root: Path
) -> LakeCopy:
    """Blocks on the warehouse and on S3, by a bucket that is gone afterwards."""
    clients.s3.create_bucket(Bucket=_BUCKET)
    for name in names:
        session.run(_unload(schema, name))
    copied = copy_lake(clients, _BUCKET, root)
    for key in copied.keys:
        clients.s3.delete_object(Bucket=_BUCKET, Key=key)
    clients.s3.delete_bucket(Bucket=_BUCKET)
    return copied


def _unload(schema: str, name: str) -> str:
    query = f'SELECT * FROM "{schema}"."{name}"'  # noqa: S608 -- our own names
    return f"UNLOAD ('{query}') TO 's3://{_BUCKET}/{name}/' IAM_ROLE default FORMAT AS PARQUET"
