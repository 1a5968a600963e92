"""Queues take every body or raise."""

from __future__ import annotations

import boto3
import pytest
from botocore.stub import ANY, Stubber

from hunar.adapters.sqs import SqsQueues
from hunar.ports import QueueName, Retryable
from tests.contract.queue import TestedQueue


def test_every_body_arrives_once_whatever_their_number(tested_queue: TestedQueue) -> None:
    sent = [f'{{"n":{number}}}' for number in range(23)]
    tested_queue.queues.send(QueueName.PAYOUTS, sent)
    tested_queue.queues.send(QueueName.PAYOUTS, ['{"n":"one"}'])
    assert sorted(tested_queue.taken()) == sorted([*sent, '{"n":"one"}'])


def test_bodies_that_are_too_much_for_one_call_are_spread(tested_queue: TestedQueue) -> None:
    sent = [f"{number}{'x' * 240_000}" for number in range(5)]
    tested_queue.queues.send(QueueName.PAYOUTS, sent)
    assert sorted(tested_queue.taken()) == sorted(sent)


def test_an_answer_of_200_with_failed_entries_is_a_failure(moto: None) -> None:
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
