"""What a run has called, by the lines that its processes wrote."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from tests.deploy.calls.actions import actions_of
from tests.deploy.calls.rows import RECORDED, Row

_SERVICES: Mapping[str, str] = {
    "headrace-consumers run": "worker",
    "headrace_consumers.runtime.engine_process": "worker",
    "headrace-consumers windows": "windows",
    "headrace-consumers load": "loader",
    "headrace-consumers": "operator",
    "headrace-sql athena": "operator",
    "headrace-sql": "dbt",
    "headrace_batch.landing.handler": "landing",
    "headrace-batch": "batch",
    "pyspark.daemon": "batch",
    "headrace-producers": "producer",
}
"""By the first of these that a command line has; longer ones come before what they begin with."""
_NOT_DEPLOYED = ("headrace-local", "headrace_local", "-c")
"""The local environment itself, and the tests' own helpers."""
_BUCKETS = {"headrace-raw": "raw", "headrace-processed": "processed", "headrace-curated": "curated",
            "headrace-landing": "landing"}  # fmt: skip
_OF_BUCKETS = frozenset({"HeadBucket", "ListObjectsV2", "ListMultipartUploads"})
STREAM, LOG_TABLE, LEASES = "flights", "headrace-log", "headrace-flights-g"


class Line(msgspec.Struct, frozen=True):
    """As the recorder writes it."""

    argv: tuple[str, ...]
    call: str
    on: str
    items: tuple[str, ...] = ()


def recorded_rows(folder: Path) -> list[Row]:
    """Each call once. Raises ValueError on a process or a resource that nobody has told of."""
    return sorted({row for line in _lines(folder) if (service := service_of(line.argv)) for row in _rows(service, line)})


def service_of(argv: Sequence[str]) -> str:
    """Empty where the process is no service."""
    said = " ".join(word.rpartition("/bin/")[2] for word in argv)
    for mark, service in _SERVICES.items():
        if mark in said:
            return service
    if any(mark in said for mark in _NOT_DEPLOYED):
        return ""
    raise ValueError(f"a process called AWS, and no service is known by its command line: {argv}")


def _lines(folder: Path) -> Iterator[Line]:
    for path in sorted(folder.glob("*.jsonl")):
        for line in path.read_text().splitlines():
            yield msgspec.json.decode(line, type=Line)


def _rows(service: str, line: Line) -> Iterator[Row]:
    """A row for each kind of a transaction's items."""
    rust = line.call.startswith("obstore:")
    call = line.call.replace("obstore:", "s3:")
    for item in line.items or ("",):
        yield Row(service=service, call=call, on=kind_of(call, line.on), actions=actions_of(call, item),
                  source="obstore" if rust else RECORDED)  # fmt: skip


def kind_of(call: str, name: str) -> str:
    """Which kind of resource a name is, by what the run calls its resources."""
    api, _, operation = call.partition(":")
    if api == "s3":
        return f"{_BUCKETS[name]}_{'bucket' if operation in _OF_BUCKETS else 'objects'}"
    if api == "dynamodb":
        if name == LOG_TABLE:
            return "log_table"
        if name.startswith(LEASES):
            return "lease_tables"
        raise ValueError(f"{call} on table {name!r}, which nobody has told of")
    if api == "kinesis":
        # Pages and iterators name no stream: they are of the one that was asked for first.
        return "stream" if name in {STREAM, ""} else "replay_streams"
    return api
