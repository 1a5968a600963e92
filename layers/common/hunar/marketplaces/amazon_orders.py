"""What Amazon says of orders, in its API's words; notifications say the same in others (see ``amazon``).

====================  =======  ========================================================================
fulfillmentStatus     shows    what it states of the order, and why
====================  =======  ========================================================================
PENDING_AVAILABILITY  held     Held: a pre-order before its release, nothing may be packed yet
PENDING               held     Held: the payment is not authorized, the order may still vanish
UNSHIPPED                      Released: pack and hand over
PARTIALLY_SHIPPED              Released, and no Step: a step is of the whole order, and units that are
                               still on the shelf must not be counted as gone. SHIPPED comes when all left
SHIPPED               shipped  Released and Step shipped
CANCELLED                      every line Stated with nothing sold
UNFULFILLABLE         held     Held: by Amazon's words only of what its own warehouses send for sales
                               made elsewhere. Of a group's order nobody packs, and a person looks
====================  =======  ========================================================================

================================================================  =====================================
parcel, by Easy Ship's status                                     states
================================================================  =====================================
PENDING_SCHEDULE, PENDING_PICK_UP, PENDING_DROP_OFF               nothing: it is with the group
LABEL_CANCELLED                                                   nothing: another parcel takes its place
PICKED_UP, DROPPED_OFF                                            Step picked_up
AT_ORIGIN_FC, AT_DESTINATION_FC, OUT_FOR_DELIVERY                 Step shipped
DELIVERED                                                         Step delivered
REJECTED_BY_BUYER, UNDELIVERABLE, RETURNING_TO_SELLER             Step shipped, ReturnRequested by line
RETURNED_TO_SELLER                                                the same, and ReturnStep received
LOST, DAMAGED                                                     Step shipped, Lost
================================================================  =====================================

What comes back or is lost had left before, also when nobody told that it left: the shelf must count it.

An answer is a whole order as of ``lastUpdatedTime``: Placed and Stated for each line, Priced once there is a price, the
order's standing, its parcels, and one Snapshot. Placed never has the price, so that it is the same fact whether a
notification or an answer states it. Of several parcels a step counts when all came so far.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final, NamedTuple

from hunar.domain.facts import (
    COURIER,
    MARKETPLACE,
    STEPS,
    CancelRequested,
    Fact,
    Held,
    Lost,
    Placed,
    Priced,
    Released,
    ReturnRequested,
    ReturnStep,
    Snapshot,
    Stated,
    Step,
)
from hunar.domain.money import rupees
from hunar.domain.reading import Finding, Reading
from hunar.marketplaces import fields
from hunar.marketplaces.body import Unreadable, read_object, redacted, written

MARKETPLACE_ID: Final = "A21TJRUUN4KGV"
"""India. Orders of every other marketplace are refused, in answers and in notifications."""
CURRENCY: Final = "INR"

MOST_LINES: Final = 100
"""Of one order: each line states several things, again with every change, and all must fit into one item."""

_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,100}")
_AMOUNT: Final = re.compile(r"(-?)([0-9]{1,12}(?:\.[0-9]{1,6})?)")


class Standing(NamedTuple):
    """What a status says of a whole order."""

    held: bool = False
    step: str = ""
    cancelled: bool = False


STANDINGS: Final[Mapping[str, Standing]] = {
    "PENDING_AVAILABILITY": Standing(held=True),
    "PENDING": Standing(held=True),
    "UNSHIPPED": Standing(),
    "PARTIALLY_SHIPPED": Standing(),
    "SHIPPED": Standing(step="shipped"),
    "CANCELLED": Standing(cancelled=True),
    "UNFULFILLABLE": Standing(held=True),
}

COMING: Final = "coming"
RECEIVED: Final = "received"


class Parcel(NamedTuple):
    """What a status says of a parcel."""

    step: str = ""
    back: str = ""
    """COMING, or RECEIVED by the seller."""
    lost: bool = False
    void: bool = False


EASY_SHIP: Final[Mapping[str, Parcel]] = {
    "PENDING_SCHEDULE": Parcel(),
    "PENDING_PICK_UP": Parcel(),
    "PENDING_DROP_OFF": Parcel(),
    "LABEL_CANCELLED": Parcel(void=True),
    "PICKED_UP": Parcel("picked_up"),
    "DROPPED_OFF": Parcel("picked_up"),
    "AT_ORIGIN_FC": Parcel("shipped"),
    "AT_DESTINATION_FC": Parcel("shipped"),
    "OUT_FOR_DELIVERY": Parcel("shipped"),
    "DELIVERED": Parcel("delivered"),
    "REJECTED_BY_BUYER": Parcel("shipped", back=COMING),
    "UNDELIVERABLE": Parcel("shipped", back=COMING),
    "RETURNING_TO_SELLER": Parcel("shipped", back=COMING),
    "RETURNED_TO_SELLER": Parcel("shipped", back=RECEIVED),
    "LOST": Parcel("shipped", lost=True),
    "DAMAGED": Parcel("shipped", lost=True),
}
"""All 16 of Easy Ship, by the names of ``detailedStatus``."""
_COARSE: Final[Mapping[str, Parcel]] = {
    "PENDING": Parcel(),
    "IN_TRANSIT": Parcel("shipped"),
    "SHIPPED": Parcel("shipped"),
    "DELIVERED": Parcel("delivered"),
    "CANCELLED": Parcel(void=True),
    "UNDELIVERABLE": Parcel("shipped", back=COMING),
}
"""``status``, of parcels that have no ``detailedStatus``: a courier of the seller's own has them."""


