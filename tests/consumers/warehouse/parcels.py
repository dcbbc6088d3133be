"""A pipeline of parcels, in the shapes that its contract takes over the years."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal

import msgspec

from headrace_consumers.pipeline import LakeTable, Pipeline
from headrace_consumers.windows import Tumbling, count, total
from headrace_producers.contracts import column, contract

Code = Annotated[str, column("Which parcel", max_length=12)]


@contract(
    name="parcel.weighed", version=1, partition_key="code", event_time="at", sort_key=("depot", "at"), dist_key="code"
)
class Weighed(msgspec.Struct, frozen=True, kw_only=True):
    """One of each kind of column."""

    at: datetime
    code: Code
    depot: Literal["north", "süd"]
    grams: Annotated[int, column("Weight", ge=0, le=100_000)]
    fee: Annotated[Decimal, column("Price", precision=7, scale=2)] | None = None
    share: float | None = None
    fragile: bool = False
    due: date | None = None
    note: str | None = None


@contract(name="parcel.weighed_later", version=1, partition_key="code", event_time="at")
class WeighedLater(msgspec.Struct, frozen=True, kw_only=True):
    """The same with a wider code and a column more."""

    at: datetime
    code: Annotated[str, column("Which parcel", max_length=20)]
    depot: Literal["north", "süd"]
    grams: Annotated[int, column("Weight", ge=0, le=100_000)]
    fee: Annotated[Decimal, column("Price", precision=7, scale=2)] | None = None
    share: float | None = None
    fragile: bool = False
    due: date | None = None
    note: str | None = None
    gate: Annotated[str, column("Where it went out", max_length=4)] | None = None


@contract(name="parcel.weighed_otherwise", version=1, partition_key="code", event_time="at")
class WeighedOtherwise(msgspec.Struct, frozen=True, kw_only=True):
    """The same with a text for a number."""

    at: datetime
    code: Code
    depot: Literal["north", "süd"]
    grams: Annotated[str, column("Weight", max_length=8)]
    fee: Annotated[Decimal, column("Price", precision=7, scale=2)] | None = None
    share: float | None = None
    fragile: bool = False
    due: date | None = None
    note: str | None = None


DAILY = Tumbling(
    "daily_weights",
    table="weighed",
    by=("code",),
    size_s=86_400,
    aggregates={"parcels": count(), "grams_total": total("grams")},
)


def pipeline_of(event: type[msgspec.Struct], name: str = "parcels") -> Pipeline:
    return Pipeline(name, name, (LakeTable("weighed", event),))


parcels = Pipeline("parcels", "parcels", (LakeTable("weighed", Weighed),), windows=(DAILY,))
later = pipeline_of(WeighedLater)
otherwise = pipeline_of(WeighedOtherwise)
