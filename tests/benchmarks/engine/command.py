"""`python -m tests.benchmarks engine [--check] [--events N]`: the table, and the verdict on it."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from headrace_consumers.loading import load_pipeline
from tests.benchmarks.engine.outputs import differences
from tests.benchmarks.engine.recording import Recording, record_flights
from tests.benchmarks.engine.runs import PIPELINE, run_headrace, run_stock
from tests.benchmarks.engine.shard_memory import ShardMemory, measure_shard_memory
from tests.fakes.engine_child import Usage

LEAST_MEGABYTES_PER_CPU_S = 60.0
LEAST_RATIO = 3.0
MOST_SHARD_MEGABYTES = 12.0
EVENTS = 362_891
"""The whole year: several batches, so that the first one's fresh memory weighs as little as in life."""
RUNS = 4


@dataclass(frozen=True, slots=True)
class Measured:
    """One comparison. Of several runs the one with the least CPU counts: other work on the machine only ever adds."""

    recording: Recording
    headrace: Usage
    stock: Usage
    differences: Sequence[str]
    shard: ShardMemory

    @property
    def megabytes_per_cpu_s(self) -> float:
        return self.recording.megabytes / self.headrace.cpu_s

    @property
    def ratio(self) -> float:
        return self.stock.cpu_s / self.headrace.cpu_s

    @property
    def shard_megabytes(self) -> float:
        return self.shard.per_shard / 1e6


def measure(events: int, runs: int = RUNS) -> Measured:
    """Records the lines, runs both `runs` times on them, and reads the last outputs back."""
    with tempfile.TemporaryDirectory(prefix="hr-bench-") as name:
        folder = Path(name)
        recording = record_flights(folder, events)
        headrace, ours = _best(run_headrace, recording, folder / "headrace", runs)
        stock, theirs = _best(run_stock, recording, folder / "stock", runs)
        unlike = differences(load_pipeline(PIPELINE), ours, theirs, recording.events)
        idle = _made(folder / "idle")
        return Measured(recording, headrace, stock, unlike, measure_shard_memory(idle))


def _best(
    run: Callable[[Recording, Path], Usage], recording: Recording, folder: Path, runs: int
) -> tuple[Usage, Path]:  # fmt: skip
    outputs = [_made(folder / str(number)) for number in range(runs)]
    return min((run(recording, output) for output in outputs), key=lambda usage: usage.cpu_s), outputs[-1]


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def table(measured: Measured) -> str:
    recording, shard = measured.recording, measured.shard
    rows = [("", "events/CPU-s", "MB/CPU-s", "CPU s", "peak MB")]
    for name, usage in (("headrace", measured.headrace), ("stock kclpy", measured.stock)):
        rate = f"{recording.events / usage.cpu_s:,.0f}", f"{recording.megabytes / usage.cpu_s:.1f}"
        rows.append((name, *rate, f"{usage.cpu_s:.2f}", f"{usage.peak_rss_bytes / 1e6:.0f}"))
    lines = [f"{row[0]:12}" + "".join(f"{cell:>14}" for cell in row[1:]) for row in rows]
    size = recording.payload_bytes / max(recording.events, 1)
    cost = f"relay {shard.relay / 1e6:.1f}, engine {shard.engine_growth / 1e6:.2f}"
    head = (
        f"{recording.events:,} flights and weather events in packs, {size:.0f} bytes each, {recording.megabytes:.1f} MB"
    )
    verdict = f"ratio {measured.ratio:.1f}; outputs {'differ' if measured.differences else 'equal'}"
    return "\n".join([head, *lines, verdict, f"a further shard: {measured.shard_megabytes:.1f} MB ({cost})"])


def misses(measured: Measured) -> Iterator[str]:
    """What the goals ask for and the measurement does not show."""
    yield from (f"outputs differ: {difference}" for difference in measured.differences)
    if measured.megabytes_per_cpu_s < LEAST_MEGABYTES_PER_CPU_S:
        yield f"{measured.megabytes_per_cpu_s:.1f} MB per CPU-second, {LEAST_MEGABYTES_PER_CPU_S:.0f} are asked for"
    if measured.ratio < LEAST_RATIO:
        yield f"{measured.ratio:.1f} times stock kclpy, {LEAST_RATIO:.0f} are asked for"
    if measured.shard_megabytes > MOST_SHARD_MEGABYTES:
        yield f"{measured.shard_megabytes:.1f} MB a further shard, at most {MOST_SHARD_MEGABYTES:.0f} are asked for"


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks engine", description=__doc__)
    parser.add_argument("--events", type=int, default=EVENTS, help="how many events of the year are sent")
    parser.add_argument("--runs", type=int, default=RUNS, help="runs of each; the one with the least CPU counts")
    parser.add_argument("--check", action="store_true", help="exit 1 where a goal is missed")
    chosen = parser.parse_args(arguments)
    measured = measure(chosen.events, chosen.runs)
    print(table(measured))  # noqa: T201 - a command prints
    missed = list(misses(measured)) if chosen.check else [f"outputs differ: {what}" for what in measured.differences]
    for miss in missed:
        print(f"missed: {miss}")  # noqa: T201 - a command prints
    return 1 if missed else 0
