"""The compaction benchmark measures the same work on both sides."""

from __future__ import annotations

import io

import pyarrow.parquet as pq

from tests.benchmarks.batch.compaction import KEYS, by_pyarrow, compacted, measure, small_files


def test_both_ways_make_the_same_file() -> None:
    """Rows, their order by the keys, and the row groups that readers skip by."""
    bodies = small_files(1_500, 6)
    ours, theirs = (pq.ParquetFile(io.BytesIO(way(bodies))) for way in (compacted, by_pyarrow))
    found, expected = ours.read(), theirs.read()
    assert len(bodies) == 6
    assert found.select(KEYS).equals(expected.select(KEYS))
    assert sorted(map(repr, found.to_pylist())) == sorted(map(repr, expected.to_pylist()))
    assert ours.metadata.num_row_groups == theirs.metadata.num_row_groups


def test_it_measures() -> None:
    """What it says of files and rows is what it was given."""
    found = measure(flights=600, files=3, times=1)
    assert (found.files, found.rows > 500, found.ratio > 0) == (3, True, True)
