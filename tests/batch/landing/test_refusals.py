"""Files that are refused as a whole: each with its verdict, kept where it is found, and nothing of it in any table."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from headrace_batch.landing.announced import land_announced
from headrace_batch.landing.events import ObjectCreated, created_in
from headrace_batch.landing.landing import land
from headrace_batch.landing.verdicts import Outcome, Verdict
from headrace_consumers.landing import FileCompression, FileForm, FileFormat, LandingSource, Limits
from tests.batch.landing.harbour import DEPOTS, Harbour, Sent, crates
from tests.fakes.steps import Steps

ROWS = b"depot,town\n" + b"".join(b"N%d,Oslo\n" % number for number in range(500))
MIB = 1024 * 1024
SMALL = Limits(max_bytes=MIB, max_unpacked_bytes=8 * MIB, max_ratio=50, max_handed_bytes=2 * MIB)
GZIP, ZSTD = FileCompression.GZIP, FileCompression.ZSTD


def parquet(**columns: object) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


def lists(file_format: FileFormat = FileFormat.CSV, **form: object) -> LandingSource:
    return replace(DEPOTS, form=FileForm(format=file_format, **form), limits=SMALL)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Bad:
    source: LandingSource
    body: bytes
    reason: str
    says: str


PACKED_TEXT = gzip.compress(ROWS)
PACKED = parquet(depot=["North"] * 500, town=["Oslo"] * 500)
BAD = {
    "a name is missing": Bad(lists(), b"depot,city\nN,Oslo\n", "wrong_header", "missing: 'town'; unknown: 'city'"),
    "a name nobody knows": Bad(lists(), b"depot,town,mayor\nN,Oslo,A\n", "wrong_header", "unknown: 'mayor'"),
    "a name comes twice": Bad(lists(), b"depot,town,town\nN,Oslo,A\n", "wrong_header", "twice: 'town'"),
    "another delimiter": Bad(lists(), b"depot;town\nN;Oslo\n", "wrong_header", "missing: 'depot', 'town'"),
    "no bytes": Bad(lists(), b"", "empty", "no bytes"),
    "no bytes in gzip": Bad(lists(compression=GZIP), gzip.compress(b""), "empty", "holds no bytes"),
    "blank lines": Bad(lists(), b"\n\n\r\n", "empty", "blank lines only"),
    "gzip that nobody stated": Bad(lists(), gzip.compress(ROWS), "wrong_compression", "gzip; the source states none"),
    "no gzip": Bad(lists(compression=GZIP), ROWS, "wrong_compression", "none; the source states gzip"),
    "half of a gzip": Bad(lists(compression=GZIP), gzip.compress(ROWS)[:-9], "half", "gzip ends in the middle"),
    "half of a zstd": Bad(lists(compression=ZSTD), zstandard.compress(ROWS)[:-9], "half", "zstd ends in the middle"),
    "a bit of gzip flipped": Bad(
        lists(compression=GZIP), PACKED_TEXT[:-6] + b"\0" + PACKED_TEXT[-5:], "wrong_compression", "corrupt"
    ),
    "a gzip bomb": Bad(lists(compression=GZIP), gzip.compress(bytes(64 * MIB)), "bomb", "unpack to more than"),
    "a zstd bomb": Bad(lists(compression=ZSTD), zstandard.compress(bytes(64 * MIB)), "bomb", "unpack to more than"),
    "many small gzips": Bad(
        lists(compression=GZIP), gzip.compress(bytes(MIB)) * 20, "bomb", "unpack to more than"
    ),
    "a bomb of equal values": Bad(
        lists(FileFormat.PARQUET), parquet(depot=["N" * 100] * 300_000, town=["O"] * 300_000), "bomb", "unpack to more"
    ),
    "half a row": Bad(lists(), ROWS[:-6], "half", "in the middle of row 499"),
    "half a quoted field": Bad(lists(), b'depot,town\nN,"Oslo\nS,Rom\n', "half", "inside a quoted field"),
    "half an object": Bad(lists(FileFormat.NDJSON), b'{"depot": "N"}\n{"depot": "S"', "half", "in the middle of row 1"),
    "half an array": Bad(lists(FileFormat.JSON), b'[{"depot": "N"}, {"de', "half", "ends in the middle"),
    "an object and no array": Bad(lists(FileFormat.JSON), b'{"depot": "N"}', "wrong_format", "no"),
    "half of a Parquet": Bad(lists(FileFormat.PARQUET), PACKED[: len(PACKED) // 2], "half", "no footer"),
    "a Parquet without its middle": Bad(
        lists(FileFormat.PARQUET), PACKED[:4] + PACKED[200:], "half", "missing or changed"
    ),
    "CSV for Parquet": Bad(lists(FileFormat.PARQUET), ROWS, "wrong_format", "no Parquet"),
    "a Parquet of other columns": Bad(
        lists(FileFormat.PARQUET), parquet(depot=["N"], city=["O"]), "wrong_header", "missing: 'town'; unknown: 'city'"
    ),
    "a Parquet of other types": Bad(
        lists(FileFormat.PARQUET), parquet(depot=["N"], town=[["O"]]), "wrong_header", "'town' is list"
    ),
    "Latin-1 for UTF-8": Bad(lists(), "depot,town\nN,Malmö\n".encode("latin-1"), "wrong_encoding", "byte 17"),
    "UTF-8 for Latin-1": Bad(lists(encoding="latin-1"), "depot,town\nN,Ñu\n".encode(), "wrong_encoding", "no text"),
    "UTF-16 for UTF-8": Bad(lists(), "depot,town\nN,Oslo\n".encode("utf-16-le"), "wrong_encoding", "no text: U+0000"),
    "UTF-8 cut inside a letter": Bad(lists(), "depot,town\nN,Malmö".encode()[:-1], "half", "inside a character"),
    "UTF-16 cut inside a letter": Bad(
        lists(encoding="utf-16"), "depot,town\nN,Oslo\n".encode("utf-16")[:-1], "half", "inside a character"
    ),
    "too big for anybody": Bad(lists(), ROWS + bytes(2 * MIB), "too_big", "takes 2097152"),
}  # fmt: skip


@pytest.fixture
def harbour() -> Harbour:
    return Harbour(crates())


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_has_a_verdict_and_nothing_is_lost(harbour: Harbour, name: str) -> None:
    """It is told why, in a sentence; what was sent stands in the raw zone with the verdict beside it."""
    bad = BAD[name]
    place = harbour.place()
    verdict = land(place, bad.source, Sent(bad.body))
    assert (verdict.outcome, verdict.reason) == (Outcome.REFUSED, bad.reason), verdict.sentence
    assert bad.says in verdict.sentence
    assert not harbour.keys("processed")
    assert place.chain.position() == 0
    (told,) = [key for key in harbour.keys("raw", "refused/crates_pipeline/depots/") if key.endswith(".json")]
    assert json.loads(harbour.s3.objects["raw", told].body)["reason"] == bad.reason
    if verdict.sha256:
        assert harbour.s3.objects["raw", told.removesuffix(".json")].body == bad.body
        assert verdict.kept == f"s3://raw/{told.removesuffix('.json')}"


def test_a_big_file_is_handed_to_spark(harbour: Harbour) -> None:
    """With a record that says where it is; nothing of it was read."""

    class Unread(Sent):
        def read(self) -> bytes:
            raise AssertionError

    verdict = land(harbour.place(), lists(), Unread(ROWS + bytes(MIB)))
    assert verdict.outcome is Outcome.HANDED_ON
    (key,) = harbour.keys("raw", "handed/crates_pipeline/depots/")
    assert json.loads(harbour.s3.objects["raw", key].body)["bytes"] == len(ROWS) + MIB


# --- what events name


def announced(harbour: Harbour, created: ObjectCreated, steps: Steps | None = None) -> Verdict:
    verdict = land_announced(harbour.place(), harbour.inbox(steps), created)
    assert verdict is not None
    return verdict


def put(harbour: Harbour, key: str, body: bytes) -> ObjectCreated:
    client: object = harbour.s3.as_seen_by(Steps())
    client.put_object(Bucket="inbox", Key=key, Body=body)  # type: ignore[attr-defined]
    return ObjectCreated("inbox", key, len(body), "")


def test_an_announced_object_lands_by_its_folder(harbour: Harbour) -> None:
    """Which names its source; further folders are the sender's."""
    verdict = announced(harbour, put(harbour, "landing/depots/2024/may 1.csv", ROWS))
    assert (verdict.outcome, verdict.rows) == (Outcome.LANDED, 500)


