"""What the local Kinesis must do like the real one, for resharding under load to be a fair test."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.integration.world import World


def put(world: World, hash_key: int, data: bytes) -> str:
    answer = world.aws.clients.kinesis.put_record(
        StreamName=world.resources.stream, Data=data, PartitionKey="key", ExplicitHashKey=str(hash_key)
    )
    return answer["ShardId"]


def read_to_end(world: World, shard_id: str) -> tuple[list[bytes], list[Any]]:
    """All data of a closed shard, one record a call, and what its end says of children."""
    kinesis = world.aws.clients.kinesis
    iterator: str | None = kinesis.get_shard_iterator(
        StreamName=world.resources.stream, ShardId=shard_id, ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    data: list[bytes] = []
    answer: Any = {}
    while iterator:
        answer = kinesis.get_records(ShardIterator=iterator, Limit=1)
        data += [record["Data"] for record in answer["Records"]]
        iterator = answer.get("NextShardIterator")
    return data, answer["ChildShards"]


def test_a_split_shard_is_read_to_its_end_and_names_its_children(make_world: Callable[[int], World]) -> None:
    world = make_world(1)
    before = {put(world, 0, b"one"), put(world, 2**128 - 1, b"two")}
    parent = world.split_first_shard()
    assert before == {parent}
    after = [put(world, 0, b"low"), put(world, 2**128 - 1, b"high")]
    data, children = read_to_end(world, parent)
    assert data == [b"one", b"two"]
    assert [child["ShardId"] for child in children] == after
    assert all(child["ParentShards"] == [parent] for child in children)
    shards = {
        shard["ShardId"]: shard
        for shard in world.aws.clients.kinesis.list_shards(StreamName=world.resources.stream)["Shards"]
    }
    assert {shard for shard in shards if "EndingSequenceNumber" in shards[shard]["SequenceNumberRange"]} == {parent}
    assert {shards[child].get("ParentShardId") for child in after} == {parent}
    with pytest.raises(ClientError, match="closed already"):
        world.aws.clients.kinesis.split_shard(
            StreamName=world.resources.stream, ShardToSplit=parent, NewStartingHashKey=str(2**127)
        )


def test_merged_shards_are_read_to_their_ends_and_name_one_child(make_world: Callable[[int], World]) -> None:
    world = make_world(2)
    low, high = put(world, 0, b"low"), put(world, 2**128 - 1, b"high")
    assert world.merge_first_shards() == {low, high}
    child = put(world, 0, b"after")
    for parent, data in ((low, b"low"), (high, b"high")):
        read, children = read_to_end(world, parent)
        assert read == [data]
        assert [(said["ShardId"], said["ParentShards"]) for said in children] == [(child, [low, high])]
