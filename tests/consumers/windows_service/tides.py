"""Windows over tides: the service on a sea in memory, an oracle in plain Python, and what readers see."""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from headrace_consumers.commitlog.following import Lineage
from headrace_consumers.commitlog.log import CommitLog
from headrace_consumers.commitlog.model import Commit
from headrace_consumers.grain import Grain
from headrace_consumers.lake.objects import EncodedFile
from headrace_consumers.windows import Hopping, Session, Tumbling, Window, count, total
from headrace_consumers.windows.partials import partials_of
from headrace_consumers.windows_service.service import StepReport, WindowsPlan, WindowsService
from headrace_consumers.windows_service.tables import encoded
from headrace_producers.contracts import contract_of
from tests.consumers.windows_service.sea import Sea
from tests.fakes.steps import Steps
from tests.faults.simulation import TideMeasured

CONTRACT = contract_of(TideMeasured)
MIDNIGHT = datetime(2026, 1, 31, tzinfo=UTC)
"""One day before a month ends, so that windows meet the edges of partitions."""
INSTANT = pa.timestamp("us", "UTC")
_AGGREGATES = {"readings": count(), "level_total": total("level_mm")}
HOURS = Tumbling("hours", table="tides", size_s=3600, by=("station",), aggregates=_AGGREGATES, partition_by=Grain.DAY)
HOPS = Hopping(
    "hops", table="tides", size_s=3 * 3600, hop_s=3600, by=("station",), aggregates=_AGGREGATES, partition_by=Grain.HOUR
)  # fmt: skip
VISITS = Session("visits", table="tides", gap_s=1800, by=("station",), aggregates=_AGGREGATES, partition_by=Grain.HOUR)
ALL = (HOURS, HOPS, VISITS)
DISORDER_MINUTES = 0

Reading = tuple[str, int, int]
"""Station, minutes after MIDNIGHT, level."""
Content = dict[tuple[str, datetime], tuple[datetime, int, int, int]]
"""Station and start to end, events, readings, total level."""


def at(minute: int) -> datetime:
    return MIDNIGHT + timedelta(minutes=minute)


def us(minute: int) -> int:
    return int(at(minute).timestamp()) * 1_000_000


@dataclass
class Tides:
    """A sea with readings in it. `readings` is all that was ever committed."""

    windows: Sequence[Window] = ALL
    sea: Sea = field(default_factory=Sea)
    readings: list[Reading] = field(default_factory=list)
    early_every_s: float = 0.0
    may_return: bool = False
    """Whether a window may be out again after its tombstone: only where batch takes back what it brought."""
    max_step_commits: int = 64

    def commit(self, by_shard: Mapping[str, Sequence[Reading]], *, complete: bool = True) -> Commit:
        """One commit of an engine: what each shard brings."""
        readings = [reading for shard in by_shard.values() for reading in shard]
        self.readings += readings
        times = {shard_id: max((us(r[1]) for r in shard), default=None) for shard_id, shard in by_shard.items()}
        return self.sea.commit(times, self.files(readings), complete=complete)

    def files(self, readings: Sequence[Reading]) -> list[EncodedFile]:
        """What a commit has of these readings."""
        return [self._partials(window, readings) for window in self.windows]

    def _partials(self, window: Window, readings: Sequence[Reading]) -> EncodedFile:
        rows = pa.table({
            "station": pa.array([station for station, _, _ in readings], pa.string()),
            "measured_at": pa.array([at(minute) for _, minute, _ in readings], INSTANT),
            "level_mm": pa.array([level for _, _, level in readings], pa.int64()),
            "event_time": pa.array([at(minute) for _, minute, _ in readings], INSTANT),
        })  # fmt: skip
        partials = partials_of(window, CONTRACT, rows)
        folder, number = f"window={window.name}", len(self.readings) * 1000 + len(self.sea.s3.objects)
        key = f"tides_partials/{folder}/{number}.parquet"
        return EncodedFile("tides_partials", folder, "curated", key, len(partials), encoded(partials))

    def service(
        self, steps: Steps | None = None, windows: Sequence[Window] | None = None, lineage: Lineage | None = None
    ) -> WindowsService:  # fmt: skip
        plan = WindowsPlan(
            lineage=lineage or self.sea.lineage, windows=self.windows if windows is None else windows,
            contracts={"tides": CONTRACT}, early_every_s=self.early_every_s,
            max_step_commits=self.max_step_commits,
        )  # fmt: skip
        return WindowsService(
            plan, self.sea.log(steps), self.sea.store(steps), self.sea, now_ms=self._now_ms, owner="windows-service"
        )

    def _now_ms(self) -> int:
        self.sea.now_ms += 1
        return self.sea.now_ms

    # --- readers

    def rows(self, window: Window) -> list[dict[str, Any]]:
        """What a reader of the curated zone sees now."""
        found = [
            pq.read_table(io.BytesIO(stored.body)).to_pylist()
            for (bucket, key), stored in sorted(self.sea.s3.objects.items())
            if bucket == "curated" and key.startswith(f"{window.name}/")
        ]
        return [row for rows in found for row in rows]

    def seen(self, window: Window) -> Content:
        """The last revision of every window, once the revisions are checked."""
        return newest(window, self.rows(window), may_return=self.may_return)

    def standing(self) -> list[Reading]:
        """What windows are to be of."""
        return self.readings

    def check(self) -> None:
        """Every window is there, once, and says what the oracle says."""
        for window in self.windows:
            assert self.seen(window) == oracle(window, self.standing()), window.name

    def check_loose(self) -> None:
        """Every visible object of the service is named by a commit that stands."""
        named = named_files(self.sea.log(), self.sea.lineage)
        ours = {place for place in self.sea.s3.objects if not place[1].startswith(("tides_partials/", "tides/"))}
        assert ours <= named, sorted(ours - named)[:3]

    def check_state(self) -> None:
        """Of the state, what the newest manifest needs is kept, and nothing else."""
        kept = {place for place in self.sea.s3.objects if place[1].startswith("tides_windows_state/")}
        assert kept == self.service()._tip.files

    def flush(self) -> None:
        """An event of another time in every open shard, so that all windows of the readings close; then to the end."""
        service = self.service()
        while (report := service.step()).more or report.merged:
            pass
        open_shards = [shard_id for shard_id, shard in self.sea.listed.items() if not shard.closed]
        for shard_id in open_shards:
            self.sea.commit({shard_id: us(100_000)})
        settle(service)


