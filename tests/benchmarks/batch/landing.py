"""Landing's CPU: a CSV file of all flights as its publisher wrote it, to committed Parquet, by one thread.

Everything that landing does is in it: the digest, cutting, parsing, the contract's rules, sorting, encoding, uploads
and the commit. S3 and DynamoDB are in memory, so nothing of the network is.
"""

from __future__ import annotations

import statistics
import time
import zipfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec
import pyarrow as pa

from headrace_batch.landing.landing import land
from headrace_batch.landing.verdicts import Outcome
from headrace_consumers.landing import FileForm, LandingSource
from headrace_consumers.pipeline import Grain, LakeTable, Pipeline
from headrace_local.flights.data import weather_csv
from headrace_producers import flights
from headrace_producers.contracts import contract
from tests.batch.landing.harbour import CRATES, Harbour, Sent
from tests.benchmarks.batch.line import Finding

GOAL = 200_000
"""Rows per CPU-second."""


@contract(name="flight.scheduled", version=1, partition_key="dest", event_time="time_hour")
class FlightScheduled(msgspec.Struct, frozen=True, kw_only=True):
    """A row of flights.csv, its columns as they are."""

    year: int
    month: int
    day: int
    dep_time: flights.ClockTime | None = None
    sched_dep_time: flights.ClockTime
    dep_delay: flights.Delay | None = None
    arr_time: flights.ClockTime | None = None
    sched_arr_time: flights.ClockTime
    arr_delay: flights.Delay | None = None
    carrier: flights.Carrier
    flight: flights.FlightNumber
    tailnum: flights.TailNumber = None
    origin: flights.Origin
    dest: flights.Airport
    air_time: int | None = None
    distance: flights.Distance
    hour: int
    minute: int
    time_hour: datetime


SOURCE = LandingSource(
    name="flights",
    table=LakeTable("flights_scheduled", FlightScheduled, Grain.MONTH, sort_by=("origin",)),
    form=FileForm(null_texts=("NA",)),
)
PIPELINE = Pipeline(name="scheduled", stream="scheduled", tables=(CRATES,), landings=(SOURCE,))


@dataclass(frozen=True, slots=True)
class Measured:
    """Medians."""

    rows: int
    cpu_s: float

    @property
    def rows_per_cpu_s(self) -> float:
        return self.rows / self.cpu_s


def flights_csv() -> bytes:
    """Whole, 31 MB."""
    with zipfile.ZipFile(Path(weather_csv()).with_name("flights.csv.zip")) as archive:
        return archive.read("flights.csv")


def measure(body: bytes, times: int = 5) -> Measured:
    before = pa.cpu_count()
    pa.set_cpu_count(1)
    try:
        rounds = [_landed(body) for _ in range(times)]
    finally:
        pa.set_cpu_count(before)
    return Measured(rounds[0][0], statistics.median(seconds for _, seconds in rounds))


def _landed(body: bytes) -> tuple[int, float]:
    place = Harbour(PIPELINE).place()
    begin_s = time.process_time()
    verdict = land(place, SOURCE, Sent(body))
    seconds = time.process_time() - begin_s
    if verdict.outcome is not Outcome.LANDED or verdict.letters:
        raise RuntimeError(str(verdict))
    return verdict.rows, seconds


def finding(_folder: Path, _events: int) -> Finding:
    found = measure(flights_csv())
    line = f"landing: {found.rows:,} rows, {found.rows_per_cpu_s:,.0f} rows per CPU-second; goal {GOAL:,}"
    missed = f"landing does {found.rows_per_cpu_s:,.0f} rows per CPU-second, {GOAL:,} are asked for"
    return Finding([line], [missed] if found.rows_per_cpu_s < GOAL else [])
