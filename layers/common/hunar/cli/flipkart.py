"""``hunar flipkart``: orders that nobody placed, from Flipkart's sandbox."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from hunar import tables
from hunar.cli.account import check_names
from hunar.cli.apis import Api
from hunar.cli.deployed import LOCAL, Deployed
from hunar.cli.output import Failed, Json, Stage, failures, print_json
from hunar.domain.channel import Call
from hunar.marketplaces import fields, flipkart_api
from hunar.marketplaces.body import Unreadable, read_object

application = typer.Typer(no_args_is_help=True, help="Flipkart's sandbox.")

FLIPKART = "flipkart"

Account = Annotated[
    str, typer.Argument(help="The account with the sandbox's own credentials, as in accounts.csv, e.g. sandbox.")
]
Listing = Annotated[str, typer.Argument(help="The listing's id at Flipkart's sandbox.")]
Quantity = Annotated[int, typer.Option("--quantity", min=1, max=fields.MOST_UNITS, help="Units.")]
Location = Annotated[str, typer.Option("--location", help="The place of dispatch; that of accounts.csv when left out.")]


@application.callback()
def sandbox() -> None:
    """Flipkart's sandbox."""


@application.command("test-order")
def test_order(
    account: Account,
    listing: Listing,
    quantity: Quantity = 1,
    location: Location = "",
    stage: Stage = LOCAL,
    as_json: Json = False,
) -> None:
    """Have Flipkart's sandbox make an order, and send what it sends of a real one."""
    with failures(as_json):
        check_names(FLIPKART, account)
        deployed = Deployed.find(stage)
        api = Api(deployed, FLIPKART, account, flipkart_api, sandbox=True)
        place = location or _location(deployed, account)
        body = {
            "shipmentType": "NORMAL",
            "locationId": place,
            "orderItems": [{"listingId": listing, "quantity": quantity}],
        }
        call = Call("createTestOrders", "POST", "/sellers/orders/sandbox/test_orders", json.dumps(body))
        try:
            answer = read_object(api.call(call))
        except Unreadable as error:
            raise Failed(f"flipkart answers createTestOrders oddly: it is {error}") from error
        order_id = fields.identity(answer.get("orderId"))
        if order_id is None:
            raise Failed("flipkart answers createTestOrders oddly: orderId is missing or not an id")
        if as_json:
            print_json({"order_id": order_id, "listing": listing, "quantity": quantity, "location_id": place})
            return
        typer.echo(f"Flipkart's sandbox made order {order_id}. Its shipment is announced in a moment.")


def _location(deployed: Deployed, account: str) -> str:
    key = tables.account(FLIPKART, account)
    place = deployed.store.read([key]).get(key, {}).get("location_id")
    if not place:
        raise Failed(f"location_id of flipkart/{account} is not in accounts.csv; add it, or give --location")
    return str(place)
