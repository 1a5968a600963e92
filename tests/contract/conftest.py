"""The same suites run over the in-memory parts, and over DynamoDB and SQS as moto and MiniStack serve them.

``make test`` runs them on ``memory`` and ``moto``, ``make contract`` on ``ministack``, which it starts.
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from hunar.adapters.dynamodb.store import DynamoDBStore
from hunar.adapters.failed_relays import S3FailedRelays
from hunar.adapters.memory import MemoryFailedRelays, MemoryQueues, MemoryStore
from hunar.adapters.sqs import SqsQueues
from hunar.ports import QueueName, Store
from local.stack import Stack
from tests.contract.bucket import OWES, OWES_TYPED, SILENT, SILENT_TYPED, TestedBucket, record
from tests.contract.queue import TestedQueue
from tests.tables import create_tables

ROOT = Path(__file__).parents[2]
THREADS = 8

SERVED_BY = os.environ.get("HUNAR_CONTRACT", "memory moto").split()
# moto keeps its tables in our process without a lock and oversells under threads: it proves nothing about a race.
IN_A_RACE = [name for name in SERVED_BY if name != "moto"]

_numbers = itertools.count()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    served = {"store": SERVED_BY, "tested_queue": SERVED_BY, "tested_bucket": SERVED_BY, "raced_store": IN_A_RACE}
    for fixture, parameters in served.items():
        if fixture in metafunc.fixturenames:
            metafunc.parametrize(fixture, parameters, indirect=True)


@pytest.fixture
def moto() -> Iterator[None]:
    with mock_aws():
        yield


@pytest.fixture(scope="session")
def ministack() -> Iterator[Stack]:
    """MiniStack on a free port, with nothing deployed. It is stopped by its own process id."""
    with Stack(ROOT, say=print, sms_url="", public_url="") as stack:
        stack.start()
        yield stack


@pytest.fixture
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    if request.param == "memory":
        yield MemoryStore()
        return
    with closing(_client(request, "dynamodb")) as client:
        yield DynamoDBStore(client, create_tables(client, f"test-{next(_numbers)}"))


@pytest.fixture
def raced_store(request: pytest.FixtureRequest) -> Iterator[Store]:
    """A store that several threads may use at once."""
    if request.param == "memory":
        # Or one thread would finish before Python gave the next one its turn.
        yield MemoryStore(turn=lambda moment: time.sleep(0.0002))
        return
    with closing(_client(request, "dynamodb", max_pool_connections=THREADS)) as client:
        yield DynamoDBStore(client, create_tables(client, f"test-{next(_numbers)}"))


@pytest.fixture
def tested_queue(request: pytest.FixtureRequest) -> Iterator[TestedQueue]:
    if request.param == "memory":
        queues = MemoryQueues()
        yield TestedQueue(queues, lambda: [body for body, _ in queues.taken(QueueName.PAYOUTS)])
        return
    with closing(_client(request, "sqs")) as client:
        url = client.create_queue(QueueName=f"payouts-{next(_numbers)}")["QueueUrl"]

        def taken() -> list[str]:
            bodies: list[str] = []
            while messages := client.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
                bodies += [message["Body"] for message in messages]
            return bodies

        yield TestedQueue(SqsQueues(client, {QueueName.PAYOUTS: url}), taken)


@pytest.fixture
def tested_bucket(request: pytest.FixtureRequest) -> Iterator[TestedBucket]:
    if request.param == "memory":
        memory = MemoryFailedRelays()
        yield TestedBucket(memory, lambda key: memory.objects.update({key: [OWES, SILENT]}))
        return
    with closing(_client(request, "s3")) as client:
        name = f"failed-relays-{next(_numbers)}"
        client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "ap-south-1"})
        written = record({"NewImage": OWES_TYPED}, {"NewImage": SILENT_TYPED}, {"Keys": {}})
        yield TestedBucket(
            S3FailedRelays(client, name), lambda key: client.put_object(Bucket=name, Key=key, Body=written)
        )


def _client(request: pytest.FixtureRequest, service: str, **config: Any) -> Any:
    served = request.getfixturevalue(request.param)
    if isinstance(served, Stack):
        return served.client(service, **config)
    make: Any = boto3.client
    return make(service)
