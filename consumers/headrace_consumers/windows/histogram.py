"""Quantiles from log-bucketed histograms: DDSketch's mapping, with integer bounds, so that a bucket is never in doubt.

Bucket i + 1 holds the integers up to floor(gamma**i) that bucket i does not, bucket 0 holds zero, negative values have
the negative buckets. A bucket's value is within 1% of all that it holds. Histograms are maps, sorted by bucket.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Integers = npt.NDArray[np.int64]
_GREATEST = 2**63
_NUMERATOR, _DENOMINATOR = 101, 99
"""gamma = 1.01 / 0.99: 1% to either side."""
_SPREAD = 1 << 16
"""More than there are buckets."""


def buckets_of(values: Integers) -> npt.NDArray[np.int32]:
    """The bucket of each scaled integer."""
    magnitudes = np.abs(values).view(np.uint64)
    return (np.sign(values) * (np.searchsorted(_bounds(), magnitudes) + 1)).astype(np.int32)


def counted(buckets: pa.ListArray) -> pa.MapArray:
    """One histogram per list of buckets; of a null one it is empty."""
    lengths = _lengths(buckets)
    found = buckets.flatten().to_numpy()
    return _summed(len(buckets), np.repeat(np.arange(len(buckets)), lengths), found, np.ones(len(found), np.int64))


def summed(histograms: pa.ListArray) -> pa.MapArray:
    """One histogram per list of histograms."""
    groups = np.repeat(np.arange(len(histograms)), _lengths(histograms))
    lengths, buckets, counts = _entries(histograms.flatten())
    return _summed(len(histograms), np.repeat(groups, lengths), buckets, counts)


def quantiles(histograms: pa.MapArray, q: float) -> pa.Array:
    """The value of rank floor(q * (n - 1)), as float64 in scaled units; null for an empty histogram."""
    lengths, buckets, counts = _entries(histograms)
    if not len(buckets):
        return pa.nulls(len(histograms), pa.float64())
    through = np.concatenate([[0], np.cumsum(counts)])
    ends = np.cumsum(lengths)
    first, events = through[ends - lengths], through[ends] - through[ends - lengths]
    ranks = first + np.floor(q * np.maximum(events - 1, 0)).astype(np.int64)
    at = np.minimum(np.searchsorted(through[1:], ranks, side="right"), len(buckets) - 1)
    return pa.array(_values(buckets[at]), mask=events == 0)


@cache
def _bounds() -> npt.NDArray[np.uint64]:
    return np.array([top // bottom for top, bottom in _powers()], np.uint64)


@cache
def _middles() -> npt.NDArray[np.float64]:
    """2 * gamma**i / (gamma + 1), each rounded once."""
    both = _NUMERATOR + _DENOMINATOR
    return np.array([2 * top * _DENOMINATOR / (bottom * both) for top, bottom in _powers()])


@cache
def _powers() -> tuple[tuple[int, int], ...]:
    """gamma**i as fractions, up to the first that reaches the greatest magnitude."""
    powers = [(1, 1)]
    while powers[-1][0] < _GREATEST * powers[-1][1]:
        powers.append((powers[-1][0] * _NUMERATOR, powers[-1][1] * _DENOMINATOR))
    return tuple(powers)


def _values(buckets: Integers) -> npt.NDArray[np.float64]:
    return np.asarray(np.sign(buckets) * _middles()[np.maximum(np.abs(buckets) - 1, 0)])


def _summed(size: int, groups: Integers, buckets: Integers, counts: Integers) -> pa.MapArray:
    both = groups * _SPREAD + buckets
    order = np.argsort(both)
    groups, buckets, counts = groups[order], buckets[order], counts[order]
    is_first = np.ones(len(order), bool)
    is_first[1:] = np.diff(both[order]) != 0
    firsts = np.flatnonzero(is_first)
    offsets = np.searchsorted(groups[firsts], np.arange(size + 1))
    sums = np.add.reduceat(counts, firsts) if len(firsts) else counts
    return pa.MapArray.from_arrays(
        pa.array(offsets, pa.int32()), pa.array(buckets[firsts], pa.int32()), pa.array(sums, pa.int64())
    )


def _lengths(lists: pa.ListArray) -> Integers:
    lengths: Integers = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False).astype(np.int64)
    return lengths


def _entries(histograms: pa.MapArray) -> tuple[Integers, Integers, Integers]:
    """How many buckets each has, and the buckets and counts of all. `keys` and `items` know nothing of a slice."""
    if not len(histograms):
        return (np.empty(0, np.int64),) * 3
    offsets = histograms.offsets.to_numpy().astype(np.int64)
    held = slice(offsets[0], offsets[-1])
    return np.diff(offsets), histograms.keys[held].to_numpy(), histograms.items[held].to_numpy()
