"""What every CommitLog promises: DynamoDbLog over the fake in memory, and over the real protocol of a local AWS."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest

from headrace_consumers.commit.links import MAX_INLINE_LANE_BYTES
from headrace_consumers.commitlog import keys
from headrace_consumers.commitlog.dynamodb import DynamoDbLog
from headrace_consumers.commitlog.filelists import MAX_INLINE_BYTES
from headrace_consumers.commitlog.items import commit_item, link_item
from headrace_consumers.commitlog.log import MAX_LINKS, Beat, CommitLog, Committed, Fenced
from headrace_consumers.commitlog.model import Chain, Commit, Rewind
from headrace_consumers.commitlog.rewinding import open_generation
from headrace_consumers.errors import (
    FencedError,
    GenerationRaisedError,
    LogError,
    MissingFileError,
    NewerFormatError,
    RewindUnfinishedError,
)
from headrace_consumers.lake.s3 import S3Store
from headrace_consumers.lanes import LaneState
from tests.consumers.commitlog.links import attempt_id, commit, fresh_chain, link, many_files
from tests.consumers.commitlog.tables import TABLE, TokensExpired, make_table, memory_client
from tests.consumers.runtime_process.aws import client as aws_client
from tests.consumers.runtime_process.aws import local_aws
from tests.fakes.s3 import MemoryS3
from tests.fakes.steps import Steps


@pytest.fixture(scope="module", params=["memory", "local aws"])
def client(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    if request.param == "memory":
        yield memory_client()
        return
    with local_aws(tmp_path_factory.mktemp("aws") / "aws.log") as endpoint:
        real = aws_client("dynamodb", endpoint)
        make_table(real)
        yield real
        real.close()


@pytest.fixture(scope="module")
def s3() -> MemoryS3:
    return MemoryS3()


@pytest.fixture(scope="module")
def store(s3: MemoryS3) -> S3Store:
    seen: Any = s3.as_seen_by(Steps())
    return S3Store(seen, {"raw": "raw"})


@pytest.fixture
def log(client: Any, store: S3Store) -> CommitLog:
    return DynamoDbLog(client, TABLE, store)


@pytest.fixture
def chain(log: CommitLog) -> Chain:
    """A chain of a pipeline in its first generation."""
    chain = fresh_chain()
    assert log.generation(chain.pipeline) == 1
    return chain


def test_an_append_is_read_back_whole(log: CommitLog, chain: Chain) -> None:
    """Links of two shards and their commit stand after one transaction, as they were given."""
    other = msgspec.structs.replace(chain, shard_id="shardId-000000000001")
    links = [link(chain, 0, 10), link(other, 0, 20)]
    assert log.append(commit(chain), links, "engine") == Committed()
    assert [log.link_at(chain, 0), log.link_at(other, 0)] == links
    assert log.commit(chain.pipeline, 1, attempt_id(chain)) == commit(chain)
    assert log.link_at(chain, 10) is None
    assert log.commit(chain.pipeline, 1, attempt_id(chain, "b")) is None


def test_a_foreign_link_fences_and_nothing_is_written(log: CommitLog, chain: Chain) -> None:
    """All or nothing: the shard whose start is free gets no link either, and the answer names who stands."""
    other = msgspec.structs.replace(chain, shard_id="shardId-000000000001")
    standing = link(chain, 0, 10, "b")
    log.append(None, [standing], "zombie")
    outcome = log.append(commit(chain), [link(chain, 0, 30), link(other, 0, 20)], "engine")
    assert outcome == Fenced({chain.shard_id: standing})
    assert log.link_at(other, 0) is None
    assert log.commit(chain.pipeline, 1, attempt_id(chain)) is None


def test_our_own_retry_is_committed(client: Any, store: S3Store, log: CommitLog, chain: Chain) -> None:
    """The same append again is the same commit, while the token lives and long after."""
    links = [link(chain, 0, 10)]
    assert log.append(commit(chain), links, "engine") == Committed()
    assert log.append(commit(chain), links, "engine") == Committed()
    late: Any = TokensExpired(client)
    assert DynamoDbLog(late, TABLE, store).append(commit(chain), links, "engine") == Committed()
    assert list(log.newest_links(chain)) == links


def listed_in(s3: MemoryS3, chain: Chain) -> list[str]:
    return [key for _, key in s3.objects if key.startswith(f"{chain.pipeline}/commits/")]


def test_a_commit_of_very_many_files_is_read_back_whole(
    client: Any, s3: MemoryS3, log: CommitLog, chain: Chain
) -> None:  # fmt: skip
    """Its item names the list of its files, and says a format that older readers refuse; small commits list none."""
    assert log.append(commit(chain), [link(chain, 0, 10)], "engine") == Committed()
    assert listed_in(s3, chain) == []
    big = many_files(chain, "b")
    for _ in range(2):
        assert log.append(big, [link(chain, 10, 20, "b")], "engine") == Committed()
    assert log.commit(chain.pipeline, 1, big.attempt_id) == big
    assert len(listed_in(s3, chain)) == 1
    key = {"pk": {"S": keys.commit_key(chain.pipeline, 1, big.attempt_id)}, "sk": {"S": "commit"}}
    item = client.get_item(TableName=TABLE, Key=key)["Item"]
    assert (item["format"]["N"], len(item["body"]["S"]) < 1_000) == ("2", True)


def test_as_many_bytes_as_are_kept_in_the_table_fit_a_transaction(
    s3: MemoryS3, log: CommitLog, chain: Chain
) -> None:  # fmt: skip
    """The largest commit whose files are in its item, beside as many links as one takes, each as large as it may be."""
    chains = [msgspec.structs.replace(chain, shard_id=f"shard-{n}") for n in range(MAX_LINKS)]
    lanes = {"p" * (MAX_INLINE_LANE_BYTES - 50): LaneState(1, 7)}
    links = [msgspec.structs.replace(link(one, 0, 10), lanes=lanes) for one in chains]
    size = len(msgspec.json.encode(commit(chain)))
    largest = msgspec.structs.replace(commit(chain), contracts=("tide.measured.v1" + "x" * (MAX_INLINE_BYTES - size),))
    assert log.append(largest, links, "engine") == Committed()
    assert listed_in(s3, chain) == []


def test_a_fenced_commit_leaves_no_list_of_files(s3: MemoryS3, log: CommitLog, chain: Chain) -> None:
    """It can never stand, so nobody will ask for its files."""
    log.append(None, [link(chain, 0, 10)], "zombie")
    assert isinstance(log.append(many_files(chain, "b"), [link(chain, 0, 30, "b")], "engine"), Fenced)
    assert listed_in(s3, chain) == []


def test_a_list_of_files_that_is_gone_is_missed(s3: MemoryS3, log: CommitLog, chain: Chain) -> None:
    """Its commit is never taken for one without files, nor with those of another list."""
    big = many_files(chain)
    log.append(big, [link(chain, 0, 10)], "engine")
    place = ("raw", listed_in(s3, chain)[0])
    s3.objects[place].body = b"[]"
    with pytest.raises(LogError, match="not the list"):
        log.commit(chain.pipeline, 1, big.attempt_id)
    del s3.objects[place]
    with pytest.raises(MissingFileError, match=place[1]):
        log.commit(chain.pipeline, 1, big.attempt_id)


def test_a_raised_generation_refuses(client: Any, log: CommitLog, chain: Chain) -> None:
    """From the raise on, no engine of the old generation commits, whichever copy it checks."""
    for copy in range(keys.GENERATION_COPIES):
        key = {"pk": {"S": keys.generation_key(chain.pipeline)}, "sk": {"S": f"{copy:02d}"}}
        client.put_item(TableName=TABLE, Item={**key, "generation": {"N": "2"}})
    for engine in ("engine-1", "engine-2", "engine-3"):
        with pytest.raises(GenerationRaisedError):
            log.append(commit(chain), [link(chain, 0, 10)], engine)
    assert log.link_at(chain, 0) is None
    assert log.generation(chain.pipeline) == 2


def a_rewind(chain: Chain, generation: int = 2, name: str = "r") -> Rewind:
    return Rewind(
        pipeline=chain.pipeline, generation=generation, previous=generation - 1, attempt_id=attempt_id(chain, name),
        to_ms=1, reason="a wrong unit", owner="operator", sealed_ms=2,
    )  # fmt: skip


def test_a_rewind_raises_the_generation_and_says_why(log: CommitLog, chain: Chain) -> None:
    """In one transaction: the old generation is refused from then on, the new one commits; asked again, the same."""
    wanted = a_rewind(chain)
    assert log.rewind(chain.pipeline, 2) is None
    assert log.raise_generation(wanted) == wanted
    assert log.raise_generation(wanted) == wanted
    assert log.rewind(chain.pipeline, 2) == wanted
    with pytest.raises(GenerationRaisedError):
        log.append(commit(chain), [link(chain, 0, 10)], "engine")
    newer = msgspec.structs.replace(chain, generation=2)
    for engine in ("engine-1", "engine-2", "engine-3", "engine-4"):
        one = msgspec.structs.replace(newer, shard_id=engine)
        assert log.append(None, [link(one, 0, 10, engine)], engine) == Committed()
    with pytest.raises(RewindUnfinishedError, match="being rewound by operator"):
        open_generation(log, chain.pipeline)
    log.open_generation(wanted)
    log.open_generation(wanted)
    assert open_generation(log, chain.pipeline) == 2


def test_an_answer_to_a_raise_that_was_lost_is_read_back(client: Any, log: CommitLog, chain: Chain) -> None:
    """After the token's ten minutes the conditions fail, and the record says that it was us."""
    wanted = a_rewind(chain)
    log.raise_generation(wanted)
    seen: Any = MemoryS3().as_seen_by(Steps())
    forgetful: Any = TokensExpired(client)
    later = DynamoDbLog(forgetful, TABLE, S3Store(seen, {"raw": "raw"}))
    assert later.raise_generation(wanted) == wanted


