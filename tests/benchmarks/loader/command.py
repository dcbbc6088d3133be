"""`python -m tests.benchmarks loader [--check]`: rows per second against one COPY per file and against INSERTs."""

from __future__ import annotations

import argparse
import itertools
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from headrace_consumers.load.waiting import LakeFile, lake_files
from headrace_local.pipelines import flights
from headrace_local.redshift.server import RedshiftServer
from tests.benchmarks.loader.commits import COMMIT_AGE_S, Lake, local_lake, now_ms, packs_of_flights
from tests.benchmarks.loader.freshness import LOAD_INTERVAL_S, Freshness, measure_freshness
from tests.benchmarks.loader.warehouse import Warehouse
from tests.benchmarks.loader.ways import PLACES, Loaded, by_inserts, by_one_copy_per_file, by_the_loader

SAMPLE_ROWS = 3_000
LIVE_S = 60.0
LIVE_EVENTS_A_SECOND = 200
LEAST_OF_INSERTS = 50.0
LEAST_OF_COMMITS = 5.0
MOST_P95_S = 15.0


@dataclass(frozen=True, slots=True)
class Shape:
    """What waits for a load: so many commits of a stream of so many events a second."""

    name: str
    commits: int
    events_a_second: int

    @property
    def events_a_commit(self) -> int:
        return int(self.events_a_second * COMMIT_AGE_S)


QUIET = Shape("quiet stream", 200, 100)
"""Small files: what one COPY per file costs shows here."""
BUSY = Shape("busy stream", 30, 2_000)
"""Many rows: what a row costs shows here."""


@dataclass(frozen=True, slots=True)
class Bulk:
    """All ways of loading the same files."""

    shape: Shape
    files: int
    loader: Loaded
    commits: Loaded
    """By the loader too, one load per commit: one COPY per file under the same rules."""
    copies: Loaded
    """By nothing but one COPY per file: no preflight, no books, nothing exactly once."""
    inserts: Loaded
    differences: Sequence[str]

    @property
    def of_copies(self) -> float:
        return self.loader.rows_per_s / self.copies.rows_per_s

    @property
    def of_commits(self) -> float:
        return self.loader.rows_per_s / self.commits.rows_per_s

    @property
    def of_inserts(self) -> float:
        return self.loader.rows_per_s / self.inserts.rows_per_s


@dataclass(frozen=True, slots=True)
class Measured:
    """One run on one machine."""

    quiet: Bulk
    busy: Bulk
    freshness: Freshness


def measure(
    quiet: Shape = QUIET, busy: Shape = BUSY, sample_rows: int = SAMPLE_ROWS, live_s: float = LIVE_S
) -> Measured:
    with tempfile.TemporaryDirectory(prefix="hr-bench-") as name:
        folder = Path(name)
        with _made(folder / "live") as (lake, warehouse):
            packs = packs_of_flights(folder, int(LIVE_EVENTS_A_SECOND * COMMIT_AGE_S))
            freshness = measure_freshness(lake, warehouse, packs, live_s)
        return Measured(_bulk(folder, quiet, sample_rows), _bulk(folder, busy, sample_rows), freshness)


def _bulk(folder: Path, shape: Shape, sample_rows: int) -> Bulk:
    with _made(folder / shape.name) as (lake, warehouse):
        files = _commit(lake, folder, shape)
        by_one_copy_per_file(files[:3], warehouse)
        with warehouse.session("copy_per_file") as session:
            for file in files[:3]:
                session.run(f"DELETE FROM copy_per_file.{file.table}")  # noqa: S608 - our own names
        loader = by_the_loader(lake, warehouse)
        commits = by_the_loader(lake, warehouse, "load_per_commit", max_load_files=1)
        copies = by_one_copy_per_file(files, warehouse)
        inserts = by_inserts(files, lake, warehouse, sample_rows)
        return Bulk(shape, len(files), loader, commits, copies, inserts, list(_differences(warehouse, files)))


@contextmanager
def _made(folder: Path) -> Iterator[tuple[Lake, Warehouse]]:
    with local_lake(folder) as lake, RedshiftServer(folder / "redshift", aws_endpoint=lake.endpoint) as server:
        yield lake, Warehouse(server)


