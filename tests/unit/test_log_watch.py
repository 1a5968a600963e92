"""The watches over every log line, message, exception and text of the suite see what they are there for."""

from __future__ import annotations

import logging

import pytest

from hunar import tables
from hunar.adapters.memory import MemoryQueues, MemoryStore
from hunar.domain.beneficiary import Details
from hunar.ports import Put, QueueName
from tests import secret_watch
from tests.conftest import _NUMBER_OR_TEXT


@pytest.mark.parametrize(
    "line",
    ['{"to": "+919999900011"}', "9999900011", "919999900011", "तैयार करें", r"\u0924\u0948", "தயார்", "تیار"],
)
def test_a_number_or_a_text_is_seen(line: str) -> None:
    assert _NUMBER_OR_TEXT.search(line)


@pytest.mark.parametrize(
    "line",
    ["+91******11", "template 1107000000000000101", '{"timestamp": "2026-11-25T04:00:00Z"}', "flipkart:demo:S1 G11"],
)
def test_what_may_be_said_is_not_taken_for_one(line: str) -> None:
    assert _NUMBER_OR_TEXT.search(line) is None


PAYEE = Details("JAI MAA", "00004711000177", "SBIN0001234", "SAVINGS", "AABAS1234C", "27AABAS1234C1Z5")


@pytest.mark.parametrize("secret", [PAYEE.account, PAYEE.pan, PAYEE.gstin])
@pytest.mark.parametrize("where", ["log", "queue", "exception", "text"])
def test_i26_a_bank_account_or_a_pan_is_seen_wherever_it_is_said(where: str, secret: str) -> None:
    secret_watch.typed(PAYEE)
    said = f"the account {secret} of G03"
    match where:
        case "log":
            record = logging.LogRecord("x", logging.INFO, "x", 1, said, None, None)
            logging.NullHandler().format(record)
        case "queue":
            MemoryQueues().send(QueueName.PAYOUT_BATCHES, [said])
        case "exception":
            MemoryStore().commit([Put(tables.exception("x"), {"message": said})])
        case "text":
            MemoryStore().commit([Put(tables.notification("x"), {"text": said})])
    assert len(secret_watch.found) == 1
    assert secret not in secret_watch.found[0]
    secret_watch.begin()


def test_i26_what_may_be_said_of_an_account_is_not_taken_for_it() -> None:
    secret_watch.typed(PAYEE)
    MemoryQueues().send(QueueName.PAYOUT_BATCHES, [f"XXXX{PAYEE.account[-4:]} of {PAYEE.ifsc}, 0000471100017, 1234"])
    MemoryStore().commit([Put(tables.beneficiary("G03"), {"account": PAYEE.account})])
    assert not secret_watch.found
