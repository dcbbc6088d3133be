"""The commit log in one DynamoDB table, through boto3's client (SDK retries off: the retry here keeps the token)."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from msgspec.structs import replace

from headrace_consumers.aws_retry import error_code, passes_by_itself, retried
from headrace_consumers.commitlog import keys
from headrace_consumers.commitlog.filelists import forget_files, whole, with_stored_files
from headrace_consumers.commitlog.items import (
    beat_item,
    commit_item,
    link_item,
    read_beat,
    read_commit,
    read_link,
    read_rewind,
    rewind_item,
)
from headrace_consumers.commitlog.log import MAX_LINKS, Beat, Committed, Fenced
from headrace_consumers.commitlog.model import Chain, Commit, Link, Rewind, RewindState
from headrace_consumers.errors import FencedError, GenerationRaisedError
from headrace_consumers.lake.objects import ObjectStore
from headrace_producers.errors import TerminalError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_CONDITION_FAILED = "ConditionalCheckFailed"
_FINAL_REASONS = frozenset({_CONDITION_FAILED, "ValidationError", "ItemCollectionSizeLimitExceeded"})
_CANCELLED = "TransactionCanceledException"


class DynamoDbLog:
    """CommitLog on a table with string keys `pk` and `sk`; lists of files that are too long for it are in the store."""

    def __init__(self, client: DynamoDBClient, table: str, store: ObjectStore) -> None:
        self._client = client
        self._table = table
        self._store = store

    def append(
        self, commit: Commit | None, links: Sequence[Link], engine_id: str, generation: int | None = None
    ) -> Committed | Fenced:
        if not 0 < len(links) <= MAX_LINKS:
            raise ValueError(f"{len(links)} links in one transaction; between 1 and {MAX_LINKS} fit")
        token = links[0].attempt_id if generation is None else f"{links[0].attempt_id}-{links[0].start:x}"
        items = [self._put(link_item(link)) for link in links]
        ours = links[0].chain.generation if generation is None else generation
        items.append(self._generation_check(links[0].chain.pipeline, ours, engine_id))
        stored = with_stored_files(commit, self._store) if commit is not None else None
        if stored is not None:
            items.append(self._put(commit_item(stored)))
        try:
            retried(lambda: self._transact(items, token), self._what("append"), retry=_cancelled_in_passing)
        except ClientError as error:
            outcome = self._judge(error, links)
            if isinstance(outcome, Fenced):
                forget_files(stored, self._store)
            return outcome
        return Committed()

    def newest_links(self, chain: Chain) -> Iterator[Link]:
        for item in self._query(keys.chain_key(chain), forward=False):
            yield read_link(item)

    def links_after(self, chain: Chain, position: int) -> Iterator[Link]:
        for item in self._query(keys.chain_key(chain), forward=True, at_least=keys.padded(position)):
            yield read_link(item)

    def link_at(self, chain: Chain, start: int) -> Link | None:
        item = self._get(keys.chain_key(chain), keys.padded(start))
        return read_link(item) if item else None

    def commit(self, pipeline: str, generation: int, attempt_id: str) -> Commit | None:
        item = self._get(keys.commit_key(pipeline, generation, attempt_id), "commit")
        return whole(read_commit(item), self._store) if item else None

    def replace_files(self, old: Commit, new: Commit) -> bool:
        item = self._get(keys.commit_key(old.pipeline, old.generation, old.attempt_id), "commit")
        standing = whole(read_commit(item), self._store) if item else None
        if item is not None and standing == old:
            self._replace(item, commit_item(with_stored_files(new, self._store)))
            standing = self.commit(old.pipeline, old.generation, old.attempt_id)
        return standing == new

    def expire(self, link: Link, *, with_commit: bool) -> None:
        items = [self._delete(keys.chain_key(link.chain), keys.padded(link.start))]
        commit = keys.commit_key(link.chain.pipeline, link.chain.generation, link.attempt_id)
        item = self._get(commit, "commit") if with_commit else None
        if with_commit:
            items.append(self._delete(commit, "commit"))
        token = f"x{link.attempt_id[:20]}{zlib.crc32(repr((link.chain, link.start, with_commit)).encode()):08x}"
        retried(lambda: self._transact(items, token), self._what("expire"), retry=_cancelled_in_passing)
        forget_files(read_commit(item) if item else None, self._store)

    def register(self, chain: Chain) -> None:
        """Lists the chain among its pipeline's; safe to repeat."""
        pk = keys.chains_key(chain.pipeline, chain.generation, chain.stream_created_ms)
        item = {"pk": {"S": pk}, "sk": {"S": chain.shard_id}}
        retried(lambda: self._client.put_item(TableName=self._table, Item=item), self._what("register"))

    def chains(self, pipeline: str, generation: int, stream_created_ms: int) -> list[Chain]:
        """Every chain that a worker ever opened, whether or not a link stands on it."""
        items = self._query(keys.chains_key(pipeline, generation, stream_created_ms), forward=True)
        return [Chain(pipeline, generation, stream_created_ms, item["sk"]["S"]) for item in items]

    def generation(self, pipeline: str) -> int:
        pk = keys.generation_key(pipeline)
        first = self._get(pk, "00")
        if first is None:
            # The copy that is looked at comes last: where it stands, all do, also after a death in between.
            for copy in reversed(range(keys.GENERATION_COPIES)):
                self._put_once({"pk": {"S": pk}, "sk": {"S": f"{copy:02d}"}, "generation": {"N": "1"}})
            first = self._get(pk, "00")
        return int(first["generation"]["N"]) if first else 1

    def raise_generation(self, rewind: Rewind) -> Rewind:
        copies = [self._raise_copy(rewind, copy) for copy in range(keys.GENERATION_COPIES)]
        items = [self._put(rewind_item(rewind)), *copies]
        what = self._what("raise the generation")
        try:
            retried(lambda: self._transact(items, rewind.attempt_id), what, retry=_cancelled_in_passing)
        except ClientError as error:
            standing = self.rewind(rewind.pipeline, rewind.generation)
            if standing is None:
                raise FencedError(f"{what}: generation {rewind.previous} is not the newest one any more") from error
            return standing
        return rewind

    def rewind(self, pipeline: str, generation: int) -> Rewind | None:
        item = self._get(keys.rewinds_key(pipeline), keys.rewind_name(generation))
        return read_rewind(item) if item else None

    def open_generation(self, rewind: Rewind) -> None:
        item = self._get(keys.rewinds_key(rewind.pipeline), keys.rewind_name(rewind.generation))
        if item is not None:
            self._replace(item, rewind_item(replace(rewind, state=RewindState.OPEN)))

    def start_position(self, pipeline: str, wanted: str, generation: int = 1) -> str:
        pk, sk = keys.start_key(pipeline), keys.start_name(generation)
        self._put_once({"pk": {"S": pk}, "sk": {"S": sk}, "position": {"S": wanted}})
        item = self._get(pk, sk)
        return str(item["position"]["S"]) if item else wanted

    def mark(self, pipeline: str, name: str, text: str) -> None:
        item = {"pk": {"S": keys.marks_key(pipeline)}, "sk": {"S": name}, "body": {"S": text}}
        retried(lambda: self._client.put_item(TableName=self._table, Item=item), self._what("mark"))

    def marks(self, pipeline: str) -> dict[str, str]:
        items = self._query(keys.marks_key(pipeline), forward=True)
        return {item["sk"]["S"]: item["body"]["S"] for item in items}

    def beat(self, chain: Chain, beat: Beat) -> None:
        item = beat_item(chain, beat)
        retried(lambda: self._client.put_item(TableName=self._table, Item=item), self._what("beat"))

    def last_beat(self, chain: Chain) -> Beat:
        item = self._get(keys.beat_key(chain), "beat")
        return read_beat(item) if item else Beat()

    def _transact(self, items: list[Any], token: str) -> None:
        self._client.transact_write_items(TransactItems=items, ClientRequestToken=token)

    def _put(self, item: dict[str, Any]) -> dict[str, Any]:
        return {
            "Put": {
                "TableName": self._table,
                "Item": item,
                "ConditionExpression": "attribute_not_exists(pk)",
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        }

    def _delete(self, pk: str, sk: str) -> dict[str, Any]:
        return {"Delete": {"TableName": self._table, "Key": {"pk": {"S": pk}, "sk": {"S": sk}}}}

    def _raise_copy(self, rewind: Rewind, copy: int) -> dict[str, Any]:
        place = {"pk": {"S": keys.generation_key(rewind.pipeline)}, "sk": {"S": f"{copy:02d}"}}
        return {
            "Put": {
                "TableName": self._table,
                "Item": {**place, "generation": {"N": str(rewind.generation)}},
                "ConditionExpression": "generation = :ours",
                "ExpressionAttributeValues": {":ours": {"N": str(rewind.previous)}},
            }
        }

    def _generation_check(self, pipeline: str, generation: int, engine_id: str) -> dict[str, Any]:
        copy = zlib.crc32(engine_id.encode()) % keys.GENERATION_COPIES
        return {
            "ConditionCheck": {
                "TableName": self._table,
                "Key": {"pk": {"S": keys.generation_key(pipeline)}, "sk": {"S": f"{copy:02d}"}},
                "ConditionExpression": "generation = :ours",
                "ExpressionAttributeValues": {":ours": {"N": str(generation)}},
            }
        }

    def _judge(self, error: ClientError, links: Sequence[Link]) -> Committed | Fenced:
        """What stood in the way of a cancelled transaction: our own earlier attempt, other links, or the generation."""
        reasons: Sequence[Mapping[str, Any]] = error.response.get("CancellationReasons", ())
        if len(reasons) > len(links) and reasons[len(links)].get("Code") == _CONDITION_FAILED:
            raise GenerationRaisedError(
                f"pipeline {links[0].chain.pipeline}: the generation that this began in was superseded by a rewind"
            ) from error
        standing = self._standing(links)
        foreign = {shard: link for shard, link in standing.items() if link.attempt_id != links[0].attempt_id}
        if foreign:
            return Fenced(foreign)
        if standing:
            return Committed()
        raise TerminalError(f"{self._what('append')}: refused: {[reason.get('Code') for reason in reasons]}") from error

    def _standing(self, links: Sequence[Link]) -> dict[str, Link]:
        found = {link.chain.shard_id: self.link_at(link.chain, link.start) for link in links}
        return {shard: link for shard, link in found.items() if link is not None}

    def _put_once(self, item: dict[str, Any]) -> None:
        self._put_if({"Item": item, "ConditionExpression": "attribute_not_exists(pk)"})

    def _replace(self, standing: Mapping[str, Any], item: dict[str, Any]) -> None:
        """Compares the text that was read, since another version may have written it in another way."""
        self._put_if(
            {
                "Item": {**standing, **item},
                "ConditionExpression": "#body = :standing",
                "ExpressionAttributeNames": {"#body": "body"},
                "ExpressionAttributeValues": {":standing": standing["body"]},
            }
        )

    def _put_if(self, request: dict[str, Any]) -> None:
        """Writes, or does not where the condition fails: which of both, the caller reads."""
        try:
            retried(
                lambda: self._client.put_item(TableName=self._table, **request),
                self._what("write"),
                retry=lambda error: passes_by_itself(error) and error_code(error) != "ConditionalCheckFailedException",
            )
        except ClientError as error:
            if error_code(error) != "ConditionalCheckFailedException":
                raise

    def _get(self, pk: str, sk: str) -> Mapping[str, Any] | None:
        key = {"pk": {"S": pk}, "sk": {"S": sk}}
        answer = retried(
            lambda: self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True), self._what("read")
        )
        return answer.get("Item")

    def _query(self, pk: str, *, forward: bool, at_least: str = "") -> Iterator[Mapping[str, Any]]:
        request: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :pk AND sk >= :sk" if at_least else "pk = :pk",
            "ExpressionAttributeValues": {":pk": {"S": pk}} | ({":sk": {"S": at_least}} if at_least else {}),
            "ConsistentRead": True,
            "ScanIndexForward": forward,
            "Limit": 50,
        }
        while True:
            page = retried(lambda: self._client.query(**request), self._what("query"))
            yield from page["Items"]
            if "LastEvaluatedKey" not in page:
                return
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def _what(self, call: str) -> str:
        return f"commit log, table {self._table}, {call}"


def _cancelled_in_passing(error: BaseException) -> bool:
    """Only ConditionalCheckFailed fences, and only a malformed item is hopeless; other cancellations pass."""
    if error_code(error) != _CANCELLED or not isinstance(error, ClientError):
        return passes_by_itself(error)
    reasons: Sequence[Mapping[str, Any]] = error.response.get("CancellationReasons", ())
    return not any(reason.get("Code") in _FINAL_REASONS for reason in reasons)
