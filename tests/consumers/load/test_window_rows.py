"""Windows in staging: their last state once, in whatever order revisions and tombstones load; and when loads happen."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from headrace_consumers.errors import FencedError, WarehouseBusyError
from headrace_consumers.kinesis import KinesisStream
from headrace_consumers.load.ledger import FileState
from headrace_consumers.load.maintenance import Maintenance
from headrace_consumers.load.releasing import Releaser
from headrace_consumers.windows_service.service import WindowsPlan, WindowsService
from headrace_producers.contracts import contract_of
from tests.consumers.load.harbour import SCHEMA, Harbour, now_ms, settle
from tests.consumers.load.quay import ROWS, Quay
from tests.consumers.load.test_bad_files import check, others_of_its_length
from tests.faults.simulation import TideMeasured

TEN = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=40)
"""Readings are no older than a stream keeps them, nor than the windows' lateness."""
WINDOWS = ("hours", "hops", "visits")
LAST = "station, window_start, window_end, events, readings, level_total"


def windows_of(harbour: Harbour) -> WindowsService:
    stack = harbour.stack
    plan = WindowsPlan(
        lineage=stack.lineage, windows=stack.pipeline.windows, contracts={"tides": contract_of(TideMeasured)}
    )
    return WindowsService(
        plan, stack.log, stack.store, KinesisStream(stack.kinesis, "tides"), now_ms=now_ms, owner="windows"
    )


def put_out(harbour: Harbour, *minutes: int) -> set[tuple[str, str]]:
    """Readings so long after TEN, and the windows that they close or revise: the new files of windows."""
    before = files_of_windows(harbour)
    harbour.stack.measure(*(TEN + timedelta(minutes=minute) for minute in minutes))
    service = windows_of(harbour)
    while service.step().more:
        pass
    return files_of_windows(harbour) - before


def files_of_windows(harbour: Harbour) -> set[tuple[str, str]]:
    return {place for window in WINDOWS for place in harbour.stack.curated(f"{window}/")}


def wanted(harbour: Harbour, window: str) -> list[tuple[Any, ...]]:
    """The row of each window with the greatest revision, where that is no tombstone."""
    last: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in sorted(harbour.stack.rows(window), key=lambda row: int(row["revision"])):
        last[row["station"], row["window_start"]] = row
    kept = [row for row in last.values() if not row["deleted"]]
    return sorted(tuple(_plain(row[name]) for name in LAST.split(", ")) for row in kept)


def seen(harbour: Harbour, window: str) -> list[tuple[Any, ...]]:
    rows = harbour.rows(f"SELECT {LAST} FROM {SCHEMA}.{window}_last")  # noqa: S608
    return sorted(tuple(_plain(value) for value in row) for row in rows)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.replace(tzinfo=None)
    return value if isinstance(value, str) else int(value)


def spoil(harbour: Harbour, places: set[tuple[str, str]]) -> dict[tuple[str, str], bytes]:
    """What was in them."""
    bodies = {place: bytes(harbour.stack.store.read(*place)) for place in places}
    for place, body in bodies.items():
        put(harbour, place, others_of_its_length(body))
    return bodies


def put(harbour: Harbour, place: tuple[str, str], body: bytes) -> None:
    bucket, key = place
    said = harbour.stack.s3.head_object(Bucket=bucket, Key=key)["Metadata"]
    harbour.stack.s3.put_object(Bucket=bucket, Key=key, Body=body, Metadata=said)


def release(harbour: Harbour, *urls: str) -> None:
    assert Releaser(harbour.ledger, harbour.session(), now_ms).release(urls)


def load(harbour: Harbour) -> None:
    settle(harbour.loader(held_retry_s=0.0))
    harbour.close()


