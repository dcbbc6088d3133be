"""`python -m tests.benchmarks batch [--only NAME] [--check]`: what batch costs, beside what others would do."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.benchmarks.batch import backfill, compaction, landing
from tests.benchmarks.batch.line import Finding

MEASUREMENTS: Mapping[str, Callable[[Path, int], Finding]] = {
    "backfill": backfill.finding,
    "compaction": compaction.finding,
    "landing": landing.finding,
}
"""Each gets an empty folder, and how many events of a big measurement are asked for."""


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks batch", description=__doc__)
    parser.add_argument("--only", choices=sorted(MEASUREMENTS), help="one of the measurements")
    parser.add_argument("--events", type=int, default=backfill.EVENTS, help="how many flights are staged once more")
    parser.add_argument("--check", action="store_true", help="exit 1 where a goal is missed")
    chosen = parser.parse_args(arguments)
    missed: list[str] = []
    for name in [chosen.only] if chosen.only else MEASUREMENTS:
        found = _found(name, chosen.events)
        print("\n".join(found.lines), flush=True)  # noqa: T201 - a command prints
        missed += [*found.differences, *(found.misses if chosen.check else ())]
    for miss in missed:
        print(f"missed: {miss}")  # noqa: T201 - a command prints
    return 1 if missed else 0


def _found(name: str, events: int) -> Finding:
    with tempfile.TemporaryDirectory(prefix="hr-bench-") as folder:
        place = Path(folder) / name
        place.mkdir()
        return MEASUREMENTS[name](place, events)