def leaves(names: str) -> dict[str, Any]:
    """A shape whose fields are texts, numbers or booleans."""
    return dict.fromkeys(names.split())


_MONEY: Final = leaves("amount currencyCode")
_PROCEEDS: Final = {
    "proceedsTotal": _MONEY,
    "breakdowns": [
        leaves("type") | {"subtotal": _MONEY, "detailedBreakdowns": [leaves("subtype") | {"value": _MONEY}]}
    ],
}
_ITEM: Final = leaves("orderItemId quantityOrdered") | {
    "product": leaves("asin sellerSku") | {"price": {"unitPrice": _MONEY}},
    "proceeds": _PROCEEDS,
    "cancellation": {
        "cancellationRequest": leaves("requester"),
        "cancellationExecution": leaves("cancelledBy"),
    },
    "fulfillment": leaves("quantityFulfilled quantityUnfulfilled"),
}
_PACKAGE: Final = leaves("packageReferenceId") | {
    "packageStatus": leaves("status detailedStatus"),
    "packageItems": [leaves("orderItemId quantity")],
}
ORDER: Final[Mapping[str, Any]] = leaves("orderId createdTime lastUpdatedTime") | {
    "associatedOrders": [leaves("orderId associationType")],
    "salesChannel": leaves("marketplaceId"),
    "fulfillment": leaves("fulfillmentStatus fulfilledBy") | {"shipByWindow": leaves("latestDateTime")},
    "orderItems": [_ITEM],
    "packages": [_PACKAGE],
}
"""What is kept of an order. Gift messages, a buyer's words, aliases and addresses are not in it."""


def kept_of_order(order: Mapping[str, Any]) -> Any:
    """What is kept of an order, so that the same news are the same bytes: names in one order, and lists, too."""
    return _sorted(redacted(order, ORDER))


def read_answer(raw: bytes, account: str) -> Reading:
    """What one order states, as the channel took it out of an answer. Never raises, and never claims."""
    del account  # The token with which it was asked says whose order it is.
    try:
        order = read_object(raw).get("order")
    except Unreadable as error:
        return Reading(None, None, "UNREADABLE", findings=(Finding("UNREADABLE", "body", str(error)),))
    if not isinstance(order, dict):
        finding = Finding("UNREADABLE", "order", "is missing or not an object")
        return Reading(None, None, "UNREADABLE", findings=(finding,))
    kept = kept_of_order(order)
    text = written({"order": kept})
    order_id = identity(kept.get("orderId"))
    try:
        if order_id is None:
            raise fields.Wrong("order.orderId", "is missing or not an id")
        channel = kept.get("salesChannel") or {}
        foreign = elsewhere(channel.get("marketplaceId"), "order.salesChannel.marketplaceId")
        if foreign:
            return Reading(order_id, "order", "REJECTED", findings=(foreign,), redacted=text)
        answer = _Answer(order_id, kept, fields.time(kept.get("lastUpdatedTime"), "order.lastUpdatedTime"))
        facts = tuple(dict.fromkeys(answer.facts()))
    except fields.Wrong as wrong:
        return Reading(order_id, "order", "REJECTED", findings=(wrong.finding("UNREADABLE"),), redacted=text)
    return Reading(order_id, "order", "APPLIED" if facts else "REJECTED", facts, tuple(answer.findings), text)