def test_of_two_rewinds_one_raises(log: CommitLog, chain: Chain) -> None:
    """The other is told whose record stands, or that its generation is not the newest any more."""
    first = a_rewind(chain)
    log.raise_generation(first)
    assert log.raise_generation(a_rewind(chain, name="s")) == first
    with pytest.raises(FencedError, match="generation 3 is not the newest"):
        log.raise_generation(a_rewind(chain, 4, "t"))
    assert log.generation(chain.pipeline) == 2


def test_who_dies_while_a_pipeline_is_made_leaves_none_half_made(client: Any, log: CommitLog) -> None:
    """All copies of its generation stand where the first one does, whatever engine looks at which."""
    pipeline = fresh_chain().pipeline
    for copy in range(keys.GENERATION_COPIES - 1, 7, -1):
        key = {"pk": {"S": keys.generation_key(pipeline)}, "sk": {"S": f"{copy:02d}"}}
        client.put_item(TableName=TABLE, Item={**key, "generation": {"N": "1"}})
    chain = msgspec.structs.replace(fresh_chain(), pipeline=pipeline)
    assert log.generation(pipeline) == 1
    for number in range(20):
        one = msgspec.structs.replace(chain, shard_id=f"shard-{number}")
        assert log.append(None, [link(one, 0, 10, f"a{number}")], f"engine-{number}") == Committed()


