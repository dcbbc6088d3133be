"""People who were forgotten: what is mended may turn out to be of one, and comes back for nobody."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headrace_batch.letters.filters import Mask
from headrace_consumers.commitlog.model import Erasure
from headrace_consumers.commitlog.standing import Standing


def erased_by(standing: Standing) -> frozenset[Erasure]:
    """All that was ever forgotten."""
    return frozenset(one for commit in standing.commits.values() for one in commit.erases)


def of_forgotten(table: str, rows: pa.Table, erasures: Iterable[Erasure]) -> Mask:
    """Which rows of the table are of somebody who was forgotten."""
    whole = np.zeros(len(rows), np.bool_)
    for column in {one.column for one in erasures if one.table == table} & set(rows.column_names):
        digests = {one.sha256 for one in erasures if (one.table, one.column) == (table, column)}
        values = rows[column].cast(pa.string())
        known = pc.drop_null(values.unique())
        gone = [text for text in known.to_pylist() if hashlib.sha256(text.encode()).hexdigest() in digests]
        whole |= pc.is_in(values, pa.array(gone, pa.string())).to_numpy()
    return whole
