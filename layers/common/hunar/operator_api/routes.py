"""Every route of the operators' API and the use case behind it. docs/openapi.yaml says the same for people."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, cast

from hunar.operator_api.bodies import Adjust, Heard, MapListing, ReplayDelivery, Resolve
from hunar.operator_api.payouts import PAYOUT_FILE, PAYOUT_WRITES
from hunar.operator_api.request import Call
from hunar.ports import Rejected, Store
from hunar.use_cases import contacts, operate, payees, payouts, replay, show
from hunar.use_cases.operate import By, Desk, NotThere
from hunar.use_cases.resolve import resolve
from hunar.use_cases.show import Asked

Texts = Mapping[str, str]


def _entries(store: Store, path: Texts, query: Texts) -> Any:
    if not query.get("order_ref"):
        raise Rejected("order_ref: is missing; it names the order whose entries are asked for")
    return show.entries(store, query["order_ref"], Asked.of(query))


def _deliveries(store: Store, path: Texts, query: Texts) -> Any:
    if not query.get("order_ref"):
        raise Rejected("order_ref: is missing; it names the order whose deliveries are asked for")
    return show.deliveries(store, query["order_ref"], Asked.of(query))


READS: Final[dict[str, Callable[[Store, Texts, Texts], Any]]] = {
    "GET /api/orders": lambda store, path, query: show.orders(store, Asked.of(query), state=query.get("state")),
    "GET /api/orders/{order_ref}": lambda store, path, query: show.order(store, path["order_ref"]),
    "GET /api/stock": lambda store, path, query: show.stocks(store, Asked.of(query)),
    "GET /api/stock/{sku}": lambda store, path, query: show.stock(store, path["sku"]),
    "GET /api/notifications": lambda store, path, query: show.notifications(store, Asked.of(query)),
    "GET /api/exceptions": lambda store, path, query: show.exceptions(store, Asked.of(query), state=query.get("state")),
    "GET /api/groups": lambda store, path, query: show.groups(store, Asked.of(query)),
    "GET /api/deliveries": _deliveries,
    "GET /api/ledger/entries": _entries,
    "GET /api/settlements": lambda store, path, query: show.settlements(store, Asked.of(query)),
    "GET /api/payouts": lambda store, path, query: payouts.show_batches(store, Asked.of(query)),
    "GET /api/payouts/{batch}": lambda store, path, query: payouts.show_batch(store, path["batch"], Asked.of(query)),
    "GET /api/groups/{group_id}/beneficiary": lambda store, path, query: payees.show(store, path["group_id"]),
}
"""They answer 200 with what they return, and 404 when that is None."""


def _adjust(desk: Desk, call: Call) -> By:
    body = call.read(Adjust)
    by, sku = call.by(body, body.reason), call.path["sku"]
    if body.fair is not None:
        [what] = body.model_fields_set & {"taken", "sold", "back"}
        operate.at_fair(desk, sku, body.fair, cast(operate.AtFair, what), getattr(body, what), by)
    elif body.counted is not None:
        operate.recount(desk, sku, body.counted, by)
    elif body.buffer is not None:
        operate.hold_back(desk, sku, body.buffer, by)
    else:
        operate.adjust(desk, sku, body.quantity or 0, by)
    return by


def _map(desk: Desk, call: Call) -> By:
    body = call.read(MapListing)
    by = call.by(body, "")
    operate.map_listing(desk, body.marketplace, body.account, body.listing, body.sku, body.since, by)
    return by


def _resolve(desk: Desk, call: Call) -> By:
    body = call.read(Resolve)
    by = call.by(body, body.note)
    resolve(desk, call.path["id"], body.act, body.given(), by)
    return by


def _replay(desk: Desk, call: Call) -> By:
    body = call.read(ReplayDelivery) if call.body else ReplayDelivery()
    by = call.by(body, "")
    if replay.one(desk.store, desk.queues, call.path["id"], body.order_ref) is None:
        where = f"with {body.order_ref}" if body.order_ref else "where its exception says, or unread"
        raise NotThere(
            f"{call.path['id']}: no such delivery is kept {where}; order_ref names the order that it is about"
        )
    return by


def _heard(desk: Desk, call: Call) -> By:
    body = call.read(Heard)
    by = call.by(body, "")
    contacts.tick(desk, call.path["id"], body.what, by)
    return by


WRITES: Final[dict[str, Callable[[Desk, Call], By]]] = {
    "POST /api/stock/{sku}/adjust": _adjust,
    "POST /api/listings": _map,
    "POST /api/exceptions/{id}/resolve": _resolve,
    "POST /api/deliveries/{id}/replay": _replay,
    "POST /api/notifications/{id}/heard": _heard,
}
"""They answer 202 with the id of the act: it is checked and on its way."""

HAND_IN: Final = "POST /api/settlements"
"""Takes a file, so it has a body of its own size and answers with what is in the file."""

ROUTES: Final = frozenset({*READS, *WRITES, HAND_IN, *PAYOUT_WRITES, PAYOUT_FILE})
