"""Dead letters: what is wrong with which event, collected while the batch goes on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa

from headrace_consumers.stages.schemas import COMMIT_FIELD, DEAD_LETTER_SCHEMA

if TYPE_CHECKING:
    from headrace_consumers.stages.lines import Ints, Lines

LETTER_SCHEMA = DEAD_LETTER_SCHEMA.remove(DEAD_LETTER_SCHEMA.get_field_index(COMMIT_FIELD.name))


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong: the stage that found it, a stable reason code, and where known the field and the rule."""

    stage: str
    reason: str
    field: str | None = None
    rule: str | None = None
    event_type: str | None = None


@dataclass(frozen=True, slots=True)
class Letter:
    """One event, or one whole record, that becomes no row. `record` counts into the records of its lines."""

    record: int
    index: int
    payload: bytes
    finding: Finding


@dataclass(slots=True)
class Letters:
    """The letters of some lines. Only rejects come here, so one at a time is cheap enough."""

    found: list[Letter] = field(default_factory=list)

    def add_lines(self, lines: Lines, chosen: Ints, findings: Sequence[Finding]) -> None:
        """`findings[i]` is wrong with line `chosen[i]`."""
        where = zip(lines.record[chosen].tolist(), lines.index[chosen].tolist(), strict=True)
        for (record, index), payload, finding in zip(where, lines.payloads(chosen), findings, strict=True):
            self.found.append(Letter(record, index, payload, finding))

    def table(self, lines: Lines) -> pa.Table:
        """All letters, in the order in which their events were delivered."""
        rows = []
        for letter in sorted(self.found, key=lambda letter: (letter.record, letter.index)):
            record, finding = lines.records[letter.record], letter.finding
            rows.append({
                "stage": finding.stage,
                "reason": finding.reason,
                "field": finding.field,
                "rule": finding.rule,
                "event_type": finding.event_type,
                "payload": letter.payload,
                "shard_id": lines.shard_ids[letter.record],
                "sequence_number": record.sequence_number,
                "record_index": letter.index,
                "arrival_time": record.approximate_arrival_timestamp * 1000,
            })  # fmt: skip
        return pa.Table.from_pylist(rows, LETTER_SCHEMA)