@pytest.mark.parametrize("first", ["before", "after"])
def test_tombstone_first(quays: Harbour, first: str) -> None:
    """Two visits are out; a late reading joins them, so one is revised and the other gets a tombstone. The files of
    revision 1 load before that or, out of quarantine, long after: the views show the last state of each, once."""
    day = 0 if first == "before" else 12 * 60
    closed = put_out(quays, *(day + minute for minute in (0, 20, 65, 75, 400)))
    assert closed
    bodies = spoil(quays, closed) if first == "after" else {}
    load(quays)
    assert put_out(quays, day + 42)
    load(quays)
    assert len(bodies) == len(quarantined(quays))
    for place, body in bodies.items():
        put(quays, place, body)
    rows_before = quays.rows(f"SELECT count(*) FROM {SCHEMA}.visits")  # noqa: S608
    for url in quarantined(quays):
        release(quays, url)
        load(quays)
    rows_after = quays.rows(f"SELECT count(*) FROM {SCHEMA}.visits")  # noqa: S608
    assert (rows_after != rows_before) == bool(bodies)
    for window in WINDOWS:
        assert seen(quays, window) == wanted(quays, window)
    gone = [row[0] for row in quays.rows(f"SELECT window_start FROM {SCHEMA}.visits WHERE deleted")]  # noqa: S608
    assert gone.count(_plain(TEN + timedelta(minutes=day + 65))) == 1
    [visit] = [row for row in seen(quays, "visits") if row[1] == _plain(TEN + timedelta(minutes=day))]
    assert visit[3] == 5


def quarantined(harbour: Harbour) -> list[str]:
    session = harbour.session()
    found = [entry.file.url for entry in harbour.ledger.entries(session, FileState.QUARANTINED)]
    harbour.close()
    return found


def test_two_loaders(quay: Quay) -> None:
    """Both have read the books and the ledger, and one commits while the other waits to take the head: that one is
    fenced, or told that it was in the way, and nothing is doubled."""
    files = [quay.commit_rows(), quay.commit_rows()]
    one, two = (Paused(quay.harbour.session()) for _ in range(2))
    loaders = [quay.loader(one), quay.loader(two)]
    one.gate.clear()
    first = threading.Thread(target=loaders[0].step)
    first.start()
    assert one.arrived.wait(30)
    opener = threading.Timer(0.5, one.gate.set)
    opener.start()
    with pytest.raises((FencedError, WarehouseBusyError)):
        loaders[1].step()
    assert two.taken == 1
    first.join()
    check(quay, *files)
    quay.load()
    check(quay, *files)


class Paused:
    """A session that waits at a gate before it commits."""

    def __init__(self, session: Any) -> None:
        self.session, self.gate, self.arrived, self.taken = session, threading.Event(), threading.Event(), 0
        self.gate.set()

    def run(self, sql: str, *parameters: object) -> int:
        self.taken += "loader_head" in sql
        return int(self.session.run(sql, *parameters))

    def commit(self) -> None:
        self.arrived.set()
        assert self.gate.wait(30)
        self.session.commit()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.session, name)


def test_nothing_loads_in_a_maintenance_window(quay: Quay) -> None:
    """The log is followed all the same, as far as one load goes; pending files are completed; all loads after."""
    files = [quay.commit_rows() for _ in range(3)]
    files += quay.commit(("gauges", quay.rows()), complete=False)
    loader = quay.loader(maintenance=Maintenance.of("00:00-12:00, 12:00-00:00"), max_load_files=5)
    assert [loader.step().in_maintenance for _ in range(2)] == [True, True]
    files += [quay.commit_rows() for _ in range(3)]
    report = loader.step()
    assert (report.followed, report.waiting_files, report.loaded, report.more) == (1, 5, (), False)
    assert report.waiting_s > 0
    assert loader.step().followed == 0
    assert not quay.ids()
    quay.harbour.stack.store.read(*files[3].removeprefix("s3://").split("/", 1))
    quay.load()
    check(quay, *files)


@pytest.mark.parametrize("limit", ["files", "bytes"])
def test_a_load_is_cut(quay: Quay, limit: str) -> None:
    """At so many files, or so many bytes; it then says that there is more, and does not wait for its interval."""
    files = [quay.commit_rows() for _ in range(7)]
    plan: dict[str, Any] = (
        {"max_load_files": 3} if limit == "files" else {"max_load_bytes": 3 * len(quay.body(files[0])) - 50}
    )
    loader = quay.loader(load_interval_s=3600.0, **plan)
    assert [len(loader.step().loaded) for _ in range(4)] == [3, 3, 0, 0]
    assert len(quay.ids()) == 6 * ROWS
    quay.load()
    check(quay, *files)