# What notifications and answers read alike.


class Placing(NamedTuple):
    """What all lines of an order have in common."""

    at: str
    sold_at: str
    ship_by: str | None
    fulfilled_by: str
    replacement: bool

    def of(self, line_id: str, listing: str, quantity: int) -> Placed:
        return Placed(
            line_id=line_id,
            at=self.at,
            listing=listing,
            quantity=quantity,
            unit_price_paise=None,
            price_problem=None,
            sold_at=self.sold_at,
            ship_by=self.ship_by,
            replacement=self.replacement,
            fulfilled_by=self.fulfilled_by,
        )


def identity(given: Any) -> str | None:
    """The id of an order or an item. Fewer signs than others' ids: redaction writes a question mark for half a
    surrogate pair, and that is nobody's id."""
    text = fields.identity(given)
    return text if text and _ID.fullmatch(text) else None


def elsewhere(given: Any, where: str) -> Finding | None:
    """What is wrong with an order's marketplace: nothing of another one is applied."""
    if given == MARKETPLACE_ID:
        return None
    return Finding("UNKNOWN_EVENT", where, f"{fields.shown(given)} is another marketplace than {MARKETPLACE_ID}")


def unknown(given: Any, where: str, what: str) -> Finding:
    """A word that we do not know: what the rest says is applied, and a person reads this."""
    return Finding("UNKNOWN_EVENT", where, f"{fields.shown(given)} is not {what} that is known here")


def optional_time(given: Any, where: str, findings: list[Finding]) -> str | None:
    """A time that may be missing. One that cannot be read is shown, and an order without it is still an order."""
    if given is None:
        return None
    try:
        return fields.time(given, where)
    except fields.Wrong as wrong:
        findings.append(wrong.finding("UNREADABLE"))
        return None


def of_standing(standing: Standing, at: str) -> list[Fact]:
    """What a status states of the order besides its lines."""
    if standing.cancelled:
        return []
    if standing.held:
        return [Held(None, at, None)]
    return [Released(at), *([Step(standing.step, at)] if standing.step else [])]


def of_return(order_id: str, line_id: str, at: str, quantity: int, status: str, back: str) -> list[Fact]:
    """A parcel that the courier brings back. Amazon gives such a return no id: an order has one at most."""
    return_id = f"EASYSHIP-{order_id}"
    facts: list[Fact] = [ReturnRequested(return_id, line_id, at, COURIER, quantity, order_id, status, "")]
    if back == RECEIVED:
        facts.append(ReturnStep(return_id, line_id, at, "received"))
    return facts


def each_line(
    items: Any,
    where: str,
    name: str,
    reading: Callable[[str, Mapping[str, Any], str], list[Fact]],
    findings: list[Finding],
) -> list[Fact]:
    """Every line by itself: one that cannot be read loses neither the others nor what is said of the whole order.

    A line that is repeated is one line. Of two under one id that say different things the first stands, and a person
    looks at the second. Raises Wrong for more lines than can be stored.
    """
    if not items:
        findings.append(Finding("UNREADABLE", where, "is missing or empty"))
        return []
    if len(items) > MOST_LINES:
        raise fields.Wrong(where, f"has {len(items)} lines, more than {MOST_LINES}")
    lines: dict[str, list[Fact]] = {}
    for number, item in enumerate(items):
        place = f"{where}[{number}]"
        try:
            if item is None:
                raise fields.Wrong(place, "is not an object")
            line_id = identity(item.get(name))
            if line_id is None:
                raise fields.Wrong(f"{place}.{name}", "is missing or not an id")
            facts = reading(line_id, item, place)
            if lines.setdefault(line_id, facts) != facts:
                raise fields.Wrong(f"{place}.{name}", f"{line_id} stands twice with different content")
        except fields.Wrong as wrong:
            findings.append(wrong.finding("BAD_LINE"))
    return [fact for facts in lines.values() for fact in facts]


def no_units(given: Any) -> bool:
    """A quantity of 0, which Amazon writes for a line that is cancelled."""
    return given == "0" or (isinstance(given, int) and not isinstance(given, bool) and given == 0)


