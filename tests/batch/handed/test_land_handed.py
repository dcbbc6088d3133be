"""A big file that is cut into pieces lands as one that one process lands whole: the same rows, the same letters."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headrace_batch.committing import settle
from headrace_batch.handed.cutting import cut_file
from headrace_batch.handed.landing import land_handed, waiting
from headrace_batch.handed.pieces import Piece
from headrace_batch.handed.tasks import Errands, Staged, stage_piece
from headrace_batch.landing.arriving import S3File
from headrace_batch.landing.landing import land
from headrace_batch.landing.verdicts import Outcome, Verdict
from headrace_consumers.commitlog.model import CommitKind
from headrace_consumers.lake.listing import LakeListing
from headrace_consumers.landing import FileCompression, FileForm, FileFormat, LandingSource, Limits
from tests.batch.landing.harbour import Harbour, crates, csv_of, source
from tests.batch.landing.test_landing import HEADER, RIGHT, WRONG
from tests.fakes.steps import Crash, Steps

NDJSON = FileForm(format=FileFormat.NDJSON)
PARQUET = FileForm(format=FileFormat.PARQUET)
SMALL = Limits(max_bytes=64)
CUT = partial(cut_file, block_bytes=300, piece_bytes=700)
QUOTED = '2024-05-01T10:00:00Z,"No\nrth",1200,0.5,12.30,true,2024-05-03,box'
STRAY = '2024-05-01T10:00:00Z,No"rth,1200,0.5,12.30,true,2024-05-03,box'


def csv_rows(*more: str) -> list[str]:
    return [*RIGHT, *WRONG, *more, "", *RIGHT] * 9


def json_lines() -> bytes:
    right = '{"weighed_at":"2024-05-01T10:00:00Z","depot":"North","grams":%d,"fee":1.25}'
    lines = [
        right % 5,
        "{",
        "[]",
        right % 90_001,
        "",
        '{"depot":"é"}',
        '  {"weighed_at":"2024-05-01T10:00:00Z",',
        right % 7,
    ]
    return "\r\n".join(lines * 12).encode() + b"\n"


def parquet(rows_a_group: int = 7) -> bytes:
    rows = 40
    table = pa.table({
        "weighed_at": pa.array([1_714_557_600_000_000 + i for i in range(rows)], pa.timestamp("us", "UTC")),
        "depot": ["North" if i % 3 else "" for i in range(rows)],
        "grams": pa.array(range(rows), pa.int64()),
        "volume": pa.array([0.5] * rows),
        "fee": pa.array([None] * rows, pa.decimal128(9, 2)),
        "is_fragile": [True] * rows,
        "due": pa.array([None] * rows, pa.date32()),
        "kind": ["box" if i % 5 else "bag" for i in range(rows)],
    })  # fmt: skip
    sink = io.BytesIO()
    pq.write_table(table, sink, row_group_size=rows_a_group)
    return sink.getvalue()


class Stager:
    """Pieces one after the other, by the function that Spark's tasks call."""

    def __init__(self, harbour: Harbour, steps: Steps | None = None) -> None:
        self.harbour = harbour
        self.steps = steps
        self.pieces: list[Piece] = []

    def __call__(self, job: Errands, pieces: Sequence[Piece]) -> Sequence[Staged]:
        self.pieces += pieces
        place, inbox = self.harbour.place(self.steps), self.harbour.inbox(self.steps)
        return [stage_piece(place.pipeline, place.store, inbox, job, piece) for piece in pieces]


def send(harbour: Harbour, declared: LandingSource, body: bytes) -> Verdict:
    harbour.s3.as_seen_by(Steps()).put_object(Bucket="inbox", Key="big", Body=body)
    inbox = harbour.inbox()
    head = inbox.head("inbox", "big")
    assert head is not None
    return land(harbour.place(), declared, S3File(inbox, "inbox", "big", head.bytes, head.modified, head.etag))


def handed(harbour: Harbour, steps: Steps | None = None, stage: Stager | None = None) -> list[Verdict]:
    place = harbour.place(steps)
    settle(place)
    seen: Any = harbour.s3.as_seen_by(steps or Steps())
    records = list(waiting(place, LakeListing(seen), "raw"))
    stage = stage or Stager(harbour, steps)
    return [land_handed(place, harbour.inbox(steps), one, stage, CUT) for one in records]


def seen(harbour: Harbour) -> tuple[Any, Any]:
    def told(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{name: value for name, value in row.items() if name != "commit_id"} for row in rows]

    return told(harbour.rows("crates")), told(harbour.letters())


