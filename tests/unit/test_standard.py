"""Standard Webhooks: the published vector, what strangers put into the headers, and what our own events state."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from hunar.domain.facts import (
    Cancelled,
    Held,
    Placed,
    Released,
    ReturnRequested,
    ReturnStep,
    Step,
)
from hunar.domain.proof import Proof
from hunar.domain.reading import Reading
from hunar.marketplaces.standard import KEPT, prove, read, read_answer, sign
from hunar.ports import WebhookSecret

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "tests" / "samples" / "standard"
VECTOR = json.loads((ROOT / "tests/samples/standardwebhooks/signature_vector.json").read_text())
NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
BODY = (SAMPLES / "order_created.json").read_bytes()


def secret(fill: bytes, previous: str | None = None) -> WebhookSecret:
    return WebhookSecret("", "whsec_" + base64.b64encode(fill * 24).decode(), previous, "")


SECRET = secret(b"a")


def proof(headers: dict[str, str], raw: bytes = BODY, key: WebhookSecret = SECRET, now: datetime = NOW) -> Proof:
    return prove(headers, raw, key, now)


def sample(event: str) -> dict[str, Any]:
    message: dict[str, Any] = json.loads((SAMPLES / f"{event}.json").read_text())
    return message


def reading(message: dict[str, Any]) -> Reading:
    return read(json.dumps(message).encode(), "shop")


def test_the_published_vector_is_proved() -> None:
    headers = {
        "webhook-id": VECTOR["webhook_id"],
        "webhook-timestamp": str(VECTOR["webhook_timestamp"]),
        "webhook-signature": VECTOR["webhook_signature"],
    }
    raw, key = VECTOR["payload"].encode(), WebhookSecret("", VECTOR["secret"], None, "")
    now = datetime.fromtimestamp(VECTOR["webhook_timestamp"], UTC)
    assert proof(headers, raw, key, now) is Proof.PROVED
    assert proof({name.title(): value for name, value in headers.items()}, raw, key, now) is Proof.PROVED
    assert proof(headers, raw + b" ", key, now) is Proof.FORGED
    assert proof(headers | {"webhook-id": "msg_2"}, raw, key, now) is Proof.FORGED


def test_one_of_several_signatures_may_be_ours() -> None:
    """A sender who changes its secret signs with both; one that moves to another scheme signs with both schemes."""
    mine, other = (sign(BODY, key, NOW) for key in (SECRET, secret(b"b")))
    several = f"{other['webhook-signature']} v1a,Zm9v {mine['webhook-signature']}"
    assert proof(mine | {"webhook-signature": several}) is Proof.PROVED
    assert proof(mine | {"webhook-signature": f"{other['webhook-signature']} v1a,Zm9v"}) is Proof.FORGED
    true = mine["webhook-signature"].removeprefix("v1,")
    assert proof(mine | {"webhook-signature": f"v1a,{true}"}) is Proof.FORGED


"""On some of them the published package raises an error that its caller does not expect."""


@pytest.mark.parametrize(
    "text",
    ["", "whsec_", "secret", "whsec_!!!", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS", "whsec_" + "YWFh" * 7, "whsec_é",
     "whsec_" + base64.b64encode(b"a" * 65).decode(), "WHSEC_" + base64.b64encode(b"a" * 24).decode()],
)  # fmt: skip
def test_a_secret_that_is_none_signs_nothing_and_proves_nothing(text: str) -> None:
    key = WebhookSecret("", text, None, "")
    with pytest.raises(ValueError, match="whsec_ and the base64 text of 24 to 64 bytes") as refused:
        sign(BODY, key, NOW)
    assert text not in str(refused.value) or text in ("", "whsec_", "secret")
    assert proof(sign(BODY, SECRET, NOW), key=key) is Proof.FORGED
    assert proof(sign(BODY, SECRET, NOW), key=replace(key, previous_secret=SECRET.secret)) is Proof.PROVED


# what the events state

AT = "2026-11-24T09:35:00Z"


def test_a_created_order_places_its_lines() -> None:
    found = read(BODY, "shop")
    assert (found.marketplace_id, found.event_type, found.verdict) == ("SHOP-1001", "order.created", "APPLIED")
    sold_at, ship_by = "2026-11-24T09:30:00Z", "2026-11-27T12:30:00Z"
    assert found.facts == (
        Placed("SHOP-1001/1", AT, "BGP-TSR-STOLE", 2, 149900, None, sold_at, ship_by),
        Placed("SHOP-1001/2", AT, "KLU-CAP", 1, 65000, None, sold_at, ship_by),
    )
    assert found.findings == ()


def test_the_other_events() -> None:
    stated = {event: reading(sample(event)).facts for event in (path.stem for path in SAMPLES.glob("*.json"))}
    one, two = "SHOP-1001/1", "SHOP-1001/2"
    assert stated["order_held"] == (Held(one, "2026-11-24T09:40:00Z", 1),)
    assert stated["order_released"] == (Released("2026-11-24T09:50:00Z"),)
    assert stated["order_cancelled"] == (Cancelled(one, "2026-11-24T10:00:00Z", 1, "buyer_changed_mind", ""),)
    steps = {"packed": "09:30", "ready": "09:40", "picked_up": "10:00", "shipped": "10:10"}
    for step, time in steps.items():
        assert stated[f"order_{step}"] == (Step(step, f"2026-11-25T{time}:00Z"),)
    assert stated["order_delivered"] == (Step("delivered", "2026-11-28T09:30:00Z"),)
    requested = ReturnRequested("RET-7", two, "2026-11-29T09:30:00Z", "customer", 1, "SHOP-1001", "torn", "")
    assert stated["return_created"] == (requested,)
    assert stated["return_picked_up"] == (ReturnStep("RET-7", two, "2026-11-29T10:00:00Z", "picked_up"),)
    assert stated["return_received"] == (ReturnStep("RET-7", two, "2026-11-30T09:30:00Z", "received"),)
    assert stated["return_cancelled"] == (ReturnStep("RET-7", two, "2026-11-29T09:40:00Z", "cancelled"),)


def test_a_hold_without_lines_is_of_the_whole_order_and_one_with_wrong_lines_is_none() -> None:
    held = sample("order_held")
    del held["data"]["lines"]
    assert reading(held).facts == (Held(None, "2026-11-24T09:40:00Z", None),)
    for lines in (None, [], "1"):
        held["data"]["lines"] = lines
        [finding] = reading(held).findings
        assert (reading(held).facts, finding.field) == ((), "data.lines")
    created = sample("order_created")
    created["data"]["on_hold"] = True
    assert Held(None, AT, None) in reading(created).facts


@pytest.mark.parametrize(
    ("price", "problem"),
    [
        (None, "is missing or 0"),
        (0, "is missing or 0"),
        ("1,499", "'1,499' is not a whole number"),
        (1499.5, "1499.5 is not a whole number"),
        (True, "true is not a whole number"),
        (-1, "-1 is not an amount"),
        (10**10, "10000000000 is not an amount"),
    ],
)
def test_a_price_that_is_unclear_leaves_the_line_placed_without_a_price(price: Any, problem: str) -> None:
    message = sample("order_created")
    message["data"]["lines"] = [message["data"]["lines"][0] | {"unit_price_paise": price}]
    [placed] = reading(message).facts
    assert isinstance(placed, Placed)
    assert placed.unit_price_paise is None
    assert problem in (placed.price_problem or "")


def test_a_deadline_may_be_missing_and_one_that_is_unreadable_does_not_lose_the_order() -> None:
    message = sample("order_created")
    message["data"]["ship_by"] = "soon"
    found = reading(message)
    assert len(found.facts) == 2
    assert [finding.field for finding in found.findings] == ["data.ship_by"]
    del message["data"]["ship_by"]
    assert reading(message).findings == ()
    assert all(fact.ship_by is None for fact in reading(message).facts if isinstance(fact, Placed))


def test_two_lines_under_one_id_are_shown_and_the_first_stands() -> None:
    message = sample("order_created")
    first = message["data"]["lines"][0]
    message["data"]["lines"] = [first, first, first | {"quantity": 3}]
    found = reading(message)
    assert [fact.quantity for fact in found.facts if isinstance(fact, Placed)] == [2]
    assert [(finding.kind, finding.field) for finding in found.findings] == [("BAD_LINE", "data.lines[2].line_id")]


def test_a_sentence_is_no_reason_and_is_not_stored() -> None:
    for event in ("order_cancelled", "return_created"):
        message = sample(event)
        message["data"]["lines"][0]["reason"] = "Call Asha at +919999900011"
        found = reading(message)
        assert [getattr(fact, "reason", None) for fact in found.facts] == [""]
        assert "Asha" not in (found.redacted or "")


def test_a_source_that_nobody_knows_is_applied_and_shown() -> None:
    message = sample("return_created")
    message["data"]["source"] = "drone"
    found = reading(message)
    assert [getattr(fact, "source", None) for fact in found.facts] == [""]
    assert [(finding.kind, finding.field) for finding in found.findings] == [("UNKNOWN_EVENT", "data.source")]


def test_an_answer_of_an_api_is_never_read() -> None:
    found = read_answer(BODY, "shop")
    assert (found.verdict, found.facts, found.redacted) == ("UNREADABLE", (), None)


def test_the_document_shows_the_samples_and_names_every_event() -> None:
    text = (ROOT / "docs" / "standard-webhook.md").read_text()
    blocks = re.findall(r"^```json\n(.*?)^```", text, re.M | re.S)
    assert blocks == [(SAMPLES / f"{event}.json").read_text() for event in
                      ("order_created", "order_cancelled", "return_created")]  # fmt: skip
    assert all(f"`{event}`" in text for event in KEPT)
