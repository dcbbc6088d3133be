"""Who was forgotten does not come back by a file."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from headrace_batch.forget.forgotten import letters_of_forgotten, of_forgotten
from headrace_batch.landing.staging import StagedFile
from headrace_consumers.commitlog.model import Erasure
from headrace_consumers.lake_table import LakeTable


def without_forgotten(table: LakeTable, staged: StagedFile, erased: Sequence[Erasure]) -> StagedFile:
    """Rows and letters, those of forgotten people taken out; a letter that is no JSON cannot be told."""
    columns = {column.name for column in table.contract.columns}
    concerned = [one for one in erased if one.table == table.name and one.column in columns]
    return StagedFile(
        staged.rows.filter(pa.array(~of_forgotten(table.name, staged.rows, concerned))),
        staged.letters.filter(pa.array(~letters_of_forgotten(staged.letters, concerned))),
    )
