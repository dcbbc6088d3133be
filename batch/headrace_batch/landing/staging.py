"""From a file's rows to rows of the lake and dead letters. Pure: the contract's rules are the stream's own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headrace_batch.landing.block import Block, Ints, Lost
from headrace_batch.landing.typing_texts import rule_of, typed_column
from headrace_batch.landing.typing_values import converted
from headrace_consumers.landing import FileFormat, LandingSource
from headrace_consumers.pipeline import EventFormat, Pipeline
from headrace_consumers.stages.letters import LETTER_SCHEMA
from headrace_consumers.stages.parse import Parsed, kept_parsed
from headrace_consumers.stages.rows import rows_at
from headrace_consumers.stages.schemas import INSTANT, POSITIONS_CODED, coded, table_schema, without_commit
from headrace_consumers.stages.validate import find_invalid
from headrace_producers.contracts import Column

STAGE = "landing"
_DIGEST_DIGITS = 32


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a row stands: in which file, by its content, and when that came."""

    source: str
    sha256: str
    arrived_us: int

    @property
    def shard_id(self) -> str:
        return f"landing/{self.source}"

    @property
    def sequence_number(self) -> str:
        return self.sha256[:_DIGEST_DIGITS]


@dataclass(frozen=True, slots=True)
class StagedFile:
    """Rows as `table_schema` without commit_id, letters as LETTER_SCHEMA."""

    rows: pa.Table
    letters: pa.Table


def stage_file(
    pipeline: Pipeline, source: LandingSource, blocks: Iterable[Block], origin: Origin, as_of_us: int
) -> StagedFile:
    """Raises what the blocks' reader raises: a file that is refused makes no letters."""
    rows, letters = [], []
    for block in blocks:
        found, lost = _stage(pipeline, source, block, origin, as_of_us)
        rows.append(found)
        letters.append(_letters(lost, source, origin))
    own = coded(without_commit(table_schema(source.table)), POSITIONS_CODED)
    return StagedFile(
        pa.concat_tables(rows).unify_dictionaries() if rows else own.empty_table(),
        pa.concat_tables(letters) if letters else LETTER_SCHEMA.empty_table(),
    )


def _stage(
    pipeline: Pipeline, source: LandingSource, block: Block, origin: Origin, as_of_us: int
) -> tuple[pa.Table, list[Lost]]:
    columns, wrong, faults = _typed(source, block, as_of_us)
    data = pa.table(columns)
    parsed = Parsed(block.rows, pa.table({}), data)
    lost = [*block.lost, *_with_payloads(block, wrong, faults)]
    right = np.delete(np.arange(len(block.rows)), wrong)
    if len(wrong):
        parsed = kept_parsed(parsed, right)
    arrivals = np.full(len(right), origin.arrived_us, np.int64)
    skew_us = int(pipeline.max_skew_s * 1_000_000)
    invalid, findings = find_invalid(source.table.contract, EventFormat.BARE, parsed, arrivals, skew_us)
    if invalid.any():
        said = [(finding.reason, finding.field, finding.rule) for finding in findings]
        lost += _with_payloads(block, right[invalid], said)
        parsed = kept_parsed(parsed, np.flatnonzero(~invalid))
    return rows_at(source.table, _positions(origin, parsed.lines), parsed), lost


Fault = tuple[str, str | None, str | None]


def _typed(source: LandingSource, block: Block, as_of_us: int) -> tuple[dict[str, pa.Array], Ints, list[Fault]]:
    """The contract's columns; the places of rows of which a value is no such thing, and of each the first fault."""
    columns: dict[str, pa.Array] = {}
    first = np.full(len(block.rows), -1, np.int64)
    faults: list[Fault] = []
    for column in source.table.contract.columns:
        if column.name == source.as_of:
            columns[column.name] = pa.repeat(pa.scalar(as_of_us, pa.int64()).cast(INSTANT), len(block.rows))
            continue
        values = _values(source, column, block)
        columns[column.name] = found = _as_column(source, column, values)
        if found.null_count > values.null_count:
            bad = pc.and_(pc.is_null(found), pc.is_valid(values)).to_numpy(zero_copy_only=False)
            first[bad & (first < 0)] = len(faults)
            faults.append(("wrong_type", column.name, rule_of(column, source.form)))
    wrong = np.flatnonzero(first >= 0)
    return columns, wrong, [faults[number] for number in first[wrong]]


def _values(source: LandingSource, column: Column, block: Block) -> pa.ChunkedArray:
    names = source.file_names[column.name]
    if len(names) == 1:
        return block.fields[names[0]]
    return pc.binary_join_element_wise(*(block.fields[name] for name in names), "-")


def _as_column(source: LandingSource, column: Column, values: pa.ChunkedArray) -> pa.Array:
    if source.form.format is FileFormat.PARQUET:
        return converted(column, values, source.form)
    if pa.types.is_string(values.type):
        return typed_column(column, values, source.form)
    return values.combine_chunks()


def _with_payloads(block: Block, places: Ints, faults: Sequence[Fault]) -> Iterator[Lost]:
    rows = block.rows[places].tolist()
    for row, payload, fault in zip(rows, block.payloads(places), faults, strict=True):
        yield Lost(row, payload, *fault)


def _positions(origin: Origin, rows: Ints) -> dict[str, pa.Array]:
    alike = pa.array(np.zeros(len(rows), np.int32))
    return {
        "shard_id": pa.DictionaryArray.from_arrays(alike, pa.array([origin.shard_id])),
        "sequence_number": pa.DictionaryArray.from_arrays(alike, pa.array([origin.sequence_number])),
        "record_index": pa.array(rows.astype(np.int32)),
        "arrival_time": pa.repeat(pa.scalar(origin.arrived_us, pa.int64()).cast(INSTANT), len(rows)),
    }


def _letters(lost: Sequence[Lost], source: LandingSource, origin: Origin) -> pa.Table:
    found = sorted(lost, key=lambda one: one.row)
    columns = {
        "stage": [STAGE] * len(found),
        "reason": [one.reason for one in found],
        "field": [one.field for one in found],
        "rule": [one.rule for one in found],
        "event_type": [source.table.contract.type] * len(found),
        "payload": [one.payload for one in found],
        "shard_id": [origin.shard_id] * len(found),
        "sequence_number": [origin.sequence_number] * len(found),
        "record_index": [one.row for one in found],
        "arrival_time": [origin.arrived_us] * len(found),
    }
    return pa.Table.from_pydict(columns, LETTER_SCHEMA)