GIB = 1024 * MIB
WRONG_EVENTS: dict[str, tuple[Callable[[Harbour], ObjectCreated], str, str]] = {
    "five gigabytes that are not there": (
        lambda _: ObjectCreated("inbox", "landing/depots/big.csv", 5 * GIB, ""), "missing", "not there",
    ),
    "five gigabytes that are some bytes": (
        lambda harbour: replace_size(put(harbour, "landing/depots/a.csv", ROWS), 5 * GIB), "other_size", "S3 says",
    ),
    "a source that nobody declared": (
        lambda harbour: put(harbour, "landing/ships/a.csv", ROWS), "unknown_source", "'ships'",
    ),
    "a key outside of the folder": (lambda harbour: put(harbour, "elsewhere/a.csv", ROWS), "unknown_source", "''"),
}  # fmt: skip


def replace_size(created: ObjectCreated, size: int) -> ObjectCreated:
    return ObjectCreated(created.bucket, created.key, size, created.etag)


@pytest.mark.parametrize("name", WRONG_EVENTS)
def test_an_event_that_names_what_is_not_so(harbour: Harbour, name: str) -> None:
    """Only HEAD is asked; not one byte is read for it."""
    make, reason, says = WRONG_EVENTS[name]
    created, steps = make(harbour), Steps()
    verdict = announced(harbour, created, steps)
    assert (verdict.outcome, verdict.reason) == (Outcome.REFUSED, reason)
    assert says in verdict.sentence
    assert "GetObject" not in steps.seen
    assert len(harbour.keys("raw", "refused/")) == 1


