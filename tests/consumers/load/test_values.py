"""What `put` takes, staging holds: values at the edges of every type, through stages, files and COPY."""

from __future__ import annotations

import itertools
import math
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Context, Decimal
from typing import Annotated, Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from headrace_consumers.commit.attempts import new_attempt_id
from headrace_consumers.commit.committer import Committer
from headrace_consumers.commit.segments import Segment
from headrace_consumers.commitlog.following import Lineage
from headrace_consumers.commitlog.tip import Tip
from headrace_consumers.kinesis import KinesisStream
from headrace_consumers.load.ledger import FileState, Ledger
from headrace_consumers.load.loading import Loading
from headrace_consumers.load.places import places_of
from headrace_consumers.load.service import Loader, LoaderPlan
from headrace_consumers.pipeline import LakeTable, Pipeline
from headrace_consumers.records import KinesisRecord
from headrace_consumers.settings import BatchSettings, LakeSettings
from headrace_consumers.warehouse.plan import wanted_of
from headrace_consumers.warehouse.schema import apply
from headrace_producers.contracts import column, contract
from headrace_producers.encoder import EventEncoders
from headrace_producers.errors import InvalidRecordError
from tests.consumers.load.harbour import SCHEMA, Harbour, now_ms, settle
from tests.consumers.load.quay import NOON, ROWS, Quay
from tests.consumers.load.test_bad_files import check
from tests.consumers.windows_service.stack import SHARD

WIDEST = "é" * 32_767 + "e"
"""65535 bytes."""
_ids = itertools.count()


@contract(name="value.kept", version=1, partition_key="key", event_time="at")
class ValueKept(msgspec.Struct, frozen=True, kw_only=True):
    """A column of every type."""

    key: str
    at: datetime
    text: str | None = None
    code: Annotated[str, column("Five characters", max_length=5)] | None = None
    number: int | None = None
    real: float | None = None
    flag: bool | None = None
    day: date | None = None
    moment: datetime | None = None
    amount: Annotated[Decimal, column("Money", precision=38, scale=10)] | None = None
    share: Annotated[Decimal, column("Below one", precision=38, scale=38)] | None = None


PIPELINE = Pipeline("values", "tides", (LakeTable("values_kept", ValueKept),))
COLUMNS = ValueKept.__struct_fields__


