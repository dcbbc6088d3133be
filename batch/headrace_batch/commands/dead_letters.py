"""`headrace-batch dead-letters list | show | redrive MODULE:PIPELINE`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Annotated

import msgspec
import pyarrow as pa

from headrace_batch.committing import settle
from headrace_batch.letters.filters import LetterFilter
from headrace_batch.letters.fixing import AsItIs, Fix, JqFix
from headrace_batch.letters.reading import letter_files, read_files
from headrace_batch.letters.redriving import RedrivePlan
from headrace_batch.letters.redriving import redrive as run
from headrace_batch.letters.report import RedriveReport
from headrace_batch.letters.showing import shown, told
from headrace_batch.letters.summing import FAULT, LATE, LetterGroup, sum_up
from headrace_batch.place import FLAT, LAKE, LOG, Flag, Lake, Log, Place, opened
from headrace_consumers.settings import BatchSettings
from headrace_producers.errors import SettingsError

Wanted = Annotated[LetterFilter, FLAT]
ALL = LetterFilter()


def list_(
    pipeline: str,
    /,
    *,
    wanted: Wanted = ALL,
    late: Flag = False,
    limit: int = 0,
    stream: str = "",
    lake: Lake = LAKE,
    log: Log = LOG,
    json: Flag = False,
) -> int:
    """Print how many letters there are of each fault, the greatest group first.

    Parameters
    ----------
    pipeline
        MODULE:PIPELINE, such as my_team.pipelines:flights; the working directory is importable.
    late
        Of events that came too late for windows. Their rows are in their tables: they are no letters to redrive.
    limit
        At most so many groups; 0 for all.
    stream
        Reads this stream instead of the pipeline's own.
    json
        Print one JSON document.
    """
    _require_fitting(wanted, limit, late=late)
    with opened(pipeline, stream, lake, log, "dead-letters") as place:
        groups = sum_up(_letters(place, wanted, late=late), LATE if late else FAULT)
    chosen = groups[:limit] if limit else groups
    if json:
        _print(msgspec.json.encode(chosen).decode())
    else:
        _print(*map(_line, chosen), f"{sum(group.letters for group in groups):,} letters")
    return 0


def show(
    pipeline: str,
    /,
    *,
    wanted: Wanted = ALL,
    late: Flag = False,
    limit: int = 20,
    stream: str = "",
    lake: Lake = LAKE,
    log: Log = LOG,
    json: Flag = False,
) -> int:
    """Print the letters themselves, oldest arrivals first, with what was sent to us: it may hold personal data.

    Parameters
    ----------
    pipeline
        MODULE:PIPELINE, such as my_team.pipelines:flights; the working directory is importable.
    late
        Of events that came too late for windows.
    limit
        At most so many; 0 for all.
    stream
        Reads this stream instead of the pipeline's own.
    json
        Print each letter as one line of JSON; a payload that is no text as `payload_hex`.
    """
    _require_fitting(wanted, limit, late=late)
    left = limit or sys.maxsize
    with opened(pipeline, stream, lake, log, "dead-letters") as place:
        for letters in _letters(place, wanted, late=late):
            for letter in shown(letters.slice(0, left)):
                _print(msgspec.json.encode(letter).decode() if json else told(letter))
            left -= len(letters)
            if left <= 0:
                break
    return 0


def redrive(
    pipeline: str,
    /,
    *,
    wanted: Wanted = ALL,
    fix: str = "",
    raw: Flag = False,
    late: Flag = False,
    dry_run: Flag = False,
    limit: int = 0,
    why: str = "",
    max_unpacked_bytes: int = BatchSettings.max_unpacked_bytes,
    stream: str = "",
    lake: Lake = LAKE,
    log: Log = LOG,
    json: Flag = False,
) -> int:
    """Stage letters once more, by the pipeline as it is declared now: what is valid becomes rows.

    Each letter comes back once, whoever else redrives, and at its own position. It is not late for windows: those
    that are out are revised. What is still wrong stays a letter. Run it again after whatever ended it.

    Parameters
    ----------
    pipeline
        MODULE:PIPELINE, such as my_team.pipelines:flights; the working directory is importable.
    fix
        A jq program that makes of each letter's event the right one: '.data.origin = "JFK"'.
    raw
        The program gets the payload as a string, as `jq -R` gives it: for what is no JSON.
    late
        Refused: late events are rows of their tables already.
    dry_run
        Write nothing; print what would come back.
    limit
        Only the first so many letters that are meant, oldest first; 0 for all.
    why
        Why it is done, in your words; the log keeps them. (--reason chooses letters.)
    max_unpacked_bytes
        A compressed record that unpacks to more stays a letter.
    stream
        Reads this stream instead of the pipeline's own.
    json
        Print one JSON document.
    """
    if late:
        raise SettingsError("late events are rows of their tables already: there is nothing to redrive")
    _require_fitting(wanted, limit, late=late)
    if raw and not fix:
        raise SettingsError("--raw says how --fix gets a letter: give a program")
    with opened(pipeline, stream, lake, log, "redrive") as place, _fixing(fix, raw=raw) as mend:
        if not dry_run:
            settle(place)
        plan = RedrivePlan(
            wanted=wanted, fix=mend, max_unpacked_bytes=max_unpacked_bytes, limit=limit, dry_run=dry_run, why=why
        )  # fmt: skip
        report = run(place, plan, _progress)
    _print(*([msgspec.json.encode(report).decode()] if json else report.sentences()))
    return 0


@contextmanager
def _fixing(program: str, *, raw: bool) -> Iterator[Fix]:
    with JqFix(program, raw=raw) if program else nullcontext(AsItIs()) as fix:
        yield fix


def _letters(place: Place, wanted: LetterFilter, *, late: bool) -> Iterator[pa.Table]:
    table = place.pipeline.late_table if late else place.pipeline.dead_letter_table
    for found in read_files(place, letter_files(place.standing(), table, wanted), wanted):
        yield found.chosen


def _require_fitting(wanted: LetterFilter, limit: int, *, late: bool) -> None:
    if limit < 0:
        raise SettingsError("--limit must not be negative; 0 is for all")
    if late and wanted.of_letters_alone:
        raise SettingsError("late events have no --stage, --reason or --field: nothing is wrong with them")


def _progress(report: RedriveReport) -> None:
    sys.stderr.write(f"{report.redriven:,} redriven, {report.stayed:,} stay\n")


def _line(group: LetterGroup) -> str:
    fault = " ".join(text for text in (group.stage, group.reason, group.field) if text) or "late"
    rule = f" ({group.rule})" if group.rule else ""
    kind = f", {group.event_type}" if group.event_type else ""
    span = f"{group.first_arrival.isoformat()} to {group.last_arrival.isoformat()}"
    return f"{group.letters:,}: {fault}{rule}{kind}, arrived {span}"


def _print(*lines: str) -> None:
    for line in lines:
        sys.stdout.write(f"{line}\n")
