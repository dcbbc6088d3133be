"""The pipeline of the run that is listened to: small, and of everything that makes calls of its own."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
import pyarrow as pa

from headrace_batch.transform.declare import Transform
from headrace_consumers.landing import LandingSource, Limits
from headrace_consumers.pipeline import Grain, LakeTable, Pipeline
from headrace_consumers.windows import Tumbling, count
from headrace_producers.contracts import column, contract

DAY_S = 86_400
BIG_FILE_BYTES = 400


@contract(name="parcel.delivered", version=1, partition_key="depot", event_time="delivered_at")
class ParcelDelivered(msgspec.Struct, frozen=True, kw_only=True):
    """A parcel came to its receiver."""

    delivered_at: datetime
    depot: Annotated[str, column("Depot", min_length=1, max_length=12)]
    receiver: Annotated[str, column("Who took it", personal=True, max_length=40)]
    grams: Annotated[int, column("Weight", ge=0)]


DELIVERED = LakeTable("parcels_delivered", ParcelDelivered, Grain.DAY, sort_by=("depot",))
parcels = Pipeline(
    name="parcels",
    stream="parcels",
    tables=(DELIVERED,),
    windows=(
        Tumbling("parcels_daily", table=DELIVERED.name, by=("depot",), aggregates={"parcels": count()}, size_s=DAY_S),
    ),
    landings=(
        LandingSource(name="lists", table=DELIVERED),
        LandingSource(name="big_lists", table=DELIVERED, limits=Limits(max_bytes=BIG_FILE_BYTES)),
    ),
)


def heaviest_of(parcels: pa.Table) -> pa.Table:
    """Of one depot."""
    found = parcels.group_by("depot").aggregate([("grams", "max"), ("event_time", "max")])
    return pa.table({"depot": found["depot"], "at": found["event_time_max"], "grams": found["grams_max"]}, HEAVIEST)


HEAVIEST = pa.schema([
    pa.field("depot", pa.string(), nullable=False),
    pa.field("at", pa.timestamp("us", "UTC"), nullable=False),
    pa.field("grams", pa.int64(), nullable=False),
])  # fmt: skip
heaviest = Transform(
    name="heaviest_parcels",
    pipeline=parcels,
    sources=(DELIVERED.name,),
    columns=("depot", "grams"),
    group_by=("depot",),
    function=heaviest_of,
    schema=HEAVIEST,
    time="at",
)
