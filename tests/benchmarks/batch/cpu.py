"""CPU of this process and of all that it started: Spark's Java, and the Python workers of that."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import psutil


@dataclass(frozen=True, slots=True)
class Spent:
    """On one piece of work."""

    cpu_s: float
    wall_s: float


def spent_on(work: Callable[[], object]) -> Spent:
    """Workers that end meanwhile are counted by those who wait for them."""
    before, began_s = _tree_cpu_s(), time.monotonic()
    work()
    return Spent(_tree_cpu_s() - before, time.monotonic() - began_s)


def _tree_cpu_s() -> float:
    me = psutil.Process()
    total = 0.0
    for process in [me, *me.children(recursive=True)]:
        try:
            total += sum(process.cpu_times()[:4])
        except psutil.NoSuchProcess:
            continue
    return total
