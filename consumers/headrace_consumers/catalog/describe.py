"""What columns are, in words and marks: the contract's, those that Headrace adds, and a window's aggregates. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from headrace_consumers.catalog.tables import PERSONAL, UNIT, CatalogColumn
from headrace_consumers.windows import Aggregate, Session, Window
from headrace_consumers.windows.declare import AggregateKind
from headrace_producers.contracts import Column, Contract

MAX_COMMENT_BYTES = 255
MAX_DESCRIPTION_BYTES = 2048
"""Glue's limits."""

EVENT_COLUMNS = {
    "event_id": "Id of the event: its producer's, or made of its position where it came bare",
    "event_time": "When it happened, in UTC",
    "shard_id": "Shard that it came through",
    "sequence_number": "Sequence number of the Kinesis record that held it",
    "record_index": "Its place in that record, from 0",
    "arrival_time": "When Kinesis took the record, in UTC",
    "commit_id": "Commit that wrote this row",
}
LETTER_COLUMNS = {
    **EVENT_COLUMNS,
    "stage": "Step that refused it",
    "reason": "What is wrong, as a stable code",
    "field": "Field that is at fault, where one is",
    "rule": "Rule that it breaks, where one is",
    "event_type": "What it says it is: name and version of a contract",
    "payload": "The event as received",
    "limit_time": "Earliest event time that was not late then, in UTC",
}
RAW_COLUMNS = {
    **EVENT_COLUMNS,
    "data": "The record as received",
    "sub_sequence_number": "Place in an aggregated record of the KPL",
    "partition_key": "Partition key of the record; of Headrace's producers, its lane and number",
    "repeat": "Whether it repeats an earlier record: its events are in no table",
}
WINDOW_COLUMNS = {
    "window_start": "Start of the window, in UTC",
    "window_end": "End of the window, in UTC; not part of it",
    "events": "Events in the window",
    "revision": "Which version of the window this row is, from 1; the greatest is the last",
    "early": "Whether this is how the window stood before it was out; its revision is 0",
    "deleted": "Whether this session has become part of another",
    "commit_id": EVENT_COLUMNS["commit_id"],
}
SESSION_COLUMNS = {
    **WINDOW_COLUMNS,
    "window_start": "First event of the session, in UTC",
    "window_end": "Last event of the session, in UTC",
}

_AGGREGATES = {
    AggregateKind.COUNT: "Events in the window",
    AggregateKind.TOTAL: "Sum",
    AggregateKind.MINIMUM: "Least value",
    AggregateKind.MAXIMUM: "Greatest value",
    AggregateKind.MEAN: "Mean",
    AggregateKind.VARIANCE: "Sample variance",
    AggregateKind.QUANTILE: "Quantile",
    AggregateKind.DISTINCT: "About how many different values",
}
_LIKE_VALUES = frozenset({
    AggregateKind.TOTAL, AggregateKind.MINIMUM, AggregateKind.MAXIMUM, AggregateKind.MEAN, AggregateKind.QUANTILE,
})  # fmt: skip
"""In the column's unit; of a window with one event, that event's value, and so as personal as it."""


def of_contract(column: Column, kind: str) -> CatalogColumn:
    return described(column.name, kind, column.description, unit=column.unit, personal=column.personal)


def of_aggregate(name: str, kind: str, aggregate: Aggregate, contract: Contract) -> CatalogColumn:
    if aggregate.column is None:
        return described(name, kind, _AGGREGATES[aggregate.kind])
    column = contract.column(aggregate.column)
    which = "" if aggregate.q is None else f" {aggregate.q:g}"
    text = f"{_AGGREGATES[aggregate.kind]}{which} of {column.name}"
    like_values = aggregate.kind in _LIKE_VALUES
    return described(
        name,
        kind,
        f"{text}: {column.description}" if column.description else text,
        unit=column.unit if like_values else None,
        personal=column.personal and like_values,
    )


def added_to(window: Window) -> Mapping[str, str]:
    return SESSION_COLUMNS if isinstance(window, Session) else WINDOW_COLUMNS


def described(name: str, kind: str, text: str, *, unit: str | None = None, personal: bool = False) -> CatalogColumn:
    """Its comment says all; its parameters say again what programs look for. Long texts are cut, marks are not."""
    marks = "; ".join([*([f"unit: {unit}"] if unit else []), *(["personal data"] if personal else [])])
    room = MAX_COMMENT_BYTES - len(f" ({marks})".encode())
    comment = " ".join(part for part in (cut(text, max(room, 0)), f"({marks})" if marks else "") if part)
    parameters = ({UNIT: unit} if unit else {}) | ({PERSONAL: "true"} if personal else {})
    return CatalogColumn(name, kind, cut(comment, MAX_COMMENT_BYTES), parameters)


def cut(text: str, max_bytes: int) -> str:
    """On one line, and within so many bytes of UTF-8."""
    line = "".join(sign for sign in " ".join(text.split()) if sign.isprintable())
    if len(line.encode()) <= max_bytes:
        return line
    return line.encode()[: max(max_bytes - len("…".encode()), 0)].decode(errors="ignore") + "…"
