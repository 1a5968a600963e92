"""The store over DynamoDB: BatchGetItem, PutItem, DeleteItem, TransactWriteItems and Query, nothing else.

Only the command line scans; no function may.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from boto3.dynamodb.types import TypeSerializer
from botocore.exceptions import BotoCoreError, ClientError

from hunar.adapters.dynamodb.values import plain
from hunar.ports import ABSENT, ANY, Conflict, Page, Put, Rejected, Retryable
from hunar.tables import Item, Key, Table

_WRITE: Final = TypeSerializer()
_BATCH: Final = 100
_TRIES: Final = 5
"""BatchGetItem may leave keys unprocessed; the queue retries what five answers did not bring."""

_SOMEBODY_ELSE: Final = {"ConditionalCheckFailed", "TransactionConflict", "DuplicateItem"}


class DynamoDBStore:
    """``client`` is a DynamoDB client, ``tables`` the deployed name of each table."""

    def __init__(self, client: Any, tables: Mapping[Table, str]) -> None:
        self._client = client
        self._tables = tables

    def read(self, keys: Iterable[Key]) -> dict[Key, Item]:
        wanted = list(dict.fromkeys(keys))
        found: dict[Key, Item] = {}
        for start in range(0, len(wanted), _BATCH):
            found |= self._read_batch(wanted[start : start + _BATCH])
        return found

    def commit(self, puts: Sequence[Put]) -> None:
        if not puts:
            return
        if len(puts) == 1:
            self._call("delete_item" if puts[0].item is None else "put_item", **self._request(puts[0]))
        else:
            items = [{"Delete" if put.item is None else "Put": self._request(put)} for put in puts]
            self._call("transact_write_items", TransactItems=items)

    def page(
        self,
        table: Table,
        partition: str,
        *,
        index: str | None = None,
        prefix: str = "",
        up_to: str | None = None,
        limit: int = 100,
        after: str | None = None,
        newest_first: bool = False,
    ) -> Page:
        if prefix and up_to is not None:
            raise ValueError("prefix and up_to: DynamoDB takes one condition on a sort key")
        bound = prefix or up_to
        pk, sk = ("pk", "sk") if index is None else (f"{index}_pk", f"{index}_sk")
        request: dict[str, Any] = {
            "TableName": self._tables[table],
            "KeyConditionExpression": "#pk = :pk"
            + (" AND begins_with(#sk, :sk)" if prefix else " AND #sk <= :sk" if bound else ""),
            "ExpressionAttributeNames": {"#pk": pk} | ({"#sk": sk} if bound else {}),
            "ExpressionAttributeValues": {":pk": {"S": partition}} | ({":sk": {"S": bound}} if bound else {}),
            "ScanIndexForward": not newest_first,
            "Limit": limit,
        }
        if index is None:
            request["ConsistentRead"] = True
        else:
            request["IndexName"] = index
        if after is not None:
            request["ExclusiveStartKey"] = _start_key(after, {"pk", "sk", pk, sk})
        answer = self._call("query", **request)
        last = answer.get("LastEvaluatedKey")
        token = _token(last) if last else None
        if index is None:
            return Page([_item(row) for row in answer["Items"]], token)
        # An index projects keys only, so that a change of an item that keeps its place costs no write there.
        keys = [Key(table, row["pk"]["S"], row["sk"]["S"]) for row in answer["Items"]]
        found = self.read(keys) if keys else {}
        return Page([found[key] for key in keys if key in found], token)

    def scan(self, table: Table) -> Iterator[tuple[Key, Item]]:
        request: dict[str, Any] = {"TableName": self._tables[table], "ConsistentRead": True}
        while True:
            answer = self._call("scan", **request)
            for row in answer["Items"]:
                yield Key(table, row["pk"]["S"], row["sk"]["S"]), _item(row)
            if not (last := answer.get("LastEvaluatedKey")):
                return
            request["ExclusiveStartKey"] = last

    def _read_batch(self, keys: Sequence[Key]) -> dict[Key, Item]:
        names = {self._tables[key.table]: key.table for key in keys}
        request: dict[str, Any] = {}
        for key in keys:
            entry = request.setdefault(self._tables[key.table], {"ConsistentRead": True, "Keys": []})
            entry["Keys"].append({"pk": {"S": key.pk}, "sk": {"S": key.sk}})
        found: dict[Key, Item] = {}
        for _ in range(_TRIES):
            answer = self._call("batch_get_item", RequestItems=request)
            for name, rows in answer["Responses"].items():
                found |= {Key(names[name], row["pk"]["S"], row["sk"]["S"]): _item(row) for row in rows}
            request = answer.get("UnprocessedKeys") or {}
            if not request:
                return found
        raise Retryable("DynamoDB left keys unprocessed")

    def _request(self, put: Put) -> dict[str, Any]:
        key = {"pk": {"S": put.key.pk}, "sk": {"S": put.key.sk}}
        request: dict[str, Any] = {"TableName": self._tables[put.key.table]}
        if put.item is None:
            request["Key"] = key
        else:
            request["Item"] = {name: _WRITE.serialize(value) for name, value in put.item.items()} | key
        if put.expect == ABSENT:
            request["ConditionExpression"] = "attribute_not_exists(pk)"
        elif put.expect != ANY:
            request["ConditionExpression"] = "#version = :version"
            request["ExpressionAttributeNames"] = {"#version": "version"}
            request["ExpressionAttributeValues"] = {":version": {"N": str(put.expect)}}
        return request

    def _call(self, operation: str, **request: Any) -> Any:
        try:
            return getattr(self._client, operation)(**request)
        except ClientError as error:
            raise _meaning(error, operation) from error
        except BotoCoreError as error:
            raise Retryable(f"DynamoDB {operation}: {type(error).__name__}") from error


def _meaning(error: ClientError, operation: str) -> Exception:
    code = error.response["Error"]["Code"]
    if code in ("ConditionalCheckFailedException", "TransactionConflictException", "TransactionInProgressException"):
        return Conflict(operation)
    if code == "TransactionCanceledException":
        reasons = {reason.get("Code", "None") for reason in error.response.get("CancellationReasons", [])} - {"None"}
        if reasons and reasons <= _SOMEBODY_ELSE:
            return Conflict(operation)
        code = f"{code} {sorted(reasons)}"
    if code == "ValidationException" and operation == "query":
        return Rejected("next: not a token of this list")
    return Retryable(f"DynamoDB {operation}: {code}")


def _item(row: Mapping[str, Any]) -> Item:
    return plain({name: value for name, value in row.items() if name not in ("pk", "sk")})


def _token(key: Mapping[str, Any]) -> str:
    plain = {name: value["S"] for name, value in key.items()}
    return base64.urlsafe_b64encode(json.dumps(plain, sort_keys=True).encode()).decode()


def _start_key(token: str, names: set[str]) -> dict[str, Any]:
    try:
        plain = json.loads(base64.b64decode(token.encode(), altchars=b"-_", validate=True))
        if set(plain) != names or not all(isinstance(value, str) for value in plain.values()):
            raise ValueError("other names")
        return {name: {"S": value} for name, value in plain.items()}
    except (ValueError, TypeError) as error:
        raise Rejected("next: not a token of this list") from error
