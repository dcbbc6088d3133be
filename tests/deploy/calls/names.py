"""Which kind of resource a name is, by the names that all environments go by."""

from __future__ import annotations

import json
import re
from functools import cache

from tests.deploy.calls.rows import TABLE

NAMES = TABLE.parents[1] / "names" / "names.json"
PIPELINE = "parcels"
REPLAY_STREAM = "parcels-again"
SECRET = "headrace/local/warehouse/reader"
_ZONES = ("raw", "processed", "curated", "landing")
_LEASES = f"headrace-{PIPELINE}-g"
_OF_BUCKETS = frozenset({"HeadBucket", "ListObjectsV2", "ListMultipartUploads"})


def kind_of(call: str, name: str) -> str:
    """Raises ValueError on what the run never made."""
    api, _, operation = call.partition(":")
    if api == "s3" and (zone := next((zone for zone in _ZONES if _is(f"{zone}_bucket", name)), "")):
        return f"{zone}_{'bucket' if operation in _OF_BUCKETS else 'objects'}"
    if api == "dynamodb" and _is("log_table", name):
        return "log_table"
    if api == "dynamodb" and name.startswith(_LEASES):
        return "lease_indexes" if "/index/" in name else "lease_tables"
    if api == "kinesis" and name == REPLAY_STREAM:
        return "replay_streams"
    # Pages and iterators name no stream: they are of the one that was asked for first.
    if api == "kinesis" and (not name or _is("stream", name)):
        return "stream"
    if api == "secretsmanager" and name == SECRET:
        return "secrets"
    if api in {"glue", "athena"}:
        return api
    raise ValueError(f"{call} on {name!r}, which nobody has told of: names.py says what is what")


def _is(kind: str, name: str) -> bool:
    return _pattern(kind).fullmatch(name) is not None


@cache
def _pattern(kind: str) -> re.Pattern[str]:
    said = json.loads(NAMES.read_text())[kind].replace("{pipeline}", PIPELINE)
    return re.compile(re.sub(r"\\{\w+\\}", "[a-z0-9-]+", re.escape(said)))
