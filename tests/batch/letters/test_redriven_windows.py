"""Redriven letters and windows that are out: the next revision has them, as if they had come in time."""

from __future__ import annotations

from collections import Counter

from headrace_batch.letters.filters import LetterFilter
from headrace_consumers.commitlog.following import Lineage
from headrace_consumers.windows_service.service import WindowsPlan, WindowsService
from tests.batch.backfill.runs import run as backfill
from tests.batch.letters.desk import DAYS, Desk, spoilt_desk
from tests.consumers.windows_service.tides import settle
from tests.fakes.steps import Steps

Days = Counter[tuple[str, str]]
"""Flights by origin and day."""


def service(desk: Desk) -> WindowsService:
    log, store = desk.world.clients(Steps())
    tables = {table.name: table.contract for table in desk.pipeline.tables}
    lineage = Lineage(desk.pipeline.name, 1, desk.world.created_ms)
    plan = WindowsPlan(lineage=lineage, windows=desk.pipeline.windows, contracts=tables)
    return WindowsService(plan, log, store, desk.world, now_ms=lambda: desk.world.now_ms, owner="windows")


def seen(desk: Desk) -> Days:
    """The last revision of each window that is out."""
    last = {}
    for row in sorted(desk.world.rows_of("curated", DAYS.name), key=lambda row: row["revision"]):
        last[row["origin"], row["window_start"].date().isoformat()] = 0 if row["deleted"] else row["flights"]
    return +Counter(last)


def oracle(desk: Desk) -> Days:
    """By the rows of the table."""
    rows = desk.world.rows_of("processed", DAYS.table)
    return Counter((row["origin"], row["event_time"].date().isoformat()) for row in rows)


def out(desk: Desk) -> WindowsService:
    """The stream is idle, so all windows are out."""
    windows = service(desk)
    settle(windows)
    assert seen(desk) == oracle(desk) != Counter()
    return windows


def test_windows_that_are_out_are_revised() -> None:
    """Whether by the service that wrote them or by one that begins anew; and nothing is late."""
    desk = spoilt_desk()
    windows = out(desk)
    before = seen(desk)
    desk.redrive()
    settle(windows)
    assert seen(desk) == oracle(desk)
    assert seen(desk).total() > before.total()
    assert not desk.world.rows_of("processed", desk.pipeline.late_table)
    settle(service(desk))
    assert seen(desk) == oracle(desk)


def test_windows_are_the_same_after_a_backfill_of_what_was_redriven() -> None:
    """Its letters are of the redrive, and count once."""
    desk = spoilt_desk()
    windows = out(desk)
    desk.redrive(LetterFilter(stage="decode"))
    settle(windows)
    backfill(desk.place())
    settle(windows)
    assert seen(desk) == oracle(desk)
    desk.redrive()
    settle(windows)
    desk.check_complete()
    assert seen(desk) == oracle(desk)
