"""The order of rows in the lake's files."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc


def ranks(values: pa.ChunkedArray) -> npt.NDArray[Any]:
    """Numbers in the order of the values, nulls last; texts are ranked once per distinct value."""
    whole = values.combine_chunks()
    if pa.types.is_timestamp(whole.type) and not whole.null_count:
        return np.asarray(whole.cast(pa.int64()))
    coded = whole.dictionary_encode()
    ranks = pc.rank(coded.dictionary, sort_keys="ascending", tiebreaker="first")
    return np.asarray(pc.fill_null(pc.take(ranks, coded.indices), len(ranks) + 1))
