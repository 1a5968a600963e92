"""Amazon's Notifications API, version 1: where it sends what, set up once from the command line.

A destination is a queue, known to the application; a subscription says which notifications of a seller go there. What
concerns the application alone is asked with a token that no seller granted (grantless); the seller's own token asks for
and makes a subscription.

ORDER_CHANGE is refused without a filter, and with one that Amazon does not know for it: "cannot parse
processingDirective", "failed to validate". ``marketplaceIds`` is documented and refused, so it is left out; messages of
other marketplaces are told apart when they are read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlencode

from hunar.domain.channel import BadAnswer, Call, TokenCall
from hunar.marketplaces import fields
from hunar.marketplaces.amazon_api import authorization, token
from hunar.marketplaces.body import Unreadable, read_object, written

__all__ = ["authorization", "token", "token_call"]

SCOPE: Final = "sellingpartnerapi::notifications"
KIND: Final = "ORDER_CHANGE"
PAYLOAD_VERSION: Final = "1.0"
FILTER: Final[Mapping[str, Any]] = {
    "eventFilterType": KIND,
    "orderChangeTypes": ["OrderStatusChange", "BuyerRequestedChange"],
}

_DESTINATIONS: Final = "/notifications/v1/destinations"
_SUBSCRIPTIONS: Final = f"/notifications/v1/subscriptions/{KIND}"


@dataclass(frozen=True)
class Destination:
    """Where notifications can go."""

    destination_id: str
    name: str
    queue_arn: str
    """Empty when it is no queue."""


@dataclass(frozen=True)
class Subscription:
    """What of a seller goes where."""

    subscription_id: str
    destination_id: str
    as_wanted: bool
    """Whether it has the payload version and the filter that we subscribe with."""


def token_call(client_id: str, client_secret: str, refresh_token: str | None) -> TokenCall:
    """A grantless token: of the application, for its notifications alone."""
    del refresh_token
    form = {"grant_type": "client_credentials", "scope": SCOPE, "client_id": client_id, "client_secret": client_secret}
    headers = {"content-type": "application/x-www-form-urlencoded;charset=UTF-8"}
    return TokenCall("POST", "/auth/o2/token", headers, urlencode(form))


def get_destinations() -> Call:
    """Grantless."""
    return Call("getDestinations", "GET", _DESTINATIONS)


def create_destination(name: str, queue_arn: str) -> Call:
    """Grantless. Amazon looks at the queue's policy at once."""
    body = {"name": name, "resourceSpecification": {"sqs": {"arn": queue_arn}}}
    return Call("createDestination", "POST", _DESTINATIONS, written(body))


def get_subscription() -> Call:
    """The seller's token. 404 when there is none."""
    return Call("getSubscription", "GET", f"{_SUBSCRIPTIONS}?{urlencode({'payloadVersion': PAYLOAD_VERSION})}")


def create_subscription(destination_id: str) -> Call:
    """The seller's token. 409 when there is one."""
    body = {
        "payloadVersion": PAYLOAD_VERSION,
        "destinationId": destination_id,
        "processingDirective": {"eventFilter": dict(FILTER)},
    }
    return Call("createSubscription", "POST", _SUBSCRIPTIONS, written(body))


def delete_subscription(subscription_id: str) -> Call:
    """Grantless."""
    return Call("deleteSubscriptionById", "DELETE", f"{_SUBSCRIPTIONS}/{quote(subscription_id, safe='')}")


def send_test(destination_id: str) -> Call:
    """Grantless, and of the sandbox alone: Amazon sends an invented notification to the destination."""
    body = written({"destinationId": destination_id})
    return Call("sendTestNotification", "POST", f"{_SUBSCRIPTIONS}/testNotification", body)


def destinations(raw: bytes) -> list[Destination]:
    """What ``getDestinations`` answered. Raises BadAnswer."""
    payload = _payload(raw)
    if not isinstance(payload, list):
        raise BadAnswer("payload: is not a list")
    return [_destination(entry, f"payload[{number}]") for number, entry in enumerate(payload)]


def destination(raw: bytes) -> Destination:
    """What ``createDestination`` answered. Raises BadAnswer."""
    return _destination(_payload(raw), "payload")


def subscription(raw: bytes) -> Subscription:
    """What ``getSubscription`` or ``createSubscription`` answered. Raises BadAnswer."""
    payload = _payload(raw)
    if not isinstance(payload, dict):
        raise BadAnswer("payload: is not an object")
    directive = payload.get("processingDirective")
    given = directive.get("eventFilter") if isinstance(directive, dict) else None
    kinds = given.get("orderChangeTypes") if isinstance(given, dict) else None
    # Amazon may name them in another order, and fields that are null.
    wanted = isinstance(kinds, list) and sorted(map(str, kinds)) == sorted(FILTER["orderChangeTypes"])
    same = payload.get("payloadVersion") == PAYLOAD_VERSION and wanted
    return Subscription(_id(payload, "subscriptionId"), _id(payload, "destinationId"), same)


def _destination(entry: Any, place: str) -> Destination:
    if not isinstance(entry, dict):
        raise BadAnswer(f"{place}: is not an object")
    resource = entry.get("resource")
    queue = resource.get("sqs") if isinstance(resource, dict) else None
    arn = queue.get("arn") if isinstance(queue, dict) else None
    return Destination(_id(entry, "destinationId"), fields.words(entry.get("name")) or "", fields.identity(arn) or "")


def _id(entry: Mapping[str, Any], name: str) -> str:
    found = fields.identity(entry.get(name))
    if found is None:
        raise BadAnswer(f"{name}: is missing or not an id")
    return found


def _payload(raw: bytes) -> Any:
    try:
        return read_object(raw).get("payload")
    except Unreadable as error:
        raise BadAnswer(f"the answer is {error}") from error
