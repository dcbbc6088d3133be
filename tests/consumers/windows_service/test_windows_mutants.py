"""Each safeguard of the windows service, taken out: a named test must notice. A rule that none misses is not needed."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from headrace_consumers.commitlog.dynamodb import DynamoDbLog
from headrace_consumers.commitlog.log import Beat
from headrace_consumers.shards import Shard
from headrace_consumers.windows_service import chain, emitting, partials, service, watermarks
from headrace_consumers.windows_service.service import StepReport, WindowsService
from headrace_consumers.windows_service.watermarks import ShardProgress, Watermarks, read_watermarks
from headrace_producers.errors import HeadraceError
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


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda _s: None)


def a_rival_at_the_commit() -> None:
    faults.test_a_rival_at_any_call(COMMIT)


def a_crash_after_the_commit() -> None:
    faults.test_a_crash_at_any_step(f"after {COMMIT} TransactWriteItems")


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
    with pytest.MonkeyPatch.context() as own, pytest.raises((AssertionError, HeadraceError)):
        run(test, own)
