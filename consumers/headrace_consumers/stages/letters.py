"""Dead letters: what is wrong with which event, collected while the batch goes on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from headrace_consumers.records import KinesisRecord
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


@dataclass(slots=True)
class Letters:
    """Letters of a batch, column by column. Only rejects come here, so one at a time is cheap enough."""

    rows: list[dict[str, Any]] = field(default_factory=list)

    def add_record(self, record: KinesisRecord, shard_id: str, finding: Finding) -> None:
        """A whole record is unreadable."""
        position = {
            "shard_id": shard_id,
            "sequence_number": record.sequence_number,
            "record_index": record.sub_sequence_number or 0,
            "arrival_time": record.approximate_arrival_timestamp * 1000,
        }
        self.rows.append(_row(finding, record.data) | position)

    def add_lines(self, lines: Lines, chosen: Ints, findings: list[Finding]) -> None:
        """`findings[i]` is wrong with line `chosen[i]`."""
        if not len(chosen):
            return
        columns = {name: array.to_pylist() for name, array in lines.positions(chosen).items() if name != "arrival_time"}
        for number, payload in enumerate(lines.payloads(chosen)):
            record = lines.records[int(lines.record[chosen[number]])]
            position = {name: values[number] for name, values in columns.items()}
            position["arrival_time"] = record.approximate_arrival_timestamp * 1000
            self.rows.append(_row(findings[number], payload) | position)

    def table(self) -> pa.Table:
        return pa.Table.from_pylist(self.rows, LETTER_SCHEMA)


def _row(finding: Finding, payload: bytes) -> dict[str, Any]:
    return {
        "stage": finding.stage,
        "reason": finding.reason,
        "field": finding.field,
        "rule": finding.rule,
        "event_type": finding.event_type,
        "payload": payload,
    }