def newest(window: Window, rows: Iterable[Mapping[str, Any]], *, may_return: bool = False) -> Content:
    """The last revision of every window, once the revisions are checked."""
    by_window: dict[tuple[str, datetime], list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        if not row["early"]:
            by_window[row["station"], row["window_start"]].append(row)
    last = {}
    for place, revised in by_window.items():
        revisions = sorted(row["revision"] for row in revised)
        assert revisions == list(range(1, len(revised) + 1)), f"{window.name} {place}: revisions {revisions}"
        last_row = max(revised, key=lambda row: row["revision"])
        graves = [row for row in revised if row["deleted"] and row is not last_row]
        assert may_return or not graves, f"{window.name} {place} came back from the dead"
        if not last_row["deleted"]:
            last[place] = (last_row["window_end"], last_row["events"], last_row["readings"], last_row["level_total"])
    return last


def named_files(log: CommitLog, lineage: Lineage) -> set[tuple[str, str]]:
    """Bucket and key of all that the commits of the windows' chains name, of whichever generation."""
    named = set()
    for generation in range(1, lineage.generation + 1):
        for link in log.newest_links(replace(lineage, generation=generation).chain("windows")):
            commit = log.commit(lineage.pipeline, generation, link.attempt_id)
            assert commit is not None
            named |= {(file.bucket, file.key) for file in commit.files}
    return named


def settle(service: WindowsService) -> list[StepReport]:
    """Steps until nothing is left to do."""
    reports = [service.step()]
    while reports[-1].more or reports[-1].committed:
        reports.append(service.step())
        assert len(reports) < 1000, "the service never comes to rest"
    return reports


def oracle(window: Window, readings: Iterable[Reading]) -> Content:
    """The windows of these readings, one reading at a time."""
    found: Content = {}
    for station, start, end, levels in _oracle_windows(window, list(readings)):
        found[station, at(start)] = (at(end), len(levels), len(levels), sum(levels))
    return found


def _oracle_windows(window: Window, readings: list[Reading]) -> Iterator[tuple[str, int, int, list[int]]]:
    if isinstance(window, Session):
        yield from _sessions(window, readings)
        return
    hop, size = window.pane_us // 60_000_000, window.size_s // 60
    held: dict[tuple[str, int], list[int]] = defaultdict(list)
    for station, minute, level in readings:
        first = minute - minute % hop
        for start in range(first, first - size, -hop):
            held[station, start].append(level)
    for (station, start), levels in held.items():
        yield station, start, start + size, levels


def _sessions(window: Session, readings: list[Reading]) -> Iterator[tuple[str, int, int, list[int]]]:
    by_station: dict[str, list[Reading]] = defaultdict(list)
    for reading in sorted(readings, key=lambda reading: reading[1]):
        by_station[reading[0]].append(reading)
    for station, ordered in by_station.items():
        session = [ordered[0]]
        for reading in ordered[1:]:
            if reading[1] - session[-1][1] > window.gap_s // 60:
                yield station, session[0][1], session[-1][1], [level for _, _, level in session]
                session = []
            session.append(reading)
        yield station, session[0][1], session[-1][1], [level for _, _, level in session]