# An answer.


class _Package(NamedTuple):
    where: str
    status: str
    parcel: Parcel | None
    """None when no status of it is known."""
    items: list[Any]


@dataclass
class _Answer:
    """One order of an answer on its way to facts."""

    order_id: str
    order: Mapping[str, Any]
    at: str
    findings: list[Finding] = field(default_factory=list)
    ordered: dict[str, int] = field(default_factory=dict)
    """Units of each line that could be read."""
    sold: dict[str, int] = field(default_factory=dict)
    """Those that are still sold."""

    def facts(self) -> list[Fact]:
        """Raises Wrong when nothing of the order can be used."""
        fulfillment = self.order.get("fulfillment") or {}
        status, by = fulfillment.get("fulfillmentStatus"), fulfillment.get("fulfilledBy")
        known = STANDINGS.get(status) if isinstance(status, str) else None
        if known is None or (status == "UNFULFILLABLE" and by != "AMAZON"):
            self.findings.append(unknown(status, "order.fulfillment.fulfillmentStatus", "a status of such an order"))
        if by not in ("AMAZON", "MERCHANT"):
            self.findings.append(unknown(by, "order.fulfillment.fulfilledBy", "a party"))
        standing = known or Standing()
        placing = self._placing(MARKETPLACE if by == "AMAZON" else "")
        before = len(self.findings)
        facts = each_line(
            self.order.get("orderItems"),
            "order.orderItems",
            "orderItemId",
            lambda line_id, item, where: self._line(line_id, item, where, placing, standing),
            self.findings,
        )
        whole = not any(finding.kind in ("BAD_LINE", "UNREADABLE") for finding in self.findings[before:])
        parcels = self._parcels(whole or bool(standing.step), bool(standing.step))
        if known is None:
            # Without knowing how far the order came there is no saying that a step is not true.
            return facts + parcels
        steps = [standing.step, *(fact.step for fact in parcels if isinstance(fact, Step))]
        line_ids = " ".join(sorted(self.ordered)) if whole else ""
        snapshot = Snapshot(self.at, max(steps, key=_rank), standing.held, line_ids)
        return [*facts, *of_standing(standing, self.at), *parcels, snapshot]

    def _placing(self, fulfilled_by: str) -> Placing:
        window = (self.order.get("fulfillment") or {}).get("shipByWindow") or {}
        where = "order.fulfillment.shipByWindow.latestDateTime"
        others = [(other or {}).get("associationType") for other in self.order.get("associatedOrders") or []]
        return Placing(
            at=self.at,
            sold_at=optional_time(self.order.get("createdTime"), "order.createdTime", self.findings) or self.at,
            ship_by=optional_time(window.get("latestDateTime"), where, self.findings),
            fulfilled_by=fulfilled_by,
            replacement="REPLACEMENT_ORIGINAL_ID" in others,
        )

    def _line(
        self, line_id: str, item: Mapping[str, Any], where: str, placing: Placing, standing: Standing
    ) -> list[Fact]:
        cancellation = item.get("cancellation") or {}
        executed = cancellation.get("cancellationExecution") is not None
        if no_units(item.get("quantityOrdered")) and (standing.cancelled or executed):
            self.ordered.setdefault(line_id, 0)
            self.sold.setdefault(line_id, 0)
            return [Stated(line_id, self.at, 0)]
        ordered = fields.quantity(item, where, "quantityOrdered")
        product = item.get("product") or {}
        listing = fields.words(product.get("sellerSku"))
        if listing is None:
            raise fields.Wrong(f"{where}.product.sellerSku", "is missing or not a name")
        self.ordered.setdefault(line_id, ordered)
        facts: list[Fact] = [placing.of(line_id, listing, ordered)]
        still = None
        try:
            still = 0 if standing.cancelled else _still(item, ordered, where, executed, standing.held)
            self.sold.setdefault(line_id, still)
            facts.append(Stated(line_id, self.at, still))
        except fields.Wrong as wrong:
            # How many are left is unclear. That it was sold is not.
            self.findings.append(wrong.finding("BAD_LINE"))
        if product.get("price") or not standing.held:
            # An order whose payment is not authorized has no price yet, and that is no problem.
            facts.append(Priced(line_id, self.at, *_unit_price(item, {ordered, ordered if still is None else still})))
        request = cancellation.get("cancellationRequest")
        if request is not None and not executed and still != 0:
            if request.get("requester") == "BUYER":
                facts.append(CancelRequested(line_id, self.at))
            else:
                place = f"{where}.cancellation.cancellationRequest.requester"
                self.findings.append(unknown(request.get("requester"), place, "a requester"))
        return facts

    def _parcels(self, whole: bool, all_left: bool) -> list[Fact]:
        """What the parcels state. ``all_left`` says that there are no others; ``whole``, that every line is known."""
        packages = [self._package(number, each or {}) for number, each in enumerate(self.order.get("packages") or [])]
        live = [each for each in packages if not (each.parcel and each.parcel.void)]
        if not live:
            return []
        units = [self._units(each, alone=len(live) == 1) for each in live]
        packed = {line_id: sum(held.get(line_id, 0) for held in units) for line_id in self.sold}
        complete = all_left or (whole and all(packed[line_id] >= still for line_id, still in self.sold.items()))
        step = min((each.parcel.step if each.parcel else "" for each in live), key=_rank)
        facts: list[Fact] = [Step(step, self.at)] if step and complete else []
        lost = [each for each in live if each.parcel and each.parcel.lost]
        if len(lost) == len(live):
            facts.append(Lost(self.at, lost[0].status))
        else:
            text = "and other parcels are not: what it held is for a person to settle"
            self.findings += [
                Finding("UNKNOWN_EVENT", f"{each.where}.packageStatus", f"{each.status}, {text}") for each in lost
            ]
        return facts + self._returns(live, units)

    def _returns(self, live: list[_Package], units: list[dict[str, int]]) -> list[Fact]:
        """The order's one return: of each line the units in all parcels that come back; received with the last."""
        coming: dict[str, list[tuple[int, str, str]]] = defaultdict(list)
        for each, held in zip(live, units, strict=True):
            if each.parcel and each.parcel.back:
                for line_id, quantity in held.items():
                    coming[line_id].append((quantity, each.status, each.parcel.back))
        facts: list[Fact] = []
        for line_id, parts in coming.items():
            quantity = sum(units for units, _, _ in parts)
            back = RECEIVED if all(back == RECEIVED for _, _, back in parts) else COMING
            facts += of_return(self.order_id, line_id, self.at, quantity, parts[0][1], back)
        return facts

    def _package(self, number: int, package: Mapping[str, Any]) -> _Package:
        where = f"order.packages[{number}]"
        items = package.get("packageItems") or []
        status = package.get("packageStatus") or {}
        detailed, coarse = status.get("detailedStatus"), status.get("status")
        if isinstance(detailed, str) and detailed in EASY_SHIP:
            return _Package(where, detailed, EASY_SHIP[detailed], items)
        if detailed is not None:
            self.findings.append(unknown(detailed, f"{where}.packageStatus.detailedStatus", "a status of a parcel"))
        if isinstance(coarse, str) and coarse in _COARSE:
            return _Package(where, coarse, _COARSE[coarse], items)
        self.findings.append(unknown(coarse, f"{where}.packageStatus.status", "a status of a parcel"))
        return _Package(where, "", None, items)

    def _units(self, package: _Package, *, alone: bool) -> dict[str, int]:
        """What a parcel holds, by line. The only one holds everything when it does not say."""
        if not package.items:
            if alone:
                return {line_id: quantity for line_id, quantity in self.ordered.items() if quantity}
            if package.parcel and package.parcel.back:
                text = "is missing or empty, and the parcel comes back"
                self.findings.append(Finding("BAD_LINE", f"{package.where}.packageItems", text))
        held: dict[str, int] = defaultdict(int)
        for number, item in enumerate(package.items):
            where = f"{package.where}.packageItems[{number}]"
            try:
                line_id = identity((item or {}).get("orderItemId"))
                if line_id is None:
                    raise fields.Wrong(f"{where}.orderItemId", "is missing or not an id")
                quantity = fields.quantity(item, where)
                held[line_id] += quantity
            except fields.Wrong as wrong:
                self.findings.append(wrong.finding("BAD_LINE"))
        return dict(held)


