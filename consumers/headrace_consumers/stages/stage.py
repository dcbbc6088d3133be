"""The stages of a batch: the table of contents of what happens to an event between Kinesis and Parquet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from headrace_consumers.pipeline import LakeTable, Pipeline
from headrace_consumers.records import ShardRecords
from headrace_consumers.stages.gathered import Gathered
from headrace_consumers.stages.letters import Finding, Letter, Letters
from headrace_consumers.stages.lines import Lines, chosen_lines, split_lines
from headrace_consumers.stages.parse import Parsed, joined_parsed, kept_parsed, parse_group
from headrace_consumers.stages.plain import read_plain
from headrace_consumers.stages.repeats import mark_repeats
from headrace_consumers.stages.route import route_lines
from headrace_consumers.stages.staged import ShardStart, StagedBatch
from headrace_consumers.stages.validate import find_invalid


def stage_batch(
    pipeline: Pipeline, batch: Sequence[ShardRecords], starts: Mapping[str, ShardStart], max_unpacked_bytes: int
) -> StagedBatch:
    """All stages over one batch. Pure; data of any kind becomes rows or letters and never raises."""
    marked = mark_repeats(batch, starts, pipeline.lane_horizon_s)
    gathered = Gathered({piece.shard_id: starts[piece.shard_id].highest_event_time_us for piece in batch})
    for lines in split_lines(marked, max_unpacked_bytes):
        letters = Letters([_of_record(lines, *lost) for lost in lines.unreadable])
        valid = judge_lines(pipeline, lines, letters)
        gathered.add_letters(lines, letters)
        gathered.add_rows(pipeline, lines, valid)
    return gathered.staged(marked)


def judge_lines(pipeline: Pipeline, lines: Lines, letters: Letters) -> list[tuple[LakeTable, Parsed]]:
    """The valid events of each table; every other line becomes a letter. Only the line and its arrival have a say."""
    parsed = _decode(pipeline, lines, letters)
    valid = [(table, _validate(pipeline, table, lines, found, letters)) for table, found in parsed]
    return [(table, found) for table, found in valid if len(found.lines)]


def _of_record(lines: Lines, record: int, index: int, reason: str) -> Letter:
    return Letter(record, index, lines.records[record].data, Finding("unpack", reason))


def _decode(pipeline: Pipeline, lines: Lines, letters: Letters) -> list[tuple[LakeTable, Parsed]]:
    """Lines as our producer writes them are read at sight, all others by the patient parser."""
    plain, rest = read_plain(pipeline, lines)
    found: dict[str, list[Parsed]] = {name: [parsed] for name, parsed in plain.items()}
    for table, chosen in route_lines(pipeline, lines, rest, letters).groups.values():
        text = chosen_lines(lines.text, chosen)
        parsed, bad, findings = parse_group(table.contract, pipeline.event_format, text, chosen)
        letters.add_lines(lines, bad, findings)
        found.setdefault(table.name, []).append(parsed)
    return [(table, joined_parsed(found[table.name])) for table in pipeline.tables if table.name in found]


def _validate(pipeline: Pipeline, table: LakeTable, lines: Lines, parsed: Parsed, letters: Letters) -> Parsed:
    arrival_us = lines.arrival_us(parsed.lines)
    skew_us = int(pipeline.max_skew_s * 1_000_000)
    invalid, findings = find_invalid(table.contract, pipeline.event_format, parsed, arrival_us, skew_us)
    if not invalid.any():
        return parsed
    letters.add_lines(lines, parsed.lines[invalid], findings)
    return kept_parsed(parsed, np.flatnonzero(~invalid))
