"""Flipkart: webhooks whose body nobody signed, and the Seller API."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from hunar.domain.channel import Call, Offer
from hunar.marketplaces import flipkart, flipkart_api
from hunar.marketplaces.body import written
from hunar.ports import WebhookSecret
from tests.flipkart_answers import ACCOUNT, item, returned, shipment
from tests.flipkart_samples import EVENTS, published
from tests.marketplaces.case import Api, Case, Door, Sample, fields_of

ANSWERS = {
    "shipment": {"shipment": shipment(item(status="RETURNED"))},
    "return": {"return": returned(status="RETURN_PICKED_UP")},
}


def page(call: Call, following: str | None) -> bytes:
    name, entries = ("nextUrl", "returnItems") if "returns" in call.path else ("nextPageUrl", "shipments")
    path = "/v2/returns" if "returns" in call.path else "/v3/shipments/filter"
    more = {"hasMore": following is not None, name: f"{path}?next_token={following}" if following else None}
    return written({entries: [returned() if "returns" in call.path else shipment()], **more}).encode()


def posted(call: Call, taken: Mapping[str, bool]) -> bytes:
    errors = [{"severity": "ERROR", "code": 1, "description": "Listing is archived", "path": ""}]
    return written(
        {
            name: {"status": "SUCCESS" if ok else "FAILURE", "errors": [] if ok else errors, "attribute_errors": []}
            for name, ok in taken.items()
        }
    ).encode()


def shown(call: Call, units: Mapping[str, int]) -> bytes:
    place = {"id": ACCOUNT.location_id, "status": "ENABLED"}
    available = {name: {"locations": [place | {"inventory": number}]} for name, number in units.items()}
    return written({"available": available, "unavailable": [], "invalid": []}).encode()


CASE = Case(
    name="flipkart",
    module=flipkart,
    samples={event: Sample(published(event), flipkart.read) for event in EVENTS}
    | {name: Sample(answer, flipkart.read_answer) for name, answer in ANSWERS.items()},
    fields=fields_of("flipkart", "events", "answers"),
    hers=frozenset({"comments"}),
    units=frozenset({"quantity", "holdQuantity"}),
    prices=("sellingPrice",),
    door=Door(
        secret=WebhookSecret("app", "current", "previous", "https://hunar.example/webhooks/flipkart/demo"),
        other="another",
        past=timedelta(minutes=15),
        ahead=timedelta(minutes=5),
    ),
    api=Api(
        channel=flipkart_api,
        account=ACCOUNT,
        order_id="S1",
        order=written({"shipments": [shipment()]}).encode(),
        page=page,
        offers=[Offer(f"CAP-{number}", number, product_id="FSN1") for number in range(11)],
        nameless=Offer("CAP", 1),
        posted=posted,
        shown=shown,
    ),
)
