"""A pipeline of visits to a clinic, in the shapes that its contract takes over the years."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated

import msgspec

from headrace_consumers.pipeline import Grain, LakeTable, Pipeline
from headrace_consumers.windows import Hopping, Session, Tumbling, count, distinct, maximum, mean, quantile, variance
from headrace_producers.contracts import column, contract

Patient = Annotated[str, column("Who came", personal=True, max_length=12)]
Weight = Annotated[int, column("Weight", unit="g", personal=True, ge=0, le=500_000)]
Fee = Annotated[Decimal, column("Price", precision=7, scale=2)]


@contract(name="visit.ended", version=1, partition_key="patient", event_time="at")
class Visit(msgspec.Struct, frozen=True, kw_only=True):
    """One of each kind of column."""

    at: datetime
    patient: Patient
    weight: Weight
    fee: Fee | None = None
    share: float | None = None
    urgent: bool = False
    due: date | None = None


@contract(name="visit.ended_later", version=1, partition_key="patient", event_time="at")
class VisitLater(msgspec.Struct, frozen=True, kw_only=True):
    """The same with a column more, in the middle, and other words."""

    at: datetime
    patient: Annotated[str, column("Who was there", personal=True, max_length=12)]
    doctor: Annotated[str, column("Who was asked")] | None = None
    weight: Annotated[int, column("Weight", unit="g", ge=0, le=500_000)]
    fee: Fee | None = None
    share: float | None = None
    urgent: bool = False
    due: date | None = None


@contract(name="visit.ended_otherwise", version=1, partition_key="patient", event_time="at")
class VisitOtherwise(msgspec.Struct, frozen=True, kw_only=True):
    """The same with a text for a number."""

    at: datetime
    patient: Patient
    weight: Annotated[str, column("Weight", max_length=8)]
    fee: Fee | None = None
    share: float | None = None
    urgent: bool = False
    due: date | None = None


@contract(name="visit.dated", version=1, partition_key="patient", event_time="event_date")
class VisitDated(msgspec.Struct, frozen=True, kw_only=True):
    """Its event time is called as partitions by day are."""

    event_date: datetime
    patient: Patient


WINDOWS = (
    Tumbling(
        "weights",
        table="visits",
        by=("patient",),
        size_s=3600,
        aggregates={
            "visits": count(),
            "weight_max": maximum("weight"),
            "weight_mean": mean("weight"),
            "weight_p9": quantile("weight", 0.9),
            "weight_var": variance("weight"),
            "patients": distinct("patient"),
        },
        partition_by=Grain.HOUR,
    ),
    Hopping("rush", table="visits", size_s=7200, hop_s=3600, partition_by=Grain.MONTH),
    Session("stays", table="visits", by=("patient",), gap_s=600),
)

visits = Pipeline("clinic", "clinic", (LakeTable("visits", Visit, Grain.MONTH),), windows=WINDOWS)
later = replace(visits, tables=(LakeTable("visits", VisitLater, Grain.MONTH),))
otherwise = replace(visits, tables=(LakeTable("visits", VisitOtherwise, Grain.MONTH),), windows=())
others = replace(visits, name="surgery", windows=())
dated = replace(visits, tables=(LakeTable("visits", VisitDated, Grain.DAY),), windows=())
