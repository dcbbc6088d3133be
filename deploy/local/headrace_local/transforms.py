"""What the demo's pipeline computes on Spark: how well each aircraft is used, day by day.

The data has departures from New York alone. An aircraft that leaves again from where it arrived stood on the ground in
between; one that leaves again from where it had left was away, and nobody saw when it flew back.
"""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from headrace_batch.transform.declare import Transform
from headrace_local.pipelines import flights

HORIZON = timedelta(hours=48)
"""Between two departures: what is longer is no turnaround, but an aircraft out of service, or elsewhere."""
_MINUTE_US = 60_000_000
_DAY_MINUTES = 24 * 60
Mask = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

UTILISATION = pa.schema([
    pa.field("tailnum", pa.string(), nullable=False),
    pa.field("day", pa.date32(), nullable=False, metadata={"description": "Day of the departures, UTC"}),
    pa.field("flights", pa.int64(), nullable=False),
    pa.field("air_minutes", pa.int64(), nullable=False, metadata={"unit": "min"}),
    pa.field(
        "turnarounds", pa.int64(), nullable=False, metadata={"description": "Departures from where it had arrived"}
    ),
    pa.field("ground_minutes", pa.int64(), nullable=False, metadata={"unit": "min", "description": "Before these"}),
    pa.field("returns", pa.int64(), nullable=False, metadata={"description": "Departures from where it had left"}),
    pa.field("away_minutes", pa.int64(), nullable=False, metadata={"unit": "min", "description": "Before these"}),
    pa.field("first_airport", pa.string(), nullable=False, metadata={"description": "Of the day's first departure"}),
    pa.field("last_airport", pa.string(), nullable=False, metadata={"description": "To which the day's last one went"}),
    pa.field("utilisation", pa.float64(), nullable=False, metadata={"description": "Share of the day in the air"}),
])  # fmt: skip
_SUMS = ("air_minutes", "turnarounds", "ground_minutes", "returns", "away_minutes")


def days_of(aircraft: pa.Table) -> pa.Table:
    """Of one aircraft's departures, in their order."""
    days = _legs(aircraft).group_by(["tailnum", "day"], use_threads=False).aggregate([
        ([], "count_all"),
        *((name, "sum") for name in _SUMS),
        ("origin", "first"),
        ("dest", "last"),
    ])  # fmt: skip
    used = pc.divide(days["air_minutes_sum"].cast(pa.float64()), float(_DAY_MINUTES))
    columns = [days[name] for name in ("tailnum", "day", "count_all", *(f"{name}_sum" for name in _SUMS))]
    return pa.Table.from_arrays([*columns, days["origin_first"], days["dest_last"], used], UTILISATION.names)


def _legs(aircraft: pa.Table) -> pa.Table:
    """Each departure with what was between it and the one before."""
    departed = aircraft["event_time"].cast(pa.int64()).to_numpy()
    flown = pc.fill_null(aircraft["air_time"], 0).to_numpy()
    gap, is_turnaround, is_return = _between(aircraft, departed, flown)
    return pa.table({
        "tailnum": aircraft["tailnum"],
        "day": aircraft["event_time"].cast(pa.date32()),
        "air_minutes": flown,
        "turnarounds": is_turnaround.astype(np.int64),
        "ground_minutes": np.where(is_turnaround, gap, 0),
        "returns": is_return.astype(np.int64),
        "away_minutes": np.where(is_return, gap, 0),
        "origin": aircraft["origin"],
        "dest": aircraft["dest"],
    })  # fmt: skip


def _between(aircraft: pa.Table, departed: Ints, flown: Ints) -> tuple[Ints, Mask, Mask]:
    """Whole minutes from the arrival before to each departure; whether it leaves from there, or from where it left."""
    gap = np.zeros(len(departed), np.int64)
    gap[1:] = (departed[1:] - departed[:-1]) // _MINUTE_US - flown[:-1]
    arrived = pc.is_valid(aircraft["air_time"]).to_numpy()[:-1]
    near = np.diff(departed) <= HORIZON // timedelta(microseconds=1)
    counts = arrived & near & (gap[1:] >= 0)
    origin, dest = (aircraft[name].to_numpy(zero_copy_only=False) for name in ("origin", "dest"))
    is_turnaround, is_return = np.zeros((2, len(departed)), np.bool_)
    is_turnaround[1:] = counts & (dest[:-1] == origin[1:])
    is_return[1:] = counts & (dest[:-1] != origin[1:]) & (origin[:-1] == origin[1:])
    return gap, is_turnaround, is_return


utilisation = Transform(
    name="aircraft_utilisation",
    pipeline=flights,
    sources=("flights_departed",),
    columns=("tailnum", "origin", "dest", "air_time"),
    group_by=("tailnum",),
    function=days_of,
    schema=UTILISATION,
    time="day",
    sort_by=("tailnum",),
    before=HORIZON,
)
