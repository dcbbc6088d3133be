"""COPY of many files by one manifest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from headrace_consumers.load.waiting import LakeFile
from headrace_consumers.warehouse.tables import quoted


def manifest(files: Iterable[LakeFile]) -> bytes:
    """All mandatory; Redshift wants the length of columnar files."""
    entries = [{"url": file.url, "mandatory": True, "meta": {"content_length": file.bytes}} for file in files]
    return msgspec.json.encode({"entries": entries})


def manifest_key(pipeline: str, load_id: str, number: int) -> str:
    return f"{pipeline}_loads/{load_id}-{number}.manifest"


def copy_statement(schema: str, table: str, columns: Sequence[str], manifest_url: str, role: str) -> str:
    """`role` is an ARN, or `default`."""
    authority = "default" if role == "default" else f"'{role}'"
    return (
        f"COPY {quoted(schema)}.{quoted(table)} ({', '.join(map(quoted, columns))}) FROM '{manifest_url}' "
        f"IAM_ROLE {authority} FORMAT AS PARQUET MANIFEST"
    )
