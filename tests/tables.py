"""Tables as the template has them, for tests over moto and MiniStack."""

from __future__ import annotations

from typing import Any

from hunar.tables import INDEXES, Table


def create_tables(client: Any, prefix: str = "test") -> dict[Table, str]:
    """Create every table with its indexes. Returns their names."""
    names = {table: f"{prefix}-{table.value}" for table in Table}
    for table, name in names.items():
        indexes = INDEXES.get(table, ())
        texts = ["pk", "sk", *(f"{index}_{part}" for index in indexes for part in ("pk", "sk"))]
        extra = {
            "GlobalSecondaryIndexes": [
                {
                    "IndexName": index,
                    "KeySchema": _keys(f"{index}_pk", f"{index}_sk"),
                    "Projection": {"ProjectionType": "KEYS_ONLY"},
                }
                for index in indexes
            ]
        }
        client.create_table(
            TableName=name,
            KeySchema=_keys("pk", "sk"),
            AttributeDefinitions=[{"AttributeName": text, "AttributeType": "S"} for text in texts],
            BillingMode="PAY_PER_REQUEST",
            **(extra if indexes else {}),
        )
    return names


def _keys(partition: str, sort: str) -> list[dict[str, str]]:
    return [{"AttributeName": partition, "KeyType": "HASH"}, {"AttributeName": sort, "KeyType": "RANGE"}]
