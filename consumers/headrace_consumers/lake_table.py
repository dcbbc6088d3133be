"""The declaration of one table of the lake."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from headrace_consumers.grain import Grain
from headrace_producers.contracts import Contract, contract_of


@dataclass(frozen=True, slots=True)
class LakeTable:
    """One table of the processed zone: the rows of one contract, one folder per partition."""

    name: str
    event: type[msgspec.Struct]
    partition_by: Grain = Grain.DAY
    sort_by: tuple[str, ...] = ()
    """Contract columns by which rows of a file are sorted before their event time."""

    @property
    def contract(self) -> Contract:
        return contract_of(self.event)
