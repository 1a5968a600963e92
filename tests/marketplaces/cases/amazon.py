"""Amazon: notifications on a queue of ours, where only Amazon can send, and the Selling Partner API."""

from __future__ import annotations

from collections.abc import Mapping

from hunar.domain.channel import BadAnswer, Call, Offer
from hunar.domain.reading import Finding, Reading
from hunar.marketplaces import amazon, amazon_api
from hunar.marketplaces.body import written
from tests.amazon_samples import ACCOUNT, NOTIFICATIONS, ORDERS, in_india, order, published
from tests.marketplaces.case import Api, Case, Sample, fields_of

ORDER = order()
ISSUES = [{"code": "90000", "message": "The listing is closed", "severity": "ERROR"}]


class Answer:
    """An answer to the question for one order, taken apart and read."""

    def __init__(self, name: str) -> None:
        order_id = published(name).get("order", {}).get("orderId", "none")
        self._asked = amazon_api.fetch(ACCOUNT, order_id)

    def __call__(self, raw: bytes, account: str) -> Reading:
        try:
            [part] = amazon_api.answered(self._asked, raw).parts
        except BadAnswer as error:
            return Reading(None, None, "UNREADABLE", findings=(Finding("UNREADABLE", "answer", str(error)),))
        return amazon_api.read_answer(part.body, account)


def page(call: Call, following: str | None) -> bytes:
    return written({"orders": [ORDER], "pagination": {"nextToken": following}}).encode()


def posted(call: Call, taken: Mapping[str, bool]) -> bytes:
    # One call is one listing: an answer that leaves it out is about another.
    [(listing, ok)] = taken.items() or [("ANOTHER", True)]
    said = {"sku": listing, "submissionId": "1", "status": "ACCEPTED" if ok else "INVALID"}
    return written(said | {"issues": [] if ok else ISSUES}).encode()


def shown(call: Call, units: Mapping[str, int]) -> bytes:
    [(listing, number)] = units.items()
    ours = {"fulfillmentChannelCode": "DEFAULT", "quantity": number}
    return written({"sku": listing, "fulfillmentAvailability": [ours]}).encode()


VERDICTS = {name: "APPLIED" if name == "order_change" else "NOTED" for name in NOTIFICATIONS}

CASE = Case(
    name="amazon",
    module=amazon,
    samples={
        name: Sample(in_india(published(name)), amazon.read, verdict, amazon.seller)
        for name, verdict in VERDICTS.items()
    }
    | {name: Sample(in_india(published(name)), Answer(name)) for name in ORDERS}
    # The answer of an older version, which is not asked.
    | {"get_order_items_v0": Sample(published("get_order_items_v0"), Answer("get_order_items_v0"), "UNREADABLE")},
    fields=fields_of("amazon", "samples"),
    hers=frozenset({"buyer", "recipient", "tax", "packing", "DestinationPostalCode", "ChangeReason"}),
    units=frozenset({"Quantity", "quantityOrdered"}),
    prices=("product.price.unitPrice.amount",),
    api=Api(
        channel=amazon_api,
        account=ACCOUNT,
        order_id=ORDER["orderId"],
        order=written({"order": ORDER}).encode(),
        page=page,
        offers=[Offer("KLU-CAP", 4, product_type="HAT"), Offer("KLU-SHAWL-W", 2, product_type="SCARF")],
        nameless=Offer("KLU-CAP", 4),
        posted=posted,
        shown=shown,
    ),
)
