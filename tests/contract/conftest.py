"""The same suites run over the in-memory parts and over DynamoDB and SQS as moto serves them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from hunar.adapters.dynamodb.store import DynamoDBStore
from hunar.adapters.memory import MemoryStore
from hunar.ports import Store
from tests.tables import create_tables


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "ap-south-1",
        "AWS_ACCOUNT_ID_ENDPOINT_MODE": "disabled",
    }.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        yield


@pytest.fixture(params=["memory", "dynamodb"])
def store(request: pytest.FixtureRequest) -> Any:
    if request.param == "memory":
        return MemoryStore()
    request.getfixturevalue("aws")
    client = boto3.client("dynamodb")
    made: Store = DynamoDBStore(client, create_tables(client))
    return made
