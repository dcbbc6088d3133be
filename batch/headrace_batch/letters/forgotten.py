"""People who were forgotten: what is mended may turn out to be of one, and comes back for nobody."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import numpy as np
import pyarrow as pa

from headrace_batch.forget.forgotten import has_digest
from headrace_batch.letters.filters import Mask
from headrace_consumers.commitlog.model import Erasure


def of_forgotten(table: str, rows: pa.Table, erasures: Iterable[Erasure]) -> Mask:
    """Which rows of the table are of somebody who was forgotten."""
    digests: dict[str, set[str]] = defaultdict(set)
    for one in erasures:
        if one.table == table and one.column in rows.column_names:
            digests[one.column].add(one.sha256)
    whole = np.zeros(len(rows), np.bool_)
    for column, unwanted in digests.items():
        whole |= has_digest(rows[column], unwanted).to_numpy()
    return whole