def test_a_long_chain_is_read_in_numeric_order(log: CommitLog, chain: Chain) -> None:
    """Over several pages, both ways, and from the middle; 9 stands before 10, whatever text says."""
    positions = [0, *range(1, 12), 99, 100, *range(200, 245), 10**20, 10**55]
    links = [link(chain, a, b, str(a), n) for n, (a, b) in enumerate(itertools.pairwise(positions))]
    for one in links:
        assert log.append(None, [one], "engine") == Committed()
    assert list(log.newest_links(chain)) == links[::-1]
    assert list(log.links_after(chain, 0)) == links
    assert list(log.links_after(chain, 100)) == [one for one in links if one.start >= 100]
    assert list(log.links_after(chain, 10**55)) == []


def test_a_transaction_takes_as_many_links_as_promised(log: CommitLog, chain: Chain) -> None:
    """MAX_LINKS links, a commit and the generation check are one transaction; one more is refused."""
    chains = [msgspec.structs.replace(chain, shard_id=f"shard-{n}") for n in range(MAX_LINKS + 1)]
    links = [link(one, 0, 10) for one in chains]
    with pytest.raises(ValueError, match="fit"):
        log.append(commit(chain), links, "engine")
    assert log.append(commit(chain), links[:MAX_LINKS], "engine") == Committed()
    assert all(log.link_at(one, 0) for one in (chains[0], chains[MAX_LINKS - 1]))
    assert log.link_at(chains[MAX_LINKS], 0) is None


