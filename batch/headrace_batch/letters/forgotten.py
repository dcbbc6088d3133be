"""People who were forgotten: what is mended may turn out to be of one, and comes back for nobody."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa

from headrace_batch.forget.forgotten import has_digest
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
        whole |= has_digest(rows[column], digests).to_numpy()
    return whole
