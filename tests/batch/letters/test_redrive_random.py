"""Whatever is redriven, in whatever order: each event is one row or one open letter, and rows never leave."""

from __future__ import annotations

from functools import cache

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headrace_batch.committing import settle
from headrace_batch.compaction.compacting import compact
from headrace_batch.compaction.planning import Rules
from headrace_batch.letters.filters import LetterFilter
from headrace_batch.letters.fixing import AsItIs, Fix
from headrace_batch.letters.units import UnitLimits
from headrace_consumers.stages.letters import Finding
from tests.batch.backfill.runs import run as backfill
from tests.batch.letters.desk import Desk, Truth, spoilt_desk
from tests.fakes.steps import Crash, Steps


@cache
def _spoilt() -> Desk:
    return spoilt_desk(flights=25, percent=60.0)


class HalfTruth(Truth):
    """Mends every other letter, by its length."""

    def mend(self, payload: bytes) -> bytes | Finding:
        return super().mend(payload) if len(payload) % 2 else payload


ALL_SMALL = Rules(target_bytes=1024 * 1024, older_than_s=0.0)
END_OF_TIME_MS = 2**43
FILTERS = st.builds(
    LetterFilter,
    stage=st.sampled_from(["", "", "decode", "validate"]),
    reason=st.sampled_from(["", "", "not_allowed", "missing", "unknown_type", "truncated_json", "bad_utf8"]),
    field=st.sampled_from(["", "", "", "origin", "distance"]),
)
UNITS = st.builds(UnitLimits, letters=st.sampled_from([1, 7, 1_000]))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_each_event_is_one_row_or_one_open_letter(data: st.DataObject) -> None:
    """Redrives with any filter, limit and program, that may die; backfills and compactions between them. In the end all
    are rows."""
    desk = _spoilt().copied()
    for _ in range(data.draw(st.integers(1, 5))):
        before = {desk.position(row) for row in desk.rows()}
        match data.draw(st.sampled_from(["redrive", "redrive", "redrive", "backfill", "compact"])):
            case "backfill":
                backfill(desk.place())
            case "compact":
                list(compact(desk.place(), ALL_SMALL, END_OF_TIME_MS, no_loader=True, dry_run=False))
            case _:
                _redrive(desk, data)
        settle(desk.place())
        desk.check()
        assert before <= {desk.position(row) for row in desk.rows()}
    desk.redrive()
    desk.check_complete()


def _redrive(desk: Desk, data: st.DataObject) -> None:
    fixes: list[Fix] = [Truth(desk.truth), HalfTruth(desk.truth), AsItIs()]
    crash_at = data.draw(st.none() | st.integers(0, 120))
    letters = len(desk.letters())
    try:
        report = desk.redrive(
            data.draw(FILTERS),
            data.draw(st.sampled_from(fixes)),
            steps=Steps(crash_at=crash_at),
            unit=data.draw(UNITS),
            limit=data.draw(st.sampled_from([0, 0, 1, 4])),
        )
    except Crash:
        return
    assert len(desk.letters()) == letters - report.redriven