def _rank(step: str) -> int:
    return STEPS.index(step) if step else -1


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _sorted(inner) for name, inner in value.items()}
    return sorted(map(_sorted, value), key=written) if isinstance(value, list) else value


def _still(item: Mapping[str, Any], ordered: int, where: str, executed: bool, held: bool) -> int:
    """Units that are still sold: those that were shipped and those that remain.

    Before the payment is authorized nothing remains to be shipped, and yet everything is sold.
    """
    counts = item.get("fulfillment") or {}
    given = {name: counts.get(name) for name in ("quantityFulfilled", "quantityUnfulfilled")}
    if held or not any(count is not None for count in given.values()):
        if executed:
            place = f"{where}.cancellation.cancellationExecution"
            raise fields.Wrong(place, "is there, and nothing says how many units are left")
        return ordered
    still = 0
    for name, count in given.items():
        if not isinstance(count, int) or isinstance(count, bool) or count < 0:
            raise fields.Wrong(f"{where}.fulfillment.{name}", f"{fields.shown(count)} is not a number of units")
        still += count
    if still > ordered:
        raise fields.Wrong(f"{where}.fulfillment", f"speaks of {still} units when {ordered} were ordered")
    return still


def _unit_price(item: Mapping[str, Any], units: set[int]) -> tuple[int | None, str | None]:
    """``product.price.unitPrice`` in paise, or why there is none.

    Amazon does not say whether it includes the tax. The proceeds show it: ITEM is the price of all ``units``, or that
    less its tax. Where the total shows that the tax comes on top, the price is not what the buyer pays.
    """
    try:
        price = _paise(item.get("product", {}).get("price"), "unitPrice", "product.price.unitPrice")
        total, sums, tax_inside = _proceeds(item.get("proceeds") or {})
    except fields.Wrong as wrong:
        return None, str(wrong)
    if price is None or price <= 0:
        return None, "product.price.unitPrice is missing or not above 0"
    if "ITEM" not in sums:
        return price, None
    wholes = {price * count for count in units}
    if not wholes & {sums["ITEM"], sums["ITEM"] + tax_inside}:
        return None, (
            f"proceeds.breakdowns say {rupees(sums['ITEM'])} for ITEM, which is not the "
            f"product.price.unitPrice {rupees(price)} of {max(units)} units"
        )
    discount, tax = sums.pop("DISCOUNT", 0), sums.get("TAX", 0)
    every = sum(sums.values())
    if tax and sums["ITEM"] in wholes and total in (every - discount, every + discount):
        return None, f"product.price.unitPrice {rupees(price)} is without the tax of {rupees(tax)} on top"
    return price, None


