"""`headrace-batch forget MODULE:PIPELINE`."""

from __future__ import annotations

import sys

import msgspec

from headrace_batch.forget.forgetting import Forgetting, Forgotten
from headrace_batch.forget.forgotten import person
from headrace_batch.known_transforms import known_transforms
from headrace_batch.place import LAKE, LOG, Flag, Lake, Log, opened, require_reason
from headrace_batch.retention.places import Kept
from headrace_producers.errors import SettingsError


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The whole of one command. It does not tell the value."""

    table: str
    column: str
    dry_run: bool
    tables: tuple[Forgotten, ...]
    stays: tuple[str, ...]


def forget(
    pipeline: str,
    /,
    *,
    table: str,
    key: str,
    reason: str,
    key_from_stdin: Flag = False,
    no_loader: Flag = False,
    dry_run: Flag = False,
    stream: str = "",
    lake: Lake = LAKE,
    log: Log = LOG,
    json: Flag = False,
) -> int:
    """Erase one person's events: rows, letters, and windows that are keyed by the person; the loader then erases them
    in the warehouse. The log keeps a digest, by which nothing of the person comes back.

    Run it again when new events of the person came. Records as they were received stay in the raw zone until its
    retention ends; aggregates over many people keep what the person added to them.

    Parameters
    ----------
    pipeline
        MODULE:PIPELINE, such as my_team.pipelines:flights; the working directory is importable.
    table
        The table that the column is of.
    key
        COLUMN=VALUE; the contract must mark the column as personal data.
    reason
        Why, and who asked, without naming the person: it is kept in the log.
    key_from_stdin
        The value is one line of standard input, and `key` is the column alone: others can read command lines.
    no_loader
        There is no warehouse: nobody has to have loaded the files.
    dry_run
        Say how many rows of which tables would go, and do nothing.
    stream
        Reads this stream instead of the pipeline's own.
    json
        Print one JSON document.
    """
    require_reason(reason)
    column, value = _key(key, from_stdin=key_from_stdin)
    with opened(pipeline, stream, lake, log, "forget") as place:
        who = person(place.pipeline, table, column, value)
        kept = Kept(raw=lake.raw_bucket, processed=lake.processed_bucket, curated=lake.curated_bucket)
        work = Forgetting(place=place, buckets=kept, person=who, reason=reason, progress=_say)
        found = work.planned(no_loader=no_loader) if dry_run else work.done(no_loader=no_loader)
        stays = (
            f"s3://{lake.raw_bucket}/{place.pipeline.name}/: records as received, until the raw zone's retention ends",
            f"s3://{lake.raw_bucket}/landed/{place.pipeline.name}/: files that landed, until somebody deletes them",
            *(
                f"s3://{lake.curated_bucket}/{name}/: what was computed, until its transform runs again"
                for name in known_transforms(place)
            ),
            "the windows service's own state, until its windows close",
            "what the person added to aggregates over many people",
        )
    answer = Answer(table=table, column=column, dry_run=dry_run, tables=tuple(found), stays=stays)
    sys.stdout.write(f"{msgspec.json.encode(answer).decode()}\n" if json else _sentences(answer))
    return 0


def _key(key: str, *, from_stdin: bool) -> tuple[str, str]:
    column, equals, value = key.partition("=")
    if from_stdin == bool(equals):
        wanted = "COLUMN alone, with the value on standard input" if from_stdin else "COLUMN=VALUE"
        raise SettingsError(f"--key must be {wanted}")
    return column, sys.stdin.readline().rstrip("\r\n") if from_stdin else value


def _say(progress: str) -> None:
    sys.stderr.write(f"{progress}\n")


def _sentences(answer: Answer) -> str:
    verb = "would leave" if answer.dry_run else "left"
    lines = [f"{one.table}: {one.rows:,} rows {verb}, of {one.files} files" for one in answer.tables]
    lines = lines or [f"{answer.table}: no row has this {answer.column}"]
    return "".join(f"{line}\n" for line in [*lines, *(f"stays: {one}" for one in answer.stays)])