def test_an_object_that_changes_while_it_is_read_is_refused(harbour: Harbour) -> None:
    """What replaced it is announced by itself."""
    created = put(harbour, "landing/depots/a.csv", ROWS)

    def replace_it(call: str) -> None:
        if call == "GetObject":
            put(harbour, created.key, ROWS.upper())

    verdict = announced(harbour, created, Steps(before_call=replace_it))
    assert (verdict.outcome, verdict.reason) == (Outcome.REFUSED, "missing")


def test_events_name_their_objects_in_four_ways() -> None:
    """S3's own, by SNS, by EventBridge; deletions and S3's test event name none."""
    said = {"key": "landing/depots/a+b%C3%A9.csv", "size": 3, "eTag": "x"}
    record = {"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": "inbox"}, "object": said}}
    own: dict[str, Any] = {"Records": [record]}
    wanted = [ObjectCreated("inbox", "landing/depots/a bé.csv", 3, "x")]
    bridge: dict[str, Any] = {"source": "aws.s3", "detail-type": "Object Created", "detail": {
        "bucket": {"name": "inbox"}, "object": {"key": "landing/depots/a bé.csv", "size": 3, "etag": "x"}}}  # fmt: skip
    ways = [own, {"Records": [{"Sns": {"Message": json.dumps(own)}}]},
            {"Type": "Notification", "Message": json.dumps(own)}, bridge]  # fmt: skip
    assert [list(created_in(way)) for way in ways] == [wanted] * 4
    assert list(created_in({"Event": "s3:TestEvent"})) == []
    assert list(created_in({"Records": [{"eventName": "ObjectRemoved:Delete"}]})) == []
    with pytest.raises(ValueError, match="no event of S3"):
        list(created_in({"hello": "world"}))
