"""What every reader gives: some rows of a file as columns, and those that are none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from headrace_batch.landing.refusing import Reason, RefusedFileError
from headrace_consumers.landing import LandingSource

Ints = npt.NDArray[np.int64]
Payloads = Callable[[Ints], list[bytes]]


@dataclass(frozen=True, slots=True)
class Lost:
    """A row that becomes a dead letter. `row` counts the file's rows from 0, its header and blank lines left out."""

    row: int
    payload: bytes
    reason: str
    field: str | None = None
    rule: str | None = None


@dataclass(frozen=True, slots=True)
class Block:
    """Rows that could be read; their values may be wrong still."""

    fields: pa.Table
    """By the file's names: texts, or what JSON and Parquet type by themselves."""
    rows: Ints
    payloads: Payloads
    """The bytes of the rows at these places of `rows`."""
    lost: Sequence[Lost] = field(default=())


def check_names(source: LandingSource, found: Sequence[str]) -> None:
    """Raises RefusedFileError that says which names lack, and which nobody knows."""
    wanted = [name for names in source.file_names.values() for name in names]
    faults = {
        "twice": sorted({name for name in found if found.count(name) > 1}),
        "missing": [name for name in wanted if name not in found],
        "unknown": [name for name in found if name not in wanted and name not in source.ignored],
    }
    said = "; ".join(f"{fault}: {', '.join(map(repr, names[:20]))}" for fault, names in faults.items() if names)
    if said:
        raise RefusedFileError(Reason.WRONG_HEADER, f"its columns are not those of source {source.name}: {said}")