@dataclass
class Berth:
    """A pipeline over a harbour, from producer to staging."""

    harbour: Harbour
    tip: Tip = field(default_factory=Tip)

    def __post_init__(self) -> None:
        session, stack = self.harbour.session(), self.harbour.stack
        apply(session, wanted_of(PIPELINE, SCHEMA))
        self.stream = KinesisStream(stack.kinesis, "tides")
        self.lineage = Lineage(PIPELINE.name, stack.log.generation(PIPELINE.name), self.stream.identity().created_ms)
        stack.log.register(self.lineage.chain(SHARD))
        self.encoders = EventEncoders("/test", 10**6)
        session.close()

    def loader(self) -> Loader:
        store, log = self.harbour.stack.store, self.harbour.stack.log
        loading = Loading(Ledger(SCHEMA, self.lineage), store, "default", now_ms, new_attempt_id)
        plan = LoaderPlan(lineage=self.lineage, places=places_of(PIPELINE, LakeSettings()), load_interval_s=0.0)
        return Loader(plan, log, store, self.harbour.session(), loading, now_ms=now_ms)

    def line(self, event: ValueKept) -> tuple[str, bytes]:
        """Its id, and as `put` sends it. Raises InvalidRecordError where it does not."""
        event_id = f"value-{next(_ids)}"
        return event_id, self.encoders.encode(event, event_id)[1]

    def load(self, lines: Sequence[bytes]) -> None:
        """In one record, one commit and one load."""
        stack, number = self.harbour.stack, str(self.tip.position + 1)
        committer = Committer(
            pipeline=PIPELINE, limits=BatchSettings(), log=stack.log, store=stack.store, stream=self.stream,
            now_ms=now_ms, engine_id="engine",
        )  # fmt: skip
        record = KinesisRecord(b"".join(lines), "key", number, approximate_arrival_timestamp=now_ms())
        self.tip = committer.commit([Segment(self.lineage.chain(SHARD), self.tip, 0, [record])]).tips[SHARD]
        assert not [entry.reason for report in settle(self.loader()) for entry in report.set_aside]
        self.harbour.close()

    def kept(self, event_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """By id, as the warehouse's driver gives the values."""
        marks = ", ".join(f"'{event_id}'" for event_id in event_ids)
        chosen = ", ".join(f'"{name}"' for name in ("event_id", *COLUMNS))
        rows = self.harbour.rows(f'SELECT {chosen} FROM "{SCHEMA}".values_kept WHERE event_id IN ({marks})')  # noqa: S608
        return {row[0]: dict(zip(COLUMNS, row[1:], strict=True)) for row in rows}


@pytest.fixture(scope="module")
def berth(quays: Harbour) -> Iterator[Berth]:
    yield Berth(quays)
    quays.close()


def wanted(event: ValueKept) -> dict[str, Any]:
    """Instants stand as UTC's clock, without saying so."""
    values = msgspec.structs.asdict(event)
    return {
        name: value.astimezone(UTC).replace(tzinfo=None) if isinstance(value, datetime) else value
        for name, value in values.items()
    }


def decimals(whole: int, scale: int) -> st.SearchStrategy[Decimal]:
    most = 10 ** (whole + scale) - 1
    return st.integers(-most, most).map(lambda digits: Decimal(digits).scaleb(-scale, Context(prec=38)))


TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
EVENTS = st.builds(
    ValueKept,
    key=TEXTS,
    at=st.just(NOON),
    text=st.none() | TEXTS,
    code=st.none() | TEXTS.map(lambda text: text[:5]),
    number=st.none() | st.integers(-(2**63), 2**63 - 1),
    real=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    flag=st.none() | st.booleans(),
    day=st.none() | st.dates(),
    moment=st.none() | st.datetimes(timezones=st.just(UTC)),
    amount=st.none() | decimals(28, 10),
    share=st.none() | decimals(0, 38),
)


def edge(key: str, **values: Any) -> ValueKept:
    return ValueKept(key=key, at=NOON, **values)


LAST = datetime.max.replace(tzinfo=UTC)
EDGES = [
    edge(""),
    *(edge("text", text=text) for text in (
        "", " ", "\\N", "\\.", "NULL", "null", '"', '""', "a,b", "a\nb\r\n", "\t|\v", "\\", "\\u0000", "\x01\x7f\x85",
        "\ufeff", "\ufffe\uffff", "𝄞", WIDEST,
    )),
    *(edge("code", code=code) for code in ("", "𝄞" * 5)),
    *(edge("number", number=number) for number in (-(2**63), 0, 2**63 - 1)),
    *(edge("real", real=real) for real in (
        5e-324, -sys.float_info.min, sys.float_info.max, -0.0, 0.1, 1e16, math.pi
    )),
    *(edge("day", day=day) for day in (date.min, date(1582, 10, 10), date.max)),
    *(edge("moment", moment=moment) for moment in (
        datetime.min.replace(tzinfo=UTC), LAST, LAST - timedelta(microseconds=1), datetime(1969, 12, 31, 23, tzinfo=UTC)
    )),
    *(edge("amount", amount=Decimal(amount)) for amount in (
        "9" * 28 + "." + "9" * 10, "-" + "9" * 28 + "." + "9" * 10, "0.0000000001", "-0", "1E+27",
    )),
    *(edge("share", share=Decimal(share)) for share in ("0." + "9" * 38, "-0." + "0" * 37 + "1")),
]  # fmt: skip


@settings(max_examples=10, deadline=None)
@given(events=st.lists(EVENTS, min_size=1, max_size=80))
@example(events=EDGES)
def test_whatever_put_takes_is_in_staging(berth: Berth, events: list[ValueKept]) -> None:
    """Once, and equal: an empty text is no null, and no text, number or time is another one there."""
    taken: dict[str, ValueKept] = {}
    lines = []
    for event in events:
        with suppress(InvalidRecordError):
            event_id, line = berth.line(event)
            taken[event_id] = event
            lines.append(line)
    assert len(taken) == len(events)
    berth.load(lines)
    assert berth.kept(list(taken)) == {event_id: wanted(event) for event_id, event in taken.items()}


def test_a_file_that_has_nul_in_a_text(quay: Quay) -> None:
    """As older versions took it: the warehouse cannot hold such a text as it is, so its file stays out by its name, and
    the others load. Released without a cure it goes back."""
    files = quay.commit(*quay.cargo("gauges", 2), ("gauges", quay.rows(note="ca\0lm")), *quay.cargo("gauges", 2))
    quay.load()
    check(quay, *files, but=(files[2],))
    reason = quay.reasons(FileState.QUARANTINED)[files[2]]
    assert all(part in reason for part in (quay.gauges, "note", "invalid or unsupported UTF8 codepoints", files[2]))
    assert len(quay.release(files[2])) == 1
    more = quay.commit_rows()
    quay.load()
    check(quay, *files, more, but=(files[2],))
    assert quay.ids().total() == ROWS * 5
    assert list(quay.reasons(FileState.QUARANTINED)) == [files[2]]
