"""Dead letters: what is wrong with which event, collected while the batch goes on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa

from headrace_consumers.stages.schemas import DEAD_LETTER_SCHEMA, without_commit

if TYPE_CHECKING:
    from headrace_consumers.stages.lines import Ints, Lines

LETTER_SCHEMA = without_commit(DEAD_LETTER_SCHEMA)


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
        found = sorted(self.found, key=lambda letter: (letter.record, letter.index))
        findings = [letter.finding for letter in found]
        records = [lines.records[letter.record] for letter in found]
        columns = {
            "stage": [finding.stage for finding in findings],
            "reason": [finding.reason for finding in findings],
            "field": [finding.field for finding in findings],
            "rule": [finding.rule for finding in findings],
            "event_type": [finding.event_type for finding in findings],
            "payload": [letter.payload for letter in found],
            "shard_id": [lines.shard_ids[letter.record] for letter in found],
            "sequence_number": [record.sequence_number for record in records],
            "record_index": [letter.index for letter in found],
            "arrival_time": [record.approximate_arrival_timestamp * 1000 for record in records],
        }
        return pa.Table.from_pydict(columns, LETTER_SCHEMA)
