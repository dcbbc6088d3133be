"""Each safeguard of the windows service, taken out: a named test must notice. A rule that none misses is not needed."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from headrace_consumers.commitlog.dynamodb import DynamoDbLog
from headrace_consumers.commitlog.log import Beat
from headrace_consumers.shards import Shard
from headrace_consumers.windows_service import chain, emitting, manifest, partials, rebuilding, service, watermarks
from headrace_consumers.windows_service.chain import WindowsChain
from headrace_consumers.windows_service.ledger import Merged
from headrace_consumers.windows_service.pairs import matches
from headrace_consumers.windows_service.service import StepReport, WindowsService
from headrace_consumers.windows_service.sources import Sources
from headrace_consumers.windows_service.state import WindowState
from headrace_consumers.windows_service.watermarks import ShardProgress, Watermarks, read_watermarks
from headrace_producers.errors import HeadraceError
from tests.consumers.windows_service import test_batch as batch
from tests.consumers.windows_service import test_generations as rewinds
from tests.consumers.windows_service import test_watermarks as pure
from tests.consumers.windows_service import test_windows_faults as faults
from tests.consumers.windows_service import test_windows_service as whole

COMMIT = faults.CALLS.index("TransactWriteItems")


def no_condition_on_links(patch: pytest.MonkeyPatch) -> None:
    put = DynamoDbLog._put

    def unconditional(self: DynamoDbLog, item: dict[str, Any]) -> dict[str, Any]:
        made = put(self, item)
        del made["Put"]["ConditionExpression"]
        return made

    patch.setattr(DynamoDbLog, "_put", unconditional)


def a_heartbeat_of_any_tip(patch: pytest.MonkeyPatch) -> None:
    """A shard is idle once it has said so, whatever it has said since."""

    def is_idle(self: watermarks._Family, shard_id: str, beats: Mapping[str, Beat]) -> bool:
        known = self.progress.get(shard_id)
        return known is not None and not known.ended and shard_id in beats

    patch.setattr(watermarks._Family, "is_idle", is_idle)


def heartbeats_while_the_log_is_read(patch: pytest.MonkeyPatch) -> None:
    move = WindowsService._move_watermarks
    patch.setattr(WindowsService, "_move_watermarks", lambda self, _beats: move(self, self._beats()))


def list_shards_before_the_links(patch: pytest.MonkeyPatch) -> None:
    step = WindowsService._step

    def listed_first(self: WindowsService) -> StepReport:
        stream, listed = self._stream, self._stream.shards()
        self._stream = SimpleNamespace(shards=lambda: listed)
        try:
            return step(self)
        finally:
            self._stream = stream

    patch.setattr(WindowsService, "_step", listed_first)


def a_child_begins_with_nothing(patch: pytest.MonkeyPatch) -> None:
    _with_parents(patch, lambda _left: watermarks.MINUS_INFINITY_US)


def a_child_begins_with_the_faster_parent(patch: pytest.MonkeyPatch) -> None:
    _with_parents(patch, lambda left: max(left, default=watermarks.MINUS_INFINITY_US))


def _with_parents(patch: pytest.MonkeyPatch, start: Callable[[list[int]], int]) -> None:
    watermark = watermarks._Family.watermark

    def started(self: watermarks._Family, shard_id: str, max_disorder_us: int) -> int:
        left = [started(self, parent, max_disorder_us) for parent in self.parents[shard_id]]
        alone = watermarks._Family(self.progress, self.members, {shard_id: ()})
        return max(watermark(alone, shard_id, max_disorder_us), start(left))

    patch.setattr(watermarks._Family, "watermark", started)


def no_wait_for_shards_without_a_chain(patch: pytest.MonkeyPatch) -> None:
    def of_the_begun(
        progress: Mapping[str, ShardProgress], listed: Mapping[str, Shard], *more: Any
    ) -> Watermarks:  # fmt: skip
        return read_watermarks(progress, {name: shard for name, shard in listed.items() if name in progress}, *more)

    patch.setattr(service, "read_watermarks", of_the_begun)


def no_completion_of_engines_files(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(partials, "complete_pending", lambda *_, **_more: None)


def no_completion_of_our_own_files(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(chain, "complete_standing", lambda *_, **_more: None)


def no_tombstones(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(emitting, "_swallowed", lambda *_: np.zeros(0, np.int64))


def a_low_watermark_that_moves_back(patch: pytest.MonkeyPatch) -> None:
    move = WindowsService._move_watermarks

    def anew(self: WindowsService, beats: Mapping[str, Beat]) -> Watermarks:
        marks = move(self, beats)
        self._low_us = marks.low_us
        return marks

    patch.setattr(WindowsService, "_move_watermarks", anew)


def no_second_look_at_batch(patch: pytest.MonkeyPatch) -> None:
    """Where a file is missing."""
    step = WindowsService.step

    def once(self: WindowsService) -> StepReport:
        self._sources.read_batch()
        patch.setattr(Sources, "read_batch", lambda _self: False)
        return step(self)

    patch.setattr(WindowsService, "step", once)


def retired_commits_are_merged(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Sources, "is_retired", lambda _self, _commit: False)
    patch.setattr(Sources, "standing", lambda _self, commit: commit)


def no_rebuild(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(WindowsService, "_rebuild", lambda _self: {})


def no_comparison_with_what_was(patch: pytest.MonkeyPatch) -> None:
    """All that was made anew is taken for changed."""
    nothing = np.zeros(0, np.int64)
    patch.setattr(rebuilding, "equals", lambda *_: (nothing, nothing))


def forgotten_tombstones(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(emitting, "_buried", lambda state, _graves: state.emitted.slice(0, 0))


def no_tombstones_of_what_vanished(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(emitting, "_groundless", lambda *_: np.zeros(0, np.int64))


def revisions_from_one(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(manifest, "_above_the_forgotten", lambda stored: stored)


def sessions_swallowed_whole_alone(patch: pytest.MonkeyPatch) -> None:
    """One that was cut off since, and ends after what swallowed it, is forgotten."""

    def swallowed(state: WindowState, due: pa.Table) -> Any:
        standing = np.flatnonzero(emitting._standing(state))
        inside = "l.start_us > r.start_us AND l.end_us <= r.end_us"
        return standing[matches(state.emitted.take(pa.array(standing)), due, state.window.by, inside)]

    patch.setattr(emitting, "_swallowed", swallowed)


def expired_links_are_taken_for_none(patch: pytest.MonkeyPatch) -> None:
    walk = Merged._walk

    def blind(self: Merged, *more: Any) -> None:
        walk(self, *more)
        self.expired.clear()

    patch.setattr(Merged, "_walk", blind)


def no_state_of_the_generation_before(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(WindowsChain, "_newest_before", lambda *_: None)


def older_generations_are_not_followed(patch: pytest.MonkeyPatch) -> None:
    follow = Sources._of

    def ours(self: Sources, generation: int, listed: Any) -> Any:
        return follow(self, generation, listed) if generation == self.lineage.generation else iter(())

    patch.setattr(Sources, "_of", ours)


def rewritten_files_are_not_read(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(partials, "_rewritten_files", lambda *_: [])


def every_day_is_read(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(partials, "_may_meet", lambda *_: True)


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda _s: None)


def a_rival_at_the_commit() -> None:
    faults.test_a_rival_at_any_call(COMMIT)


def a_crash_after_the_commit() -> None:
    faults.test_a_crash_at_any_step(f"after {COMMIT} TransactWriteItems")


def a_backfill_of_the_same_rows() -> None:
    batch.test_a_backfill_that_gives_the_same_rows_writes_no_window(names_days=True, settled=True)


def a_rewind_of_a_service_that_is_behind() -> None:
    rewinds.test_a_rewind(1, 1)


def everything(monkeypatch: pytest.MonkeyPatch) -> None:
    """All that the mutants are held against, with nothing taken out."""
    for test in {test for _, test in MUTANTS}:
        run(test, monkeypatch)


def run(test: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    test(*[monkeypatch] * len(inspect.signature(test).parameters))


MUTANTS: list[tuple[Callable[[pytest.MonkeyPatch], None], Callable[..., None]]] = [
    (no_condition_on_links, a_rival_at_the_commit),
    (a_heartbeat_of_any_tip, pure.test_heartbeat_early),
    (a_heartbeat_of_any_tip, whole.test_heartbeat_early),
    (heartbeats_while_the_log_is_read, whole.test_a_heartbeat_of_long_ago_brings_nothing_forward_while_the_log_is_read),
    (list_shards_before_the_links, whole.test_children_are_looked_for_after_their_parents_end_was_read),
    (a_child_begins_with_nothing, pure.test_the_children_of_a_split_begin_where_their_parent_ended),
    (a_child_begins_with_the_faster_parent, pure.test_the_child_of_a_merge_begins_with_the_slower_parent),
    (a_child_begins_with_the_faster_parent, whole.test_the_child_of_a_merge_waits_for_the_slower_parent),
    (no_wait_for_shards_without_a_chain, whole.test_late_starter),
    (no_wait_for_shards_without_a_chain, whole.test_empty_parent),
    (no_completion_of_engines_files, whole.test_pending_files_of_engines_are_completed_before_they_are_merged),
    (no_completion_of_our_own_files, a_crash_after_the_commit),
    (no_tombstones, whole.test_merged_session),
    (no_tombstones, whole.test_a_session_that_begins_earlier_than_it_was_out_moves),
    (a_low_watermark_that_moves_back, whole.test_the_low_watermark_never_moves_back),
    (a_low_watermark_that_moves_back, rewinds.test_the_low_watermark_does_not_move_back_over_a_rewind),
    (no_second_look_at_batch, batch.test_a_commit_that_is_retired_while_it_is_merged_is_passed),
    (retired_commits_are_merged, batch.test_a_retired_commit_that_is_met_later_is_passed),
    (no_rebuild, batch.test_after_a_backfill_that_makes_letters_of_rows_windows_are_those_of_what_stands),
    (no_comparison_with_what_was, a_backfill_of_the_same_rows),
    (forgotten_tombstones, batch.test_a_window_comes_back_after_its_tombstone),
    (forgotten_tombstones, batch.test_a_session_is_split_where_what_joined_it_is_retired),
    (no_tombstones_of_what_vanished, batch.test_a_session_whose_first_event_is_retired_begins_later),
    (revisions_from_one, batch.test_state_of_the_version_before_is_gone_on_with),
    (sessions_swallowed_whole_alone, batch.test_a_session_that_is_swallowed_by_its_head_alone_is_taken_back),
    (expired_links_are_taken_for_none, batch.test_windows_that_expired_commits_may_be_part_of_are_not_made_anew),
    (expired_links_are_taken_for_none, batch.test_a_retired_commit_that_has_expired_stops_with_a_sentence),
    (no_state_of_the_generation_before, rewinds.test_a_generation_begins_with_the_state_of_the_one_before),
    (older_generations_are_not_followed, a_rewind_of_a_service_that_is_behind),
    (rewritten_files_are_not_read, batch.test_a_rewritten_file_is_read_where_windows_are_made_anew),
    (every_day_is_read, batch.test_commits_of_other_days_are_not_read_again),
]


def test_the_tests_pass_as_long_as_nothing_is_taken_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise a mutant would be noticed by whatever fails anyway."""
    everything(monkeypatch)


@pytest.mark.parametrize(("take_out", "test"), MUTANTS, ids=lambda value: value.__name__)
def test_a_test_notices(
    take_out: Callable[[pytest.MonkeyPatch], None], test: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without this safeguard, the test that is named for its rule fails."""
    take_out(monkeypatch)
    with pytest.MonkeyPatch.context() as own, pytest.raises((AssertionError, HeadraceError, pytest.fail.Exception)):
        run(test, own)
