"""Each safeguard of the commit path, taken out: the schedules must notice. A rule that none misses is not needed."""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from headrace_batch.rewind import forks
from headrace_batch.rewind.superseding import Superseded
from headrace_consumers.commit import committer, segments
from headrace_consumers.commitlog.dynamodb import DynamoDbLog
from headrace_consumers.lake.s3 import S3Store
from headrace_consumers.runtime.shard import ShardState
from headrace_consumers.settings import BatchSettings
from headrace_producers.kinesis import PutRecord
from tests.faults import simulation
from tests.faults import test_rewinds as rewinds
from tests.faults import test_schedules as pinned
from tests.faults.schedule import VERBS, Action, Schedule
from tests.producers import test_producer_schedules as producers

SEEDS = 300

Take = Callable[[pytest.MonkeyPatch], None]


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda _s: None)


def no_condition_on_links(patch: pytest.MonkeyPatch) -> None:
    put = DynamoDbLog._put

    def unconditional(self: DynamoDbLog, item: dict[str, Any]) -> dict[str, Any]:
        made = put(self, item)
        del made["Put"]["ConditionExpression"]
        return made

    patch.setattr(DynamoDbLog, "_put", unconditional)


def no_skip_to_the_tip(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ShardState, "_overlaps", staticmethod(lambda _records, _floor: False))


def no_pending_upload(patch: pytest.MonkeyPatch) -> None:
    """Files are visible as soon as they are uploaded."""
    upload = S3Store.upload_pending

    def at_once(self: S3Store, file: Any, attempt_id: str) -> Any:
        pending = upload(self, file, attempt_id)
        self.complete(pending, attempt_id)
        return pending

    patch.setattr(S3Store, "upload_pending", at_once)


def no_proof_by_head(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(S3Store, "is_complete", lambda *_: True)


def no_terminal_link(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(committer.Committer, "end_shard", lambda _self, _chain, tip: replace(tip, terminal=True))


def no_lane_number(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("headrace_consumers.stages.repeats.parse_pack_key", lambda _key: None)


def by_random_schedules() -> None:
    """What hypothesis draws, with fixed seeds, so that a mutant is met in the same order each time."""
    for seed in range(SEEDS):
        draw = random.Random(seed)
        script = [Action(draw.choice(VERBS), draw.randrange(12), draw.randrange(12)) for _ in range(50)]
        Schedule(BatchSettings(max_batch_age_s=5.0, max_batch_rows=draw.choice([1, 3, 1_000]))).run(script)


@pytest.mark.parametrize(
    "take_out",
    [no_condition_on_links, no_skip_to_the_tip, no_pending_upload, no_proof_by_head, no_terminal_link, no_lane_number],
    ids=lambda take: take.__name__,
)
def test_random_schedules_notice(take_out: Take, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without this safeguard, some random schedule shows an event twice, loses one, or gets stuck."""
    take_out(monkeypatch)
    with pytest.raises(AssertionError):
        by_random_schedules()


def no_generation_check(patch: pytest.MonkeyPatch) -> None:
    def unchecked(_self: DynamoDbLog, pipeline: str, _ours: int, _engine: str) -> dict[str, Any]:
        item = {"pk": {"S": f"unchecked#{pipeline}"}, "sk": {"S": secrets.token_hex(8)}}
        return {"Put": {"TableName": "log", "Item": item}}

    patch.setattr(DynamoDbLog, "_generation_check", unchecked)


def no_waiting_for_open(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(simulation, "open_generation", lambda log, pipeline: log.generation(pipeline))


def no_look_at_the_generation(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(committer.Committer, "beat", lambda *_: None)


def _forks_without(patch: pytest.MonkeyPatch, **unknown: Any) -> None:
    fork = forks._fork
    patch.setattr(forks, "_fork", lambda *known: msgspec.structs.replace(fork(*known), **unknown))


def forks_without_lanes(patch: pytest.MonkeyPatch) -> None:
    _forks_without(patch, lanes={})


def forks_without_event_time(patch: pytest.MonkeyPatch) -> None:
    _forks_without(patch, highest_event_time_us=None)


def no_closure_over_shards(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Superseded, "settle", lambda _self: None)


def no_children_dropped(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Superseded, "_drop_all", lambda *_: None)


def one_token_for_all_attempts(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(committer, "new_attempt_id", lambda _now_ms: "0" * 28)


def own_link_taken_for_foreign(patch: pytest.MonkeyPatch) -> None:
    """The retry of an accepted transaction is judged by its starts alone."""
    standing = DynamoDbLog._standing

    def all_foreign(self: DynamoDbLog, links: Any) -> Any:
        found = standing(self, links)
        return {shard: msgspec.structs.replace(link, attempt_id="another") for shard, link in found.items()}

    patch.setattr(DynamoDbLog, "_standing", all_foreign)


def no_have_from(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(segments, "require_held", lambda *_: None)
    patch.setattr("headrace_consumers.recovery.require_held", lambda *_: None)


def no_fixed_hash_key(patch: pytest.MonkeyPatch) -> None:
    """A retry is placed anew: anywhere on the hash ring."""
    place = random.Random(1)

    def anew(partition_key: str, _explicit_hash_key: str, data: bytes) -> PutRecord:
        return PutRecord(partition_key, str(place.randrange(1 << 128)), data)

    patch.setattr("headrace_producers.sender.PutRecord", anew)


@pytest.mark.parametrize(
    ("take_out", "schedule"),
    [
        (no_generation_check, rewinds.test_thawed_generation),
        (no_generation_check, rewinds.test_rootless_zombie),
        (no_waiting_for_open, rewinds.test_half_rewind_keeps_workers_waiting),
        (no_look_at_the_generation, rewinds.test_an_idle_worker_learns_of_a_rewind),
        (forks_without_lanes, rewinds.test_a_repeat_across_the_point_is_dropped),
        (forks_without_event_time, rewinds.test_what_was_late_is_late_again),
        (no_closure_over_shards, rewinds.test_commits_of_several_shards_go_whole),
        (no_children_dropped, rewinds.test_children_go_with_their_parent),
        (one_token_for_all_attempts, pinned.test_token_reuse),
        (own_link_taken_for_foreign, pinned.test_commit_timeout),
        (no_have_from, pinned.test_checkpoint_ahead),
        (no_have_from, pinned.test_checkpoint_without_a_chain),
        (no_proof_by_head, pinned.test_a_deleted_object_is_not_believed_because_completion_answers_200),
        (no_terminal_link, pinned.test_empty_parent),
        (no_terminal_link, pinned.test_a_repeat_across_a_split_is_dropped_by_the_child),
        (no_lane_number, pinned.test_a_repeat_across_a_split_is_dropped_by_the_child),
        (no_skip_to_the_tip, pinned.test_foreign_streams_are_skipped_to_the_tip_too),
        (no_condition_on_links, pinned.test_foreign_link),
        (no_fixed_hash_key, producers.test_rekeyed_retry),
    ],
    ids=lambda value: value.__name__,
)
def test_pinned_schedule_notices(take_out: Take, schedule: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Without this safeguard, its own schedule fails."""
    take_out(monkeypatch)
    with pytest.raises(BaseException) as failure:  # noqa: PT011 - whatever notices
        schedule()
    assert not isinstance(failure.value, KeyboardInterrupt)