BODIES: list[tuple[FileForm, Callable[[], bytes]]] = [
    (FileForm(), lambda: csv_of(HEADER, csv_rows())),
    (FileForm(), lambda: csv_of(HEADER, csv_rows(QUOTED, QUOTED))),
    (FileForm(), lambda: csv_of(HEADER, csv_rows(STRAY, QUOTED))),
    (FileForm(), lambda: "\ufeff".encode() + csv_of(HEADER, csv_rows("2024-05-01T10:00:00Z,Düren,1,,,,,")[:-1])),
    (FileForm(), lambda: csv_of(HEADER, csv_rows()).replace(b"\n", b"\r\n").rstrip()),
    (FileForm(header=tuple(HEADER.split(","))), lambda: "\n".join(csv_rows()).encode()),
    (FileForm(quote=""), lambda: csv_of(HEADER, csv_rows(STRAY))),
    (NDJSON, json_lines),
    (NDJSON, lambda: json_lines().rstrip()),
    (PARQUET, parquet),
]


@pytest.mark.parametrize(("form", "body"), BODIES)
def test_it_lands_in_pieces_as_it_would_whole(form: FileForm, body: Callable[[], bytes]) -> None:
    whole, big = source(form=form), source(form=form, limits=SMALL)
    one, many = Harbour(crates(whole)), Harbour(crates(big))
    landed = send(one, whole, body())
    assert landed.outcome is Outcome.LANDED
    assert send(many, big, body()).outcome is Outcome.HANDED_ON
    stage = Stager(many)
    [verdict] = handed(many, stage=stage)
    assert len(stage.pieces) > 3
    assert (verdict.outcome, verdict.rows, verdict.letters) == (Outcome.LANDED, landed.rows, landed.letters)
    assert verdict.rows > 3
    assert verdict.letters > 3
    assert verdict.sha256 == landed.sha256
    assert seen(many) == seen(one)
    assert [commit.kind for commit in many.place().chain.after(0)] == [CommitKind.LANDING]
    assert not many.keys("raw", "handed/")


REFUSED: list[tuple[FileForm, bytes, str]] = [
    (FileForm(), csv_of("weighed_at,depot", csv_rows()), "its columns are not those"),
    (FileForm(), csv_of(HEADER, csv_rows())[:-3], "the file ends in the middle of row"),
    (FileForm(), csv_of(HEADER, csv_rows()) + b'2024-05-01T10:00:00Z,"North', "inside a quoted field"),
    (FileForm(), csv_of(HEADER, csv_rows()) + b"\xff\n", "is not utf-8"),
    (NDJSON, json_lines()[:-20], "the file ends in the middle of row"),
    (PARQUET, parquet()[:-3], "no footer"),
    (FileForm(format=FileFormat.JSON), b"[" + b" " * 99 + b"]", "a JSON array is read whole: send one object a line"),
    (FileForm(encoding="latin-1"), csv_of(HEADER, csv_rows()), "send it in utf-8"),
    (FileForm(compression=FileCompression.ANY), b"\x1f\x8b\x08" + bytes(99), "send it uncompressed"),
]


@pytest.mark.parametrize(("form", "body", "sentence"), REFUSED)
def test_what_is_wrong_with_the_file_is_said_and_nothing_of_it_lands(
    form: FileForm, body: bytes, sentence: str
) -> None:
    big = source(form=form, limits=SMALL)
    harbour = Harbour(crates(big))
    send(harbour, big, body)
    [verdict] = handed(harbour)
    assert verdict.outcome is Outcome.REFUSED
    assert sentence in verdict.sentence
    assert seen(harbour) == ([], [])
    assert not harbour.s3.uploads
    assert not harbour.keys("raw", "handed/")
    assert harbour.keys("raw", "refused/")


def test_the_same_content_lands_once_whichever_way() -> None:
    big = source(limits=SMALL)
    harbour = Harbour(crates(big))
    body = csv_of(HEADER, csv_rows())
    assert send(harbour, replace(big, limits=Limits()), body).outcome is Outcome.LANDED
    send(harbour, big, body)
    assert [one.outcome for one in handed(harbour)] == [Outcome.LANDED_BEFORE]
    assert not harbour.keys("raw", "handed/")


def test_another_object_by_now_is_refused() -> None:
    big = source(limits=SMALL)
    harbour = Harbour(crates(big))
    send(harbour, big, csv_of(HEADER, csv_rows()))
    harbour.s3.as_seen_by(Steps()).put_object(Bucket="inbox", Key="big", Body=b"something else")
    assert [one.reason for one in handed(harbour)] == ["other_size"]


def test_a_run_that_dies_anywhere_is_finished_by_the_next() -> None:
    """All rows or none; afterwards each once, and the record is gone."""
    big = source(limits=SMALL)
    body = csv_of(HEADER, csv_rows())
    expected: Any = None
    died = 0
    for step in range(0, 1000, 7):
        harbour = Harbour(crates(big))
        send(harbour, big, body)
        steps = Steps(crash_at=step)
        try:
            handed(harbour, steps)
        except Crash:
            died += 1
            settle(harbour.place())
            assert len(seen(harbour)[0]) in (0, len(expected[0]) if expected else 36)
            handed(harbour)
        expected = expected or seen(harbour)
        assert seen(harbour) == expected
        assert not harbour.keys("raw", "handed/")
        if step > 2 * steps.calls:
            break
    assert died > 5
