"""The benchmark of landing lands what it says."""

from __future__ import annotations

from tests.benchmarks.batch.landing import flights_csv, measure


def test_it_lands_every_row() -> None:
    """A small part of the file, once."""
    body = b"".join(flights_csv().splitlines(keepends=True)[:2_001])
    found = measure(body, times=1)
    assert found.rows == 2_000
    assert found.rows_per_cpu_s > 0
