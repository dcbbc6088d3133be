"""MiniStack, with shards that end as Kinesis's do, and files by SFTP that S3 announces: `python -m
headrace_local.ministack`.

MiniStack drops a shard that is split or merged, unread records included. Here it stays: closed, readable to its end,
and its last answer names its children. Reading by SubscribeToShard (enhanced fan-out) is left as it is.

Its Transfer Family writes to S3 behind S3's back. Here S3 tells of such objects as of any.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from typing import Any

from ministack.services import kinesis, s3, transfer

Request = dict[str, Any]
Answer = tuple[int, dict[str, str], Any]
Handler = Callable[[Request], Answer]
_END = "ending_sequence_number"
_OK = 200

_get_records: Handler = kinesis._get_records  # noqa: SLF001 -- MiniStack offers no way to extend it
_put_by_sftp: Callable[[str, str, str, bytes], None] = transfer._sftp_s3_put_object  # noqa: SLF001 -- the same
_shard_out: Callable[[str, dict[str, Any]], dict[str, Any]] = kinesis._shard_out  # noqa: SLF001 -- the same


def closing(handler: Handler, *parent_fields: str) -> Handler:
    """A handler of SplitShard or MergeShards that keeps the parents, closed."""

    def keep_parents(data: Request) -> Answer:
        _, stream = kinesis._resolve_stream(data)  # noqa: SLF001 -- as above
        shards = stream["shards"] if stream else {}
        parents: dict[Any, Any] = {data.get(field): shards.get(data.get(field)) for field in parent_fields}
        if any(shard and _END in shard for shard in parents.values()):
            return _refused("a shard that is closed already can be neither split nor merged")
        answer = handler(data)
        if answer[0] == _OK:
            for shard in parents.values():
                shard[_END] = kinesis._next_sequence_number()  # noqa: SLF001 -- as above
            shards.update(parents)
        return answer

    return keep_parents


def get_records(data: Request) -> Answer:
    """At the end of a closed shard: no next iterator, but its children."""
    shard_id, stream = _place(data)
    shard = stream["shards"].get(shard_id) if stream else None
    answer = _get_records(data)
    if shard is None or _END not in shard or answer[0] != _OK:
        return answer
    status, headers, body = answer
    said = json.loads(body)
    reached = kinesis._shard_iterators.get(said["NextShardIterator"])["position"]  # noqa: SLF001 -- as above
    if reached >= len(shard["records"]):
        said["NextShardIterator"] = None
        said["ChildShards"] = list(_children(stream, shard_id))
    return status, headers, json.dumps(said).encode()


def shard_out(shard_id: str, shard: dict[str, Any]) -> dict[str, Any]:
    said = _shard_out(shard_id, shard)
    if _END in shard:
        said["SequenceNumberRange"]["EndingSequenceNumber"] = shard[_END]
    return said


def route_to_shard(hash_key: int, stream: dict[str, Any]) -> str:
    """The open shard that takes the hash key."""
    shards: dict[str, dict[str, Any]] = stream["shards"]
    return next(
        shard_id
        for shard_id, shard in shards.items()
        if _END not in shard and int(shard["starting_hash_key"]) <= hash_key <= int(shard["ending_hash_key"])
    )


def _place(data: Request) -> tuple[str, dict[str, Any] | None]:
    state = kinesis._shard_iterators.get(data.get("ShardIterator"))  # noqa: SLF001 -- as above
    return (state["shard_id"], kinesis._streams.get(state["stream"])) if state else ("", None)  # noqa: SLF001 -- as above


def _children(stream: Any, parent_id: str) -> Iterator[dict[str, Any]]:
    for shard_id, shard in sorted(stream["shards"].items()):
        parents = [shard.get("parent_shard_id"), shard.get("adjacent_parent_shard_id")]
        if parent_id in parents:
            said = shard_out(shard_id, shard)
            yield {
                "ShardId": shard_id,
                "ParentShards": [parent for parent in parents if parent],
                "HashKeyRange": said["HashKeyRange"],
            }


def _refused(why: str) -> Answer:
    answer: Answer = kinesis.error_response_json("InvalidArgumentException", why, 400)
    return answer


def put_by_sftp(account_id: str, bucket: str, key: str, body: bytes) -> None:
    _put_by_sftp(account_id, bucket, key, body)
    etag = hashlib.md5(body, usedforsecurity=False).hexdigest()
    s3._fire_s3_event_async(bucket, key, "s3:ObjectCreated:Put", size=len(body), etag=etag)  # noqa: SLF001 -- as above


def install() -> None:
    """Puts the above in the place of MiniStack's own; it looks its handlers up at each request."""
    kinesis._split_shard = closing(kinesis._split_shard, "ShardToSplit")  # noqa: SLF001 -- as above
    kinesis._merge_shards = closing(  # noqa: SLF001 -- as above
        kinesis._merge_shards,  # noqa: SLF001 -- as above
        "ShardToMerge",
        "AdjacentShardToMerge",
    )
    kinesis._get_records = get_records  # noqa: SLF001 -- as above
    kinesis._shard_out = shard_out  # noqa: SLF001 -- as above
    kinesis._route_to_shard = route_to_shard  # noqa: SLF001 -- as above
    transfer._sftp_s3_put_object = put_by_sftp  # noqa: SLF001 -- as above


if __name__ == "__main__":
    from ministack.app import main

    install()
    main()
