"""Each safeguard of a rewind's planning, taken out: its own case must notice. A rule that none misses is not needed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from headrace_batch import committing
from headrace_batch.rewind import forks, planning, rewinding, superseding
from headrace_batch.rewind.chains import ShardChain
from headrace_batch.rewind.planning import _Reading
from headrace_batch.rewind.superseding import Superseded
from headrace_batch.rewriting import Rewritten
from headrace_consumers.commit import committer
from headrace_consumers.commitlog.model import CommitKind, Link
from headrace_consumers.errors import MissingFileError
from headrace_consumers.runtime.core import EngineCore
from tests.batch.rewind import test_rewind_plans as plans

Take = Callable[[pytest.MonkeyPatch], None]


def no_look_at_shards_without_links(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(_Reading, "_unknown", lambda _self: [])


def ended_shards_are_read_again(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(_Reading, "_is_done", lambda *_: False)


def ended_shards_say_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(_Reading, "_is_done", lambda _self, shard: shard.terminal is not None and not shard.dropped)


def gaps_say_when_records_came(patch: pytest.MonkeyPatch) -> None:
    def newest(_self: _Reading, shard: ShardChain) -> int:
        return next(shard.from_(shard.dropped)).arrival_ms

    patch.setattr(_Reading, "_kept_ms", newest)


def links_say_when_records_came(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(planning, "earliest_ms", lambda *_: None)
    gaps_say_when_records_came(patch)


def no_beginning(patch: pytest.MonkeyPatch) -> None:
    start_ms = _Reading._start_ms
    patch.setattr(_Reading, "_start_ms", lambda self, generation: start_ms(self, generation) if generation > 1 else 0)


def no_retention(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(rewinding, "require_readable", lambda *_: None)


def no_look_at_records(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(superseding, "latest_ms", lambda *_: 0)


def opens_after_the_first_part(patch: pytest.MonkeyPatch) -> None:
    def and_open(place: Any, *more: Any) -> Any:
        done = committing.commit(place, *more)
        place.log.open_generation(place.log.rewind(place.pipeline.name, place.generation))
        return done

    patch.setattr(rewinding, "commit", and_open)


def kept_stays_pending(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(rewinding, "_complete_kept", lambda *_: None)


def what_is_gone_is_lost(patch: pytest.MonkeyPatch) -> None:
    def complain(*_: Any) -> None:
        raise MissingFileError

    patch.setattr(committer, "complete_rest", complain)


def no_bonds(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Superseded, "_break", lambda *_: None)


def own_parts_count(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(rewinding, "_without_own", lambda place, _rewind: place.chain.after(0))


def compacted_files_stay(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(rewinding, "_rewritten", lambda *_: Rewritten())


def no_heartbeat_is_read(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(_Reading, "_beaten_ms", lambda *_: 0)


def forks_without_what_is_known(patch: pytest.MonkeyPatch) -> None:
    links = forks._links

    def older(place: Any, rewind: Any, cut: Any) -> Iterator[Link]:
        return links(place, rewind, planning.Cut(cut.shard_id, cut.tip, cut.children, cut.links, 0))

    patch.setattr(forks, "_links", older)


def no_room_for_a_gap_is_one(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(EngineCore, "_gap_before", lambda *_: True)


def over_a_compaction() -> None:
    plans.test_rows_of_commits_on_both_sides_of_the_point(CommitKind.COMPACTION)


def over_a_backfill() -> None:
    plans.test_rows_of_commits_on_both_sides_of_the_point(CommitKind.BACKFILL)


def in_parts() -> None:
    with pytest.MonkeyPatch.context() as patch:
        plans.test_many_commits_leave_in_parts_and_the_last_part_opens(patch)


@pytest.mark.parametrize(
    ("take_out", "case"),
    [
        (no_look_at_shards_without_links, plans.test_a_shard_that_nobody_came_to_yet_is_read_from_its_beginning),
        (ended_shards_are_read_again, plans.test_a_shard_that_ended_long_ago_needs_nothing_read),
        (ended_shards_say_nothing, plans.test_children_that_nobody_came_to_yet_are_read_from_their_parents_end),
        (gaps_say_when_records_came, plans.test_what_came_behind_a_gap_is_older_than_the_gap),
        (links_say_when_records_came, plans.test_records_behind_a_gap_that_stays_are_read_again_from_their_own_time),
        (no_beginning, plans.test_nothing_before_the_pipelines_own_beginning_is_read),
        (no_retention, plans.test_what_the_stream_has_forgotten_is_refused),
        (no_look_at_records, plans.test_arrival_times_are_no_order),
        (opens_after_the_first_part, in_parts),
        (kept_stays_pending, plans.test_kept_commits_that_are_pending_are_completed_first),
        (what_is_gone_is_lost, plans.test_a_worker_that_thaws_before_completing_finds_its_commit_gone),
        (no_bonds, over_a_backfill),
        (no_bonds, plans.test_mended_letters_go_with_the_commits_that_they_came_with),
        (own_parts_count, in_parts),
        (compacted_files_stay, over_a_compaction),
        (no_heartbeat_is_read, plans.test_an_idle_shard_that_stays_is_neither_read_again_nor_taken_for_a_gap),
        (forks_without_what_is_known, plans.test_an_idle_shard_that_stays_is_neither_read_again_nor_taken_for_a_gap),
        (no_room_for_a_gap_is_one, plans.test_what_the_stream_has_forgotten_is_refused),
    ],
    ids=lambda value: value.__name__,
)
def test_its_own_case_notices(take_out: Take, case: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Without this safeguard, the case fails."""
    take_out(monkeypatch)
    with pytest.raises(BaseException) as failure:  # noqa: PT011 - whatever notices
        case()
    assert not isinstance(failure.value, KeyboardInterrupt)
    assert not isinstance(failure.value, TypeError)
