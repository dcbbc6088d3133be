"""The chain of batch: one order for all its commits, fences for what may be done once, and what stands in the end."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from headrace_consumers.commitlog import keys
from headrace_consumers.commitlog.batch import NO_GENERATION, BatchChain
from headrace_consumers.commitlog.dynamodb import DynamoDbLog
from headrace_consumers.commitlog.items import commit_item
from headrace_consumers.commitlog.log import CommitLog
from headrace_consumers.commitlog.model import Chain, Commit, CommitKind, Replaced
from headrace_consumers.commitlog.standing import read_standing
from headrace_consumers.errors import FencedError, GenerationRaisedError
from headrace_consumers.lake.objects import PendingFile
from headrace_consumers.lake.s3 import S3Store
from tests.consumers.commitlog.links import commit, fresh_chain, link
from tests.consumers.commitlog.tables import TABLE, memory_client
from tests.fakes.s3 import MemoryS3
from tests.fakes.steps import Steps


@pytest.fixture
def client() -> Any:
    return memory_client()


@pytest.fixture
def log(client: Any) -> CommitLog:
    seen: Any = MemoryS3().as_seen_by(Steps())
    return DynamoDbLog(client, TABLE, S3Store(seen, {"raw": "raw"}))


@pytest.fixture
def chain(log: CommitLog) -> Chain:
    chain = fresh_chain()
    log.generation(chain.pipeline)
    return chain


def opened(log: CommitLog, chain: Chain, owner: str = "batch-1") -> BatchChain:
    return BatchChain(log=log, pipeline=chain.pipeline, generation=1, owner=owner)


def draft(chain: Chain, attempt: str, kind: CommitKind = CommitKind.LANDING, **more: Any) -> Commit:
    return replace(commit(chain, attempt), generation=NO_GENERATION, shards=("batch",), kind=kind, **more)


def always(_: Commit) -> bool:
    return True


def test_two_that_go_together_stand_one_behind_the_other(log: CommitLog, chain: Chain) -> None:
    """Who comes second is told nothing, and reads both in one order."""
    first, second = opened(log, chain), opened(log, chain, "batch-2")
    assert first.append(draft(chain, "x"), 0, always) == 1
    assert second.append(draft(chain, "y"), 0, always) == 2
    assert [one.attempt_id for one in first.after(0)] == [f"{chain.pipeline}-{name}" for name in "xy"]
    assert (first.position(), list(first.after(2))) == (2, [])


def test_who_builds_on_what_another_changed_is_fenced(log: CommitLog, chain: Chain) -> None:
    """And nothing of it stands."""
    batch = opened(log, chain)
    batch.append(draft(chain, "x"), 0, always)
    with pytest.raises(FencedError, match=f"{chain.pipeline}-x .landing. .* came first"):
        batch.append(draft(chain, "y"), 0, lambda _: False)
    assert log.commit(chain.pipeline, NO_GENERATION, f"{chain.pipeline}-y") is None


def test_a_fence_lets_one_through(log: CommitLog, chain: Chain) -> None:
    """Whoever comes again is told which commit did it."""
    batch = opened(log, chain)
    batch.append(draft(chain, "x"), 0, always, ["landed of planes 00ff"])
    for position in (0, 1):
        with pytest.raises(FencedError, match=f"landed of planes 00ff was done before, by commit {chain.pipeline}-x"):
            batch.append(draft(chain, "y"), position, always, ["landed of planes 00ff"])
    assert (found := batch.fence("landed of planes 00ff")) is not None
    assert found.attempt_id == f"{chain.pipeline}-x"
    assert batch.fence("landed of planes 00fe") is None


def test_an_answer_that_was_lost_is_asked_for_again(log: CommitLog, chain: Chain) -> None:
    """The same attempt at the same place stands once, also where others stand behind it by now."""
    batch, fences = opened(log, chain), ["once"]
    assert batch.append(draft(chain, "x"), 0, always, fences) == 1
    assert batch.append(draft(chain, "x"), 0, always, fences) == 1
    batch.append(draft(chain, "y"), 1, always)
    assert batch.append(draft(chain, "x"), 0, lambda _: False, fences) == 1
    assert batch.position() == 2


def test_a_rewind_ends_what_was_planned_before_it(client: Any, log: CommitLog, chain: Chain) -> None:
    """Batch checks the generation, though its chain belongs to none."""
    for copy in range(keys.GENERATION_COPIES):
        item = {"pk": {"S": keys.generation_key(chain.pipeline)}, "sk": {"S": f"{copy:02d}"}}
        client.put_item(TableName=TABLE, Item={**item, "generation": {"N": "2"}})
    with pytest.raises(GenerationRaisedError):
        opened(log, chain).append(draft(chain, "x"), 0, always)


def test_older_readers_refuse_what_batch_commits(chain: Chain) -> None:
    """They would not take out what it retires."""
    assert commit_item(commit(chain))["format"]["N"] == "1"
    assert commit_item(draft(chain, "x"))["format"]["N"] == "3"


def named(chain: Chain, table: str, attempt: str) -> PendingFile:
    partition = "arrival_date=2026-01-01" if table == chain.pipeline else "event_date=2026-01-01"
    return replace(commit(chain, attempt).files[0], table=table, key=f"{table}/{attempt}", partition=partition)


def streamed(log: CommitLog, chain: Chain, *attempts: str) -> list[str]:
    """Commits of one shard, each with a raw file and a file of rows; their ids."""
    log.register(chain)
    for number, attempt in enumerate(attempts):
        files = (named(chain, "tides", attempt), named(chain, chain.pipeline, attempt))
        log.append(replace(commit(chain, attempt), files=files), [link(chain, number, number + 1, attempt)], "engine")
    return [f"{chain.pipeline}-{attempt}" for attempt in attempts]


def test_what_stands_is_the_sum_of_the_log(log: CommitLog, chain: Chain) -> None:
    """A backfill takes the place of what it retires, a second one that of the first; raw files stay known."""
    a, b, c = streamed(log, chain, "a", "b", "c")
    batch, prefix = opened(log, chain), chain.pipeline
    gone = Replaced(c, "tides", "processed", "tides/c")
    batch.append(draft(chain, "k", CommitKind.COMPACTION, replaces=(gone,)), 0, always)
    batch.append(draft(chain, "l", CommitKind.BACKFILL, retires=(a, b)), 1, always)
    batch.append(draft(chain, "m", CommitKind.BACKFILL, retires=(f"{prefix}-l",)), 2, always)
    found = read_standing(log, chain.pipeline, chain.stream_created_ms)
    assert sorted(found.commits) == sorted([c, f"{prefix}-k", f"{prefix}-m"])
    assert found.sources == {c: (c,), f"{prefix}-m": (a, b)}
    assert found.retired == {a: f"{prefix}-l", b: f"{prefix}-l", f"{prefix}-l": f"{prefix}-m"}
    assert [file.key for file in found.commits[c].files] == [f"{prefix}/c"]
    assert (sorted(found.raw), found.position) == (sorted([a, b, c]), 3)
    assert [one.start for one in found.links[b]] == [1]


@given(st.data())
def test_every_commit_of_the_stream_is_staged_by_exactly_one_that_stands(data: st.DataObject) -> None:
    """Whatever is backfilled, and however often."""
    seen: Any = MemoryS3().as_seen_by(Steps())
    log, chain = DynamoDbLog(memory_client(), TABLE, S3Store(seen, {"raw": "raw"})), fresh_chain()
    log.generation(chain.pipeline)
    names = streamed(log, chain, *(f"s{number}" for number in range(data.draw(st.integers(1, 6)))))
    batch = opened(log, chain)
    for number in range(data.draw(st.integers(0, 5))):
        standing = sorted(read_standing(log, chain.pipeline, chain.stream_created_ms).sources)
        retires = data.draw(st.lists(st.sampled_from(standing), min_size=1, unique=True))
        one = draft(chain, f"b{number}", CommitKind.BACKFILL, retires=tuple(retires))
        batch.append(one, batch.position(), always)
    found = read_standing(log, chain.pipeline, chain.stream_created_ms)
    assert sorted(name for staged in found.sources.values() for name in staged) == sorted(names)
    assert found.sources.keys() <= found.commits.keys()