def test_the_start_is_written_once(log: CommitLog, chain: Chain) -> None:
    """The first worker's wish stands for ever."""
    assert log.start_position(chain.pipeline, "2026-01-01T00:00:00Z") == "2026-01-01T00:00:00Z"
    assert log.start_position(chain.pipeline, "TRIM_HORIZON") == "2026-01-01T00:00:00Z"
    assert log.start_position(chain.pipeline, "2026-02-01T00:00:00Z", 2) == "2026-02-01T00:00:00Z"
    assert log.start_position(chain.pipeline, "TRIM_HORIZON", 2) == "2026-02-01T00:00:00Z"
    assert log.start_position(chain.pipeline, "TRIM_HORIZON", 1) == "2026-01-01T00:00:00Z"


def test_the_last_beat_is_kept(log: CommitLog, chain: Chain) -> None:
    """A shard that never beat names no position; then the latest beat, its position whole however long."""
    assert log.last_beat(chain) == Beat(0, -1)
    log.beat(chain, Beat(1_700_000_000_001, 0))
    log.beat(chain, Beat(1_700_000_000_002, 10**55 + 7))
    assert log.last_beat(chain) == Beat(1_700_000_000_002, 10**55 + 7)


def test_a_beat_of_an_older_version_names_no_position(client: Any, log: CommitLog, chain: Chain) -> None:
    """It still tells that the shard was alive."""
    client.put_item(
        TableName=TABLE, Item={"pk": {"S": keys.beat_key(chain)}, "sk": {"S": "beat"}, "at_ms": {"N": "1700000000001"}}
    )
    assert log.last_beat(chain) == Beat(1_700_000_000_001, -1)


def test_chains_are_listed_once(log: CommitLog, chain: Chain) -> None:
    """However often they are registered; those of another generation or birth stay apart."""
    other = msgspec.structs.replace(chain, shard_id="shardId-000000000001")
    for one in (other, chain, chain, msgspec.structs.replace(chain, generation=2)):
        log.register(one)
    assert log.chains(chain.pipeline, 1, chain.stream_created_ms) == [chain, other]
    assert log.chains(chain.pipeline, 1, 5) == []


def test_a_newer_format_is_refused(client: Any, log: CommitLog, chain: Chain) -> None:
    """An item of a newer Headrace stops every reader with a sentence."""
    client.put_item(TableName=TABLE, Item={**link_item(link(chain, 0, 10)), "format": {"N": "2"}})
    with pytest.raises(NewerFormatError, match="format 2"):
        log.link_at(chain, 0)
    with pytest.raises(NewerFormatError):
        next(log.newest_links(chain))
    client.put_item(TableName=TABLE, Item={**commit_item(commit(chain)), "format": {"N": "5"}})
    with pytest.raises(NewerFormatError, match="format 5, this version reads up to 4"):
        log.commit(chain.pipeline, 1, attempt_id(chain))


@pytest.mark.parametrize("make", [commit, many_files], ids=["few files", "many files"])
def test_files_are_replaced_only_where_the_old_stand(
    log: CommitLog, chain: Chain, make: Callable[..., Commit]
) -> None:  # fmt: skip
    """A late repair writes nothing; the same repair again is done already."""
    old, new, late = make(chain), make(chain, etag="e2"), make(chain, etag="e3")
    assert not log.replace_files(old, new)
    log.append(old, [link(chain, 0, 10)], "engine")
    assert log.replace_files(old, new)
    assert log.replace_files(old, new)
    assert not log.replace_files(old, late)
    assert log.commit(chain.pipeline, 1, attempt_id(chain)) == new


def test_a_link_expires_alone_or_with_its_commit(s3: MemoryS3, log: CommitLog, chain: Chain) -> None:
    """Together in one transaction, the list of its files after it; again is no error."""
    other = msgspec.structs.replace(chain, shard_id="shardId-000000000001")
    first, second = link(chain, 0, 10), link(other, 0, 20)
    big = msgspec.structs.replace(many_files(chain), attempt_id=attempt_id(chain))
    log.append(big, [first, second], "engine")
    log.append(None, [link(chain, 10, 30, "b")], "engine")
    log.expire(first, with_commit=False)
    assert (log.link_at(chain, 0), log.link_at(other, 0)) == (None, second)
    assert log.commit(chain.pipeline, 1, big.attempt_id) == big
    for _ in range(2):
        log.expire(second, with_commit=True)
    assert (log.link_at(other, 0), log.commit(chain.pipeline, 1, big.attempt_id)) == (None, None)
    assert listed_in(s3, chain) == []
    assert [one.start for one in log.newest_links(chain)] == [10]
