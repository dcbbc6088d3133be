"""What every CommitLog promises: DynamoDbLog over the fake in memory, and over the real protocol of a local AWS."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from headrace_consumers.commitlog import keys
from headrace_consumers.commitlog.dynamodb import DynamoDbLog
from headrace_consumers.commitlog.items import link_item
from headrace_consumers.commitlog.log import MAX_LINKS, Beat, CommitLog, Committed, Fenced
from headrace_consumers.commitlog.model import Chain
from headrace_consumers.errors import GenerationRaisedError, NewerFormatError
from tests.consumers.commitlog.links import attempt_id, commit, fresh_chain, link
from tests.consumers.commitlog.tables import TABLE, TokensExpired, make_table, memory_client
from tests.consumers.runtime_process.aws import client as aws_client
from tests.consumers.runtime_process.aws import local_aws


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


@pytest.fixture
def log(client: Any) -> CommitLog:
    return DynamoDbLog(client, TABLE)


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


def test_our_own_retry_is_committed(client: Any, log: CommitLog, chain: Chain) -> None:
    """The same append again is the same commit, while the token lives and long after."""
    links = [link(chain, 0, 10)]
    assert log.append(commit(chain), links, "engine") == Committed()
    assert log.append(commit(chain), links, "engine") == Committed()
    assert DynamoDbLog(TokensExpired(client), TABLE).append(commit(chain), links, "engine") == Committed()  # type: ignore[arg-type]
    assert list(log.newest_links(chain)) == links


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


def test_files_are_replaced_only_where_the_old_stand(log: CommitLog, chain: Chain) -> None:
    """A late repair writes nothing; the same repair again is done already."""
    old, new, late = commit(chain), commit(chain, etag="e2"), commit(chain, etag="e3")
    assert not log.replace_files(old, new)
    log.append(old, [link(chain, 0, 10)], "engine")
    assert log.replace_files(old, new)
    assert log.replace_files(old, new)
    assert not log.replace_files(old, late)
    assert log.commit(chain.pipeline, 1, attempt_id(chain)) == new
