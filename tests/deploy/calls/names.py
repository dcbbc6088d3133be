"""Which kind of resource a name is, by the names that all environments go by."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from functools import cache

from tests.deploy.calls.rows import TABLE

NAMES = TABLE.parents[1] / "names" / "names.json"
PIPELINE = "parcels"
REPLAY_STREAM = "parcels-again"
USERS_SECRET = "headrace/local/warehouse/reader"  # noqa: S105 -- its name
_ZONES = ("raw", "processed", "curated", "landing")
_LEASES = f"headrace-{PIPELINE}-g"
_OF_BUCKETS = frozenset({"HeadBucket", "ListObjectsV2", "ListMultipartUploads"})


def kind_of(call: str, name: str) -> str:
    """Raises ValueError on what the run never made."""
    api, _, operation = call.partition(":")
    kind = _KIND_OF[api](name) if api in _KIND_OF else ""
    if not kind:
        raise ValueError(f"{call} on {name!r}, which nobody has told of: names.py says what is what")
    return f"{kind}_{'bucket' if operation in _OF_BUCKETS else 'objects'}" if api == "s3" else kind


def _zone_of(bucket: str) -> str:
    return next((zone for zone in _ZONES if _is(f"{zone}_bucket", bucket)), "")


def _table_of(name: str) -> str:
    if name.startswith(_LEASES):
        return "lease_indexes" if "/index/" in name else "lease_tables"
    return "log_table" if _is("log_table", name) else ""


def _stream_of(name: str) -> str:
    """Pages and iterators name none: they are of the one that was asked for first."""
    return "replay_streams" if name == REPLAY_STREAM else "stream" if not name or _is("stream", name) else ""


def _secret_of(name: str) -> str:
    return "secrets" if name == USERS_SECRET else ""


_KIND_OF: Mapping[str, Callable[[str], str]] = {
    "s3": _zone_of,
    "dynamodb": _table_of,
    "kinesis": _stream_of,
    "secretsmanager": _secret_of,
    "glue": lambda _: "glue",
    "athena": lambda _: "athena",
}
"""Of Glue and Athena the run has nothing but what is the pipeline's own."""


def _is(kind: str, name: str) -> bool:
    return _pattern(kind).fullmatch(name) is not None


@cache
def _pattern(kind: str) -> re.Pattern[str]:
    said = json.loads(NAMES.read_text())[kind].replace("{pipeline}", PIPELINE)
    return re.compile(re.sub(r"\\{\w+\\}", "[a-z0-9-]+", re.escape(said)))
