"""Arrow columns as scaled integers and back."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from headrace_consumers.windows.layout import WHOLE
from headrace_producers.contracts import Column, ColumnType

_NO_FRACTION = 2.0**52
"""From here on a float64 has no digits after the point."""


def scaled(column: Column, scale: int, values: pa.Array) -> pa.Array:
    """int64, nulls kept."""
    if column.type is ColumnType.FLOAT64:
        numbers = pc.fill_null(values, 0.0).to_numpy(zero_copy_only=False)
        return pa.array(_half_even(numbers, scale).astype(np.int64), mask=is_null(values))
    return _as_decimal(values, column.precision, 0).cast(pa.int64()) if column.type is ColumnType.DECIMAL else values


def as_decimal(values: pa.Array, kind: pa.Decimal128Type) -> pa.Array:
    """Scaled integers as decimals of that scale."""
    return _as_decimal(values.cast(WHOLE), kind.precision, kind.scale)


def is_null(values: pa.Array) -> npt.NDArray[np.bool_]:
    """A mask as pa.array takes it."""
    mask: npt.NDArray[np.bool_] = values.is_null().to_numpy(zero_copy_only=False)
    return mask


def _as_decimal(values: pa.Array, precision: int, scale: int) -> pa.Array:
    """The same 128 bits with the point elsewhere."""
    kind = pa.decimal128(precision, scale)
    return pa.Array.from_buffers(kind, len(values), values.buffers(), values.null_count, values.offset)


def _half_even(numbers: npt.NDArray[np.float64], scale: int) -> npt.NDArray[np.float64]:
    """What rounding each number's decimal text gives: 0.575 is 0.58 although its float64, and its product with 100,
    lie below the middle. The middle's own float64 decides, which is the text's where the text is the middle."""
    below = np.floor(numbers * 10.0**scale)
    middle = (10 * below + 5) / 10.0 ** (scale + 1)
    up = (numbers > middle) | ((numbers == middle) & (below % 2 == 1))
    return np.where(np.abs(below) < _NO_FRACTION, below + up, below)
