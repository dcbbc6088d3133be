"""An in-memory DynamoDB at the level of boto3's client: conditions, transactions, request tokens, sizes."""

from __future__ import annotations

from typing import Any

import msgspec

from tests.fakes.steps import Steps, client_error

Key = tuple[str, str]
MAX_ITEM_BYTES = 400 * 1024
MAX_TRANSACTION_BYTES = 4 * 1024 * 1024


class MemoryDynamo:
    """Shared state of one table; give each process its own `as_seen_by` client."""

    def __init__(self) -> None:
        self.items: dict[Key, dict[str, Any]] = {}
        self.tokens: dict[str, bytes] = {}

    def as_seen_by(self, steps: Steps) -> DynamoClient:
        return DynamoClient(self, steps)


class DynamoClient:
    def __init__(self, table: MemoryDynamo, steps: Steps) -> None:
        self._table = table
        self._steps = steps

    def get_item(self, *, Key: dict[str, Any], **_: Any) -> dict[str, Any]:  # noqa: N803 - boto3's names
        def effect() -> dict[str, Any]:
            item = self._table.items.get(_key(Key))
            return {"Item": item} if item else {}

        return self._steps.run("GetItem", effect)

    def put_item(self, *, Item: dict[str, Any], ConditionExpression: str = "", **more: Any) -> dict[str, Any]:  # noqa: N803
        def effect() -> dict[str, Any]:
            standing = self._table.items.get(_key(Item))
            if ConditionExpression and not _holds(standing, more.get("ExpressionAttributeValues")):
                raise client_error("ConditionalCheckFailedException", "PutItem")
            if _size(Item) > MAX_ITEM_BYTES:
                raise client_error("ValidationException", "PutItem")
            self._table.items[_key(Item)] = Item
            return {}

        return self._steps.run("PutItem", effect)

    def query(
        self, *, ExpressionAttributeValues: dict[str, Any], ScanIndexForward: bool, Limit: int, **more: Any  # noqa: N803
    ) -> dict[str, Any]:  # fmt: skip
        def effect() -> dict[str, Any]:
            pk = ExpressionAttributeValues[":pk"]["S"]
            least = ExpressionAttributeValues.get(":sk", {"S": ""})["S"]
            found = sorted(key for key in self._table.items if key[0] == pk and key[1] >= least)
            ordered = found if ScanIndexForward else found[::-1]
            begin = ordered.index(_key(more["ExclusiveStartKey"])) + 1 if "ExclusiveStartKey" in more else 0
            page = [self._table.items[key] for key in ordered[begin : begin + Limit]]
            last = {name: page[-1][name] for name in ("pk", "sk")} if page else {}
            return {"Items": page, **({"LastEvaluatedKey": last} if len(page) == Limit else {})}

        return self._steps.run("Query", effect)

    def transact_write_items(self, *, TransactItems: list[Any], ClientRequestToken: str) -> dict[str, Any]:  # noqa: N803
        return self._steps.run("TransactWriteItems", lambda: self._transact(TransactItems, ClientRequestToken))

    def _transact(self, items: list[Any], token: str) -> dict[str, Any]:
        digest = msgspec.json.encode(items)
        if token in self._table.tokens:
            if self._table.tokens[token] != digest:
                raise client_error("IdempotentParameterMismatchException", "TransactWriteItems")
            return {}
        if sum(_size(item["Put"]["Item"]) for item in items if "Put" in item) > MAX_TRANSACTION_BYTES:
            raise client_error("ValidationException", "TransactWriteItems")
        reasons = [self._reason(item) for item in items]
        if any(reason["Code"] != "None" for reason in reasons):
            raise client_error("TransactionCanceledException", "TransactWriteItems", CancellationReasons=reasons)
        for item in items:
            if "Put" in item:
                self._table.items[_key(item["Put"]["Item"])] = item["Put"]["Item"]
            if "Delete" in item:
                self._table.items.pop(_key(item["Delete"]["Key"]), None)
        self._table.tokens[token] = digest
        return {}

    def _reason(self, item: dict[str, Any]) -> dict[str, Any]:
        if "Put" in item and _size(item["Put"]["Item"]) > MAX_ITEM_BYTES:
            return {"Code": "ValidationError", "Message": "Item size has exceeded the maximum allowed size"}
        if "Delete" in item:
            return {"Code": "None"}
        check = item.get("ConditionCheck") or item["Put"]
        place = _key(check["Key"] if "ConditionCheck" in item else check["Item"])
        if "ExpressionAttributeValues" in check:
            standing = self._table.items.get(place, {})
            met = standing.get("generation") == check["ExpressionAttributeValues"][":ours"]
        else:
            met = "ConditionExpression" not in check or place not in self._table.items
        return {"Code": "None" if met else "ConditionalCheckFailed"}


def _holds(standing: dict[str, Any] | None, values: dict[str, Any] | None) -> bool:
    """The two conditions that the log uses: no item stands there, or one with this body."""
    return standing is None if values is None else standing is not None and standing["body"] in values.values()


def _size(item: dict[str, Any]) -> int:
    """Names and values in UTF-8, as DynamoDB counts an item of texts and numbers."""
    return sum(len(name.encode()) + len(text.encode()) for name, value in item.items() for text in value.values())


def _key(item: dict[str, Any]) -> Key:
    return item["pk"]["S"], item["sk"]["S"]
