"""What follows from calls by rules of AWS: encryption by our own keys, and S3's answer on what is not there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tests.deploy.calls.rows import Row

_READS, _WRITES, _READS_AND_WRITES = ("kms:Decrypt",), ("kms:GenerateDataKey",), ("kms:Decrypt", "kms:GenerateDataKey")
_OF_OBJECTS: Mapping[str, tuple[str, ...]] = {
    "s3:GetObject": _READS,
    "s3:PutObject": _WRITES,
    "s3:UploadPart": _READS_AND_WRITES,
    "s3:CompleteMultipartUpload": _READS_AND_WRITES,
}
_KEYS: Mapping[str, str] = {"unload_objects": "curated_key", "athena_results": "curated_key"}
"""Of objects that are no zone's by name."""
_READS_CATALOG = ("BatchGetPartition", "GetDatabase", "GetPartition", "GetPartitions", "GetTable")
_WRITES_CATALOG = ("kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey")
_ITEMS = frozenset({"GetItem", "PutItem", "Query", "Scan", "TransactWriteItems"})
ENCRYPTION, MISSING = "encryption", "missing objects"
_WHY: Mapping[str, str] = {
    "s3": "objects are encrypted by the key of their zone",
    "dynamodb": "the table's own key is decrypted for whoever reads or writes it",
    "kinesis": "records are encrypted by the stream's key",
    "glue": "the catalog is encrypted",
    "secretsmanager": "secrets are encrypted",
}


def derived_rows(rows: Iterable[Row]) -> list[Row]:
    """Of these, each once."""
    found: dict[object, Row] = {}
    for row in rows:
        for one in (*_encryption(row), *_missing(row)):
            found.setdefault(one.made, one)
    return sorted(found.values())


def _encryption(row: Row) -> Iterable[Row]:
    api, _, operation = row.call.partition(":")
    if api == "s3":
        actions = _OF_OBJECTS.get(row.call, ())
        key = _KEYS.get(row.on, f"{row.on.removesuffix('_objects')}_key")
    elif api == "glue":
        actions, key = _READS if operation in _READS_CATALOG else _WRITES_CATALOG, "operations_key"
    elif row.call == "secretsmanager:PutSecretValue":
        actions, key = _READS_AND_WRITES, "operations_key"
    elif row.call == "kinesis:GetRecords" or (row.on == "log_table" and operation in _ITEMS):
        actions, key = _READS, "stream_key"
    elif row.call == "kinesis:PutRecords":
        actions, key = _WRITES, "stream_key"
    else:
        return
    for action in actions:
        yield Row(service=row.service, call=action, on=key, actions=(action,), source=ENCRYPTION, why=_WHY[api])


def _missing(row: Row) -> Iterable[Row]:
    """Whoever may not list a bucket is refused what is not in it, and not told that it is missing."""
    if row.call in {"s3:GetObject", "s3:HeadObject"} and row.on.endswith("_objects"):
        yield Row(service=row.service, call="s3:ListBucket", on=f"{row.on.removesuffix('_objects')}_bucket",
                  actions=("s3:ListBucket",), source=MISSING,
                  why="without it S3 answers 403 instead of 404 on an object that is not there")  # fmt: skip
