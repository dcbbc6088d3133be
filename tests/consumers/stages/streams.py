"""Streams made by hand for the tests of the stages: events, packs, records, and the outcome in plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec

from headrace_consumers.pipeline import EventFormat, Grain, LakeTable, Pipeline
from headrace_consumers.records import KinesisRecord, ShardRecords
from headrace_consumers.stages import stage_batch
from headrace_consumers.stages.staged import ShardStart, StagedBatch
from headrace_producers.contracts import column, contract
from headrace_producers.wire.lane import Lane, pack_key

SHARD = "shardId-000000000000"
ARRIVAL_MS = 1_700_000_000_000
MAX_UNPACKED_BYTES = 4 * 1024 * 1024


@contract(name="order.placed", version=1, partition_key="shop", event_time="placed_at")
class OrderPlaced(msgspec.Struct, frozen=True, kw_only=True):
    """An event with a column of every type."""

    placed_at: datetime
    shop: Annotated[str, column("Where", pattern="^[a-z]+$", min_length=2, max_length=12)]
    amount: Annotated[Decimal, column("How much", precision=10, scale=2)]
    items: Annotated[int, column("How many", ge=1, le=1000)]
    weight: Annotated[float, column("How heavy", unit="kg", gt=0, lt=100)] | None = None
    gift: bool | None = None
    due: date | None = None
    channel: Annotated[Literal["web", "desk"], column("How")] | None = None


@contract(name="order.closed", version=1, partition_key="shop", event_time="closed_at")
class OrderClosed(msgspec.Struct, frozen=True, kw_only=True):
    """A second contract on the same stream."""

    closed_at: datetime
    shop: str


PIPELINE = Pipeline(
    name="orders",
    stream="orders",
    tables=(LakeTable("placed", OrderPlaced, Grain.MONTH, ("shop",)), LakeTable("closed", OrderClosed, Grain.DAY)),
)
BARE = Pipeline(
    name="bare", stream="bare", tables=(LakeTable("placed", OrderPlaced),), event_format=EventFormat.BARE
)  # fmt: skip


def placed(**changes: Any) -> dict[str, Any]:
    """The data of a valid order."""
    data = {"placed_at": "2023-11-14T10:00:00Z", "shop": "north", "amount": "12.50", "items": 3, "weight": 1.5,
            "gift": True, "due": "2023-12-24", "channel": "web"}  # fmt: skip
    return {name: value for name, value in (data | changes).items() if value is not ...}


def event(number: int = 1, event_type: str = "order.placed.v1", data: Any = None, **attributes: Any) -> dict[str, Any]:
    """A CloudEvents object; an attribute given as ... is left out."""
    envelope = {"specversion": "1.0", "id": f"order-{number}", "source": "/shop", "type": event_type,
                "time": "2023-11-14T10:00:00Z", "data": placed() if data is None else data}  # fmt: skip
    return {name: value for name, value in (envelope | attributes).items() if value is not ...}


def line(number: int = 1, event_type: str = "order.placed.v1", data: Any = None, **attributes: Any) -> bytes:
    return msgspec.json.encode(event(number, event_type, data, **attributes)) + b"\n"


def record(data: bytes, number: int = 1, **changes: Any) -> KinesisRecord:
    """A record with a foreign key."""
    whole = KinesisRecord(data, f"key-{number}", str(10**55 + number), None, ARRIVAL_MS + number)
    return msgspec.structs.replace(whole, **changes)


def pack(data: bytes, number: int, lane_number: int | None = None, **changes: Any) -> KinesisRecord:
    """A record of the idempotent producer."""
    return record(data, number, partition_key=pack_key(Lane("p1", SHARD), lane_number or number), **changes)


def stage(
    records: Sequence[KinesisRecord], pipeline: Pipeline = PIPELINE, start: ShardStart | None = None
) -> StagedBatch:  # fmt: skip
    starts = {SHARD: start or ShardStart()}
    return stage_batch(pipeline, [ShardRecords(SHARD, records)], starts, MAX_UNPACKED_BYTES)


def rows_of(staged: StagedBatch, table: str = "placed") -> list[dict[str, Any]]:
    return staged.tables[table].to_pylist() if table in staged.tables else []


def letters_of(staged: StagedBatch) -> list[tuple[str, str, str | None]]:
    return [(row["stage"], row["reason"], row["field"]) for row in staged.dead_letters.to_pylist()]


def contents(staged: StagedBatch) -> Mapping[str, Any]:
    """All that a batch came to, as plain values that can be compared."""
    return {
        "tables": {name: table.to_pylist() for name, table in staged.tables.items() if table.num_rows},
        "letters": staged.dead_letters.to_pylist(),
        "raw": staged.raw.to_pylist(),
        "shards": dict(staged.shards),
    }


NOON = datetime(2023, 11, 14, 10, tzinfo=UTC)
