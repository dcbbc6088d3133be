"""What the run calls its resources, and so which kind of resource a name is."""

from __future__ import annotations

from headrace_local.resources import Resources

RESOURCES = Resources(
    stream="parcels", shards=1, raw_bucket="raw", processed_bucket="processed", curated_bucket="curated",
    landing_bucket="landing", log_table="log",
)  # fmt: skip
REPLAY_STREAM = "parcels-again"
_LEASES = "headrace-parcels-g"
_ZONES = {RESOURCES.raw_bucket: "raw", RESOURCES.processed_bucket: "processed", RESOURCES.curated_bucket: "curated",
          RESOURCES.landing_bucket: "landing"}  # fmt: skip
_OF_BUCKETS = frozenset({"HeadBucket", "ListObjectsV2", "ListMultipartUploads"})
# Pages and iterators name no stream: they are of the one that was asked for first.
_STREAMS = {RESOURCES.stream: "stream", "": "stream", REPLAY_STREAM: "replay_streams"}


def kind_of(call: str, name: str) -> str:
    """Raises ValueError on what the run never made."""
    api, _, operation = call.partition(":")
    if api == "s3" and name in _ZONES:
        return f"{_ZONES[name]}_{'bucket' if operation in _OF_BUCKETS else 'objects'}"
    if api == "dynamodb" and name == RESOURCES.log_table:
        return "log_table"
    if api == "dynamodb" and name.startswith(_LEASES):
        return "lease_indexes" if "/index/" in name else "lease_tables"
    if api == "kinesis" and name in _STREAMS:
        return _STREAMS[name]
    if api in {"glue", "athena"}:
        return api
    raise ValueError(f"{call} on {name!r}, which nobody has told of: names.py says what is what")
