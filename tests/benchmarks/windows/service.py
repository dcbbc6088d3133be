"""The windows service in this process, on a log and a lake in memory, fed with commits of many partials."""

from __future__ import annotations

import time
from dataclasses import dataclass

from tests.consumers.windows_service.tides import Reading, Tides, settle

COMMITS = 10
HOURS = 24
SHARD = "a"


@dataclass(frozen=True, slots=True)
class Merged:
    """One run of the service over commits that stood before it began."""

    partials: int
    """Rows of all partials of the three windows."""
    cpu_s: float

    @property
    def per_s(self) -> float:
        return self.partials / self.cpu_s


def measure_service(stations: int) -> Merged:
    """Each commit holds a day of hourly readings of every station, the next one the day after."""
    tides = Tides()
    tides.sea.add_shard(SHARD)
    for day in range(COMMITS):
        tides.commit({SHARD: _readings(day, stations)})
    service = tides.service()
    began_s = time.process_time()
    settle(service)
    partials = COMMITS * HOURS * stations * len(tides.windows)
    return Merged(partials, time.process_time() - began_s)


def _readings(day: int, stations: int) -> list[Reading]:
    return [
        (f"station-{station}", 60 * (24 * day + hour), station + hour)
        for hour in range(HOURS)
        for station in range(stations)
    ]