def _proceeds(proceeds: Mapping[str, Any]) -> tuple[int | None, dict[str, int], int]:
    """The total, the sum of each kind, and the tax on the item itself; in paise. Raises Wrong."""
    sums: dict[str, int] = defaultdict(int)
    on_item = 0
    for number, part in enumerate(proceeds.get("breakdowns") or []):
        where = f"proceeds.breakdowns[{number}]"
        part = part or {}
        kind = part.get("type")
        if not isinstance(kind, str):
            raise fields.Wrong(f"{where}.type", f"{fields.shown(kind)} is not a kind of proceeds")
        sums[kind] += _paise(part, "subtotal", f"{where}.subtotal") or 0
        for inner, detail in enumerate(part.get("detailedBreakdowns") or []):
            if kind == "TAX" and (detail or {}).get("subtype") == "ITEM":
                on_item += _paise(detail, "value", f"{where}.detailedBreakdowns[{inner}].value") or 0
    return _paise(proceeds, "proceedsTotal", "proceeds.proceedsTotal"), dict(sums), on_item


def _paise(holder: Mapping[str, Any] | None, name: str, where: str) -> int | None:
    """Paise of an amount of money; None when there is none. Digits and a point, or it is refused: ``1,499.00`` may be
    two amounts."""
    money = (holder or {}).get(name)
    if money is None:
        return None
    amount, currency = money.get("amount"), money.get("currencyCode")
    if currency != CURRENCY:
        raise fields.Wrong(f"{where}.currencyCode", f"{fields.shown(currency)} is not {CURRENCY}")
    match = _AMOUNT.fullmatch(amount) if isinstance(amount, str) else None
    if match is None:
        raise fields.Wrong(f"{where}.amount", f"{fields.shown(amount)} is not an amount of digits and a point")
    paise = fields.paise({f"{where}.amount": Decimal(match[2])}, f"{where}.amount")
    return -paise if paise and match[1] else paise