def _commit(lake: Lake, folder: Path, shape: Shape) -> list[LakeFile]:
    files: list[LakeFile] = []
    for packs in itertools.islice(packs_of_flights(folder, shape.events_a_commit), shape.commits):
        commit = lake.commit(packs, [now_ms()] * len(packs))
        files += lake_files(commit, PLACES)
    return files


def _differences(warehouse: Warehouse, files: Sequence[LakeFile]) -> Iterator[str]:
    """All ways must have brought every row once."""
    for table in flights.tables:
        wanted = sum(file.rows for file in files if file.table == table.name)
        for schema in ("staging", "load_per_commit", "copy_per_file"):
            with warehouse.session(schema) as session:
                [found] = session.query(f"SELECT count(*), count(DISTINCT event_id) FROM {schema}.{table.name}")  # noqa: S608 - our own names
            if found != (wanted, wanted):
                yield f"{schema}.{table.name} has {found[0]} rows and {found[1]} ids, its files have {wanted} rows"


def table(measured: Measured) -> str:
    fresh = measured.freshness
    parts = f"books {fresh.recorded_p95_s:.1f} s, slowest load {fresh.slowest_load_s:.1f} s"
    lines = [
        *_lines(measured.quiet),
        *_lines(measured.busy),
        f"live, loads every {LOAD_INTERVAL_S:.0f} s: 95% of {fresh.rows:,} rows within {fresh.p95_s:.1f} s ({parts})",
        "CPU of loader, gateway and PostgreSQL on this machine; it says nothing of Redshift's own speed",
    ]
    return "\n".join(lines)


def _lines(bulk: Bulk) -> Iterator[str]:
    shape = bulk.shape
    head = f"{shape.name}, {shape.commits} commits of {COMMIT_AGE_S:.0f} s at {shape.events_a_second:,} events/s"
    yield f"{head}: {bulk.files} files, {bulk.loader.rows:,} rows"
    yield f"{'':28}{'rows/s':>12}{'rows/CPU-s':>14}{'wall s':>10}{'CPU s':>10}"
    ways = {
        "loader": bulk.loader,
        "loader, one COPY per file": bulk.commits,
        "bare COPYs, one per file": bulk.copies,
        f"executemany, {bulk.inserts.rows:,} rows": bulk.inserts,
    }
    for name, way in ways.items():
        rates = f"{way.rows_per_s:>12,.0f}{way.rows_per_cpu_s:>14,.0f}"
        yield f"{name:28}{rates}{way.spent.wall_s:>10.2f}{way.spent.cpu_s:>10.2f}"
    ratios = f"{bulk.of_copies:.1f} times bare COPYs, {bulk.of_inserts:.0f} times executemany"
    yield f"the loader is {bulk.of_commits:.1f} times itself with one COPY per file, {ratios}"


def misses(measured: Measured) -> Iterator[str]:
    """What the goals ask for and the measurement does not show."""
    yield from differences(measured)
    if measured.busy.of_inserts < LEAST_OF_INSERTS:
        yield f"{measured.busy.of_inserts:.1f} times executemany, {LEAST_OF_INSERTS:.0f} are asked for"
    if measured.quiet.of_commits < LEAST_OF_COMMITS:
        yield f"{measured.quiet.of_commits:.1f} times one COPY per file, {LEAST_OF_COMMITS:.0f} are asked for"
    if measured.freshness.p95_s > MOST_P95_S:
        yield f"95% within {measured.freshness.p95_s:.1f} s, {MOST_P95_S:.0f} s are asked for"


def differences(measured: Measured) -> Iterator[str]:
    yield from measured.quiet.differences
    yield from measured.busy.differences


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks loader", description=__doc__)
    parser.add_argument("--sample-rows", type=int, default=SAMPLE_ROWS, help="how many rows are inserted")
    parser.add_argument("--live-s", type=float, default=LIVE_S, help="how long the live run takes")
    parser.add_argument("--check", action="store_true", help="exit 1 where a goal is missed")
    chosen = parser.parse_args(arguments)
    measured = measure(sample_rows=chosen.sample_rows, live_s=chosen.live_s)
    print(table(measured))  # noqa: T201 - a command prints
    missed = list(misses(measured) if chosen.check else differences(measured))
    for miss in missed:
        print(f"missed: {miss}")  # noqa: T201 - a command prints
    return 1 if missed else 0
