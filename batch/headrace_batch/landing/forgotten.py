"""Who was forgotten does not come back by a file."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow.compute as pc

from headrace_batch.forget.forgotten import has_digest, tell_digest
from headrace_batch.landing.staging import StagedFile
from headrace_batch.place import Place
from headrace_consumers.commitlog.model import Erasure
from headrace_consumers.lake_table import LakeTable
from headrace_consumers.records import ROOT


def erased_of(place: Place) -> Sequence[Erasure]:
    """All that was ever forgotten, by the batch chain. Blocks on the network."""
    return [one for commit in place.chain.after(ROOT) for one in commit.erases]


def without_forgotten(table: LakeTable, staged: StagedFile, erased: Sequence[Erasure]) -> StagedFile:
    """Rows and letters, those of forgotten people taken out; a letter that is no JSON cannot be told."""
    rows, letters = staged.rows, staged.letters
    for column, digests in _digests(table, erased).items():
        rows = rows.filter(pc.invert(has_digest(rows[column], digests)))
        letters = letters.filter(pc.invert(tell_digest(letters["payload"], column, digests)))
    return StagedFile(rows, letters)


def _digests(table: LakeTable, erased: Sequence[Erasure]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    columns = {column.name for column in table.contract.columns}
    for one in erased:
        if one.table == table.name and one.column in columns:
            found.setdefault(one.column, set()).add(one.sha256)
    return found
