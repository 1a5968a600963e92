"""Queues take every body or raise."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.stub import ANY, Stubber

from hunar.adapters.memory import MemoryQueues
from hunar.adapters.sqs import SqsQueues
from hunar.ports import QueueName, Queues, Retryable


class _Both:
    def __init__(self, queues: Any, client: Any = None) -> None:
        self.queues: Queues = queues
        self._client = client

    def taken(self) -> list[str]:
        if isinstance(self.queues, MemoryQueues):
            return [body for body, _ in self.queues.taken(QueueName.PAYOUTS)]
        url = self._client.get_queue_url(QueueName="payouts")["QueueUrl"]
        bodies: list[str] = []
        while messages := self._client.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            bodies += [message["Body"] for message in messages]
        return bodies


@pytest.fixture(params=["memory", "sqs"])
def both(request: pytest.FixtureRequest) -> _Both:
    if request.param == "memory":
        return _Both(MemoryQueues())
    request.getfixturevalue("aws")
    client = boto3.client("sqs")
    url = client.create_queue(QueueName="payouts")["QueueUrl"]
    return _Both(SqsQueues(client, {QueueName.PAYOUTS: url}), client)


def test_every_body_arrives_once_whatever_their_number(both: _Both) -> None:
    sent = [f'{{"n":{number}}}' for number in range(23)]
    both.queues.send(QueueName.PAYOUTS, sent)
    both.queues.send(QueueName.PAYOUTS, ['{"n":"one"}'])
    assert sorted(both.taken()) == sorted([*sent, '{"n":"one"}'])


def test_bodies_that_are_too_much_for_one_call_are_spread(both: _Both) -> None:
    sent = [f"{number}{'x' * 240_000}" for number in range(5)]
    both.queues.send(QueueName.PAYOUTS, sent)
    assert sorted(both.taken()) == sorted(sent)


def test_an_answer_of_200_with_failed_entries_is_a_failure(aws: None) -> None:
    client = boto3.client("sqs")
    queues = SqsQueues(client, {QueueName.PAYOUTS: "https://sqs.ap-south-1.amazonaws.com/1/payouts"})
    with Stubber(client) as stub:
        stub.add_response(
            "send_message_batch",
            {
                "Successful": [{"Id": "0", "MessageId": "m", "MD5OfMessageBody": "d"}],
                "Failed": [{"Id": "1", "SenderFault": False, "Code": "InternalError"}],
            },
            {"QueueUrl": ANY, "Entries": ANY},
        )
        with pytest.raises(Retryable, match="1 of 2"):
            queues.send(QueueName.PAYOUTS, ["{}", "{}"])
