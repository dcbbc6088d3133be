"""`python -m tests.benchmarks windows [--events N]`: what windows cost the engine, and how fast their service is."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.engine.recording import Recording, record_flights
from tests.benchmarks.engine.runs import PIPELINE, run_headrace
from tests.benchmarks.windows.service import Merged, measure_service
from tests.fakes.engine_child import Usage

WINDOWED = "tests.benchmarks.pipelines:windowed"
EVENTS = 362_891
RUNS = 3
STATIONS = (10, 100, 1_000)


@dataclass(frozen=True, slots=True)
class Measured:
    """Of several runs the one with the least CPU counts: other work on the machine only ever adds."""

    recording: Recording
    plain: Usage
    windowed: Usage
    service: Sequence[Merged]


def measure(events: int, runs: int = RUNS, stations: Sequence[int] = STATIONS) -> Measured:
    with tempfile.TemporaryDirectory(prefix="hr-bench-") as name:
        folder = Path(name)
        recording = record_flights(folder, events)
        plain = _best(recording, folder / "plain", PIPELINE, runs)
        windowed = _best(recording, folder / "windowed", WINDOWED, runs)
    return Measured(recording, plain, windowed, [measure_service(count) for count in stations])


def _best(recording: Recording, folder: Path, pipeline: str, runs: int) -> Usage:
    found = []
    for number in range(runs):
        output = folder / str(number)
        output.mkdir(parents=True)
        found.append(run_headrace(recording, output, pipeline))
    return min(found, key=lambda usage: usage.cpu_s)


def table(measured: Measured) -> str:
    events = measured.recording.events
    lines = [f"{events:,} flights and weather events, {measured.recording.megabytes:.1f} MB"]
    for name, usage in (("engine alone", measured.plain), ("engine with three windows", measured.windowed)):
        rate = measured.recording.megabytes / usage.cpu_s
        lines.append(f"{name:26} {events / usage.cpu_s:>12,.0f} events per CPU-second {rate:>8.1f} MB")
    lines.append(f"windows cost {measured.windowed.cpu_s / measured.plain.cpu_s - 1:.0%} of the engine's CPU")
    lines += [
        f"{'service':10} {merged.partials:>12,} partials {merged.per_s:>12,.0f} partials per CPU-second"
        for merged in measured.service
    ]
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks windows", description=__doc__)
    parser.add_argument("--events", type=int, default=EVENTS, help="how many events of the year are sent")
    parser.add_argument("--runs", type=int, default=RUNS, help="runs of each engine; the one with the least CPU counts")
    chosen = parser.parse_args(arguments)
    print(table(measure(chosen.events, chosen.runs)))  # noqa: T201 - a command prints
    return 0
