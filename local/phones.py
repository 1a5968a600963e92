"""The groups' phones and the network before them: a stand-in for AWS End User Messaging SMS.

It is an independent witness, so it shares no code with what it checks: it reads the registered
texts as an operator has them on file, matches what is sent with patterns of its own, and counts
parts itself. It refuses what AWS or an operator refuses. (An operator does so after AWS has
accepted; here the answer comes at once, so that a mistake is seen where it is made.)

What becomes of a text is told by events, as AWS tells it of texts that were sent with a configuration
set: that it was sent, and then how it ended.

It can be told to fail: see ``Faults``.
"""

from __future__ import annotations

import asyncio
import csv
import json
import re
import unicodedata
import uuid
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, NamedTuple

from aiohttp import web

_TARGET: Final = "PinpointSMSVoiceV2.SendTextMessage"
_LONGEST_VALUE: Final = 30
_VARIABLE: Final = re.compile(r"\{(\w+)\}")
_ZERO_WIDTH_JOINERS: Final = {"\u200c", "\u200d"}
_SECONDS: Final = frozenset({"hang_seconds", "delay_receipts"})


class End(NamedTuple):
    """How a text ends: the event's type without ``TEXT_``, its description, and whether the phone has the text."""

    status: str
    description: str
    reached: bool = False


DELIVERED: Final = End("DELIVERED", "Message has been accepted by phone", reached=True)
UNREACHABLE: Final = End("UNREACHABLE", "Phone is currently unreachable/unavailable")
SCRUBBED: Final = End("CARRIER_BLOCKED", "Message blocked by carrier: 633 TEMPLATE_NOT_MATCHED")
"""The operator holds every text against the registered ones, after AWS has taken it."""


class Refusal(Exception):
    """An AWS error answer, and what the operator would call it."""

    def __init__(self, kind: str, reason: str, scrub: str, field_name: str = "", status: int = 400) -> None:
        super().__init__(scrub)
        self.status = status
        self.scrub = scrub
        self.body: dict[str, Any] = {"__type": kind, "Message": scrub}
        if reason:
            self.body["Reason"] = reason
        if field_name:
            self.body["Fields"] = [{"Name": field_name, "Message": scrub}]


@dataclass
class Faults:
    """How many of the next requests go wrong, and how."""

    hang: int = 0
    """Delivered to the phone, but answered only after ``hang_seconds``."""
    hang_seconds: float = 30.0
    lose: int = 0
    """Delivered to the phone, but the connection breaks before the answer."""
    throttle: int = 0
    """ThrottlingException; nothing is delivered."""
    reject: int = 0
    """ConflictException, opted out; nothing is delivered."""
    fail: int = 0
    """InternalServerException; nothing is delivered, but the sender cannot know."""
    stop: int = 0
    """ServiceQuotaExceededException: the month's spend limit is reached. Nothing is delivered."""
    ildo: int = 0
    """The text would go by the international route, and cost what that costs."""
    undelivered: int = 0
    """Accepted; the phone cannot be reached."""
    scrub: int = 0
    """Accepted; the operator finds no registered text like it."""
    no_receipt: int = 0
    """Nobody ever says what became of the text."""
    early_receipt: int = 0
    """The last event comes before the answer."""
    duplicate_receipts: int = 0
    """Each event comes twice."""
    delay_receipts: float = 0.0
    """Seconds by which all events come later than they would."""

    def set(self, values: Mapping[str, Any]) -> None:
        """Changes the named faults. ValueError for a name or a number that does not exist."""
        known = {entry.name for entry in fields(self)}
        for name, value in values.items():
            if name not in known or isinstance(value, bool) or not isinstance(value, (int, float)) or not value >= 0:
                raise ValueError(f"fault {name!r}: unknown, or not a number of requests or seconds")
        for name, value in values.items():
            setattr(self, name, float(value) if name in _SECONDS else int(value))

    def take(self, name: str) -> bool:
        """Whether this request has the fault; one fewer is left."""
        left: int = getattr(self, name)
        if left:
            setattr(self, name, left - 1)
        return left > 0


@dataclass(frozen=True)
class _Registered:
    pattern: re.Pattern[str]
    numeric: frozenset[str]


@dataclass
class Phones:
    """Every phone of the network, and the DLT registrations that the operators check against."""

    price_per_part: Decimal = Decimal("0.00278")
    """US dollars. A request whose MaxPrice is below the text's price is refused."""
    international_price_per_part: Decimal = Decimal("0.02171")
    """US dollars, of the route that a text takes which no operator knows."""
    sent_after: float = 0.1
    """Seconds from the request until the event that the text was sent."""
    ends_after: float = 0.4
    """Seconds from the request until the last event."""
    tell: Callable[[str], object] | None = None
    """Takes each event as a text; it may block. None: nobody wants to know."""
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    faults: Faults = field(default_factory=Faults)
    opted_out: set[str] = field(default_factory=set)
    _senders: dict[str, set[str]] = field(default_factory=dict)
    _templates: dict[tuple[str, str], _Registered] = field(default_factory=dict)
    _received: list[dict[str, Any]] = field(default_factory=list)
    _refused: list[dict[str, Any]] = field(default_factory=list)
    _told: dict[str, dict[str, Any]] = field(default_factory=dict)
    _on_their_way: int = 0

    def register(
        self, entity_id: str, sender_id: str, template_id: str, text: str, *, numeric: Iterable[str] = ()
    ) -> None:
        """Puts one text on the operators' file.

        Variables stand as ``{name}``; those of ``numeric`` take digits only.
        """
        pieces = _VARIABLE.split(text)
        pattern = "".join(
            f"(?P<{piece}>.{{1,{_LONGEST_VALUE}}}?)" if index % 2 else re.escape(piece)
            for index, piece in enumerate(pieces)
        )
        self._senders.setdefault(sender_id, set()).add(entity_id)
        self._templates[entity_id, template_id] = _Registered(re.compile(pattern), frozenset(numeric))

    def register_files(self, entity_id: str, sender_id: str, template_ids: Path, texts: Path) -> int:
        """Registers an agency's texts: a CSV of kind, locale, template id and version (the first when it is left out),
        and the folder with a JSON file of each language's texts.

        Returns how many. ValueError when an id has no text.
        """
        filed = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(texts.glob("*.json"))]
        by_place = {
            (entry["form"], language["locale"], entry["version"]): entry
            for language in filed
            for entry in language["texts"]
        }
        with template_ids.open(encoding="utf-8", newline="") as rows:
            ids = list(csv.DictReader(rows))
        for row in ids:
            version = int(row.get("version") or 1)
            entry = by_place.get((row["kind"], row["locale"], version))
            if entry is None:
                raise ValueError(f"{row['kind']} {row['locale']} version {version}: an id without a text")
            numeric = [name for name, slot in entry["slots"].items() if slot["type"] == "numeric"]
            self.register(entity_id, sender_id, row["template_id"], entry["text"], numeric=numeric)
        return len(ids)

    def received(self) -> list[dict[str, Any]]:
        """Every text that reached a phone, in order of arrival."""
        return [dict(entry) for entry in self._received]

    def refused(self) -> list[dict[str, Any]]:
        """Every request that was refused, and what the operator calls the reason."""
        return [dict(entry) for entry in self._refused]

    def texts(self) -> list[dict[str, Any]]:
        """Every text that was accepted, also what no phone received, in order: as ``received`` shows them, with what
        the last event said, where its parts end (in UTF-16 units) and whether it ``reached`` the phone."""
        return [dict(entry) for entry in self._told.values()]

    def receipts_on_their_way(self) -> int:
        """Events that come within the next moment; those that are kept back do not count."""
        return self._on_their_way

    def clear(self) -> None:
        """Forgets texts, refusals and faults; keeps the registrations."""
        self._received.clear()
        self._refused.clear()
        self._told.clear()
        self.faults = Faults()

    def deliver(self, message: Mapping[str, Any], *, end: End = DELIVERED, price: Decimal | None = None) -> str:
        """Checks a SendTextMessage request and has the text end so; returns its message id. Raises Refusal.

        ``price`` is that of a part in US dollars, if it is another than usual.
        """
        try:
            _check_request(message)
            self._check_network(message, self.price_per_part if price is None else price)
            self._check_registration(message)
        except Refusal as refusal:
            self._refused.append(
                {
                    "to": str(message.get("DestinationPhoneNumber", "")),
                    "error": refusal.body["__type"],
                    "reason": refusal.scrub,
                    "template_id": str(_parameters(message).get("IN_TEMPLATE_ID", "")),
                    "notification_id": _notification_id(message),
                    "refused_at": self._time(),
                }
            )
            raise
        text = {
            "to": message["DestinationPhoneNumber"],
            "text": message["MessageBody"],
            "parts": count_parts(message["MessageBody"]),
            "template_id": _parameters(message)["IN_TEMPLATE_ID"],
            "notification_id": _notification_id(message),
            "received_at": self._time(),
        }
        message_id = str(uuid.uuid4())
        if end.reached:
            self._received.append(text)
        ends = part_ends(message["MessageBody"])
        self._told[message_id] = text | {"part_ends": ends, "reached": end.reached, "receipt": None, "detail": None}
        return message_id

    def events(
        self, message: Mapping[str, Any], message_id: str, end: End, *, price: Decimal | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """That a text was sent, and how it ended, as AWS tells it: fields and types of its event format 1.0."""
        now = int(self.now().timestamp() * 1000)
        parts = count_parts(message["MessageBody"])
        common = {
            "eventVersion": "1.0",
            "originationPhoneNumber": message["OriginationIdentity"],
            "destinationPhoneNumber": message["DestinationPhoneNumber"],
            "isoCountryCode": "IN",
            "mcc": "404",
            "mnc": "45",
            "carrierName": "Fictional Mobile",
            "messageId": message_id,
            "messageRequestTimestamp": now,
            "messageEncoding": "GSM" if _is_gsm(message["MessageBody"]) else "Unicode",
            "messageType": message.get("MessageType", "TRANSACTIONAL"),
            "context": dict(message.get("Context") or {}),
            "totalMessageParts": parts,
            "totalMessagePrice": float((self.price_per_part if price is None else price) * parts),
            "totalCarrierFee": 0.0,
        }

        def event(status: str, description: str, *, after: float, final: bool) -> dict[str, Any]:
            said = {"eventType": f"TEXT_{status}", "eventTimestamp": now + int(after * 1000), "isFinal": final}
            return said | common | {"messageStatus": status, "messageStatusDescription": description}

        sent = event("SENT", "Message has been sent to the carrier", after=self.sent_after, final=False)
        return sent, event(end.status, end.description, after=self.ends_after, final=True)

    async def report(self, event: Mapping[str, Any], *, after: float = 0.0, times: int = 1, kept: bool = False) -> None:
        """Tells an event so many times, after so many seconds. ``kept`` says that nobody should wait for it."""
        self._on_their_way += not kept
        try:
            await asyncio.sleep(after)
            told = self._told.get(event["messageId"])
            if told is not None and (event["isFinal"] or told["receipt"] is None):
                told |= {"receipt": event["messageStatus"], "detail": event["messageStatusDescription"]}
            if self.tell is not None:
                for _ in range(times):
                    await asyncio.to_thread(self.tell, json.dumps(event))
        finally:
            self._on_their_way -= not kept

    def _check_network(self, message: Mapping[str, Any], price_per_part: Decimal) -> None:
        number = message["DestinationPhoneNumber"]
        if not number.startswith("+91"):
            raise Refusal(
                "ConflictException", "DESTINATION_COUNTRY_BLOCKED_BY_PROTECT_CONFIGURATION", "COUNTRY_NOT_INDIA"
            )
        if not re.fullmatch(r"\+91[6-9][0-9]{9}", number):
            raise Refusal("ValidationException", "INVALID_PARAMETER", "NO_MOBILE_NUMBER", "DestinationPhoneNumber")
        if number in self.opted_out:
            raise Refusal("ConflictException", "DESTINATION_PHONE_NUMBER_OPTED_OUT", "OPTED_OUT")
        price = message.get("MaxPrice")
        if price is not None and Decimal(price) < price_per_part * count_parts(message["MessageBody"]):
            raise Refusal("ValidationException", "PRICE_OVER_THRESHOLD", "PRICE_OVER_THRESHOLD", "MaxPrice")

    def _check_registration(self, message: Mapping[str, Any]) -> None:
        sender, given = message["OriginationIdentity"], _parameters(message)
        if sender not in self._senders:
            raise Refusal("ValidationException", "SENDER_ID_NOT_REGISTERED", "HEADER_NOT_FOUND", "OriginationIdentity")
        for name in ("IN_ENTITY_ID", "IN_TEMPLATE_ID"):
            if not given.get(name):
                raise Refusal(
                    "ValidationException", "MISSING_PARAMETER", f"{name}_MISSING", "DestinationCountryParameters"
                )
        entity, template = given["IN_ENTITY_ID"], given["IN_TEMPLATE_ID"]
        if entity not in self._senders[sender]:
            raise _unregistered("ENTITY_NOT_FOUND")
        registered = self._templates.get((entity, template))
        if registered is None:
            raise _unregistered("TEMPLATE_NOT_FOUND")
        found = registered.pattern.fullmatch(message["MessageBody"])
        if found is None:
            raise _unmatched("TEMPLATE_NOT_MATCHED")
        for name, value in found.groupdict().items():
            if len(value.encode("utf-16-le")) > 2 * _LONGEST_VALUE:
                raise _unmatched("TEMPLATE_VARIABLE_TOO_LONG")
            if not (_digits(value) if name in registered.numeric else _words(value)):
                raise _unmatched("TEMPLATE_VARIABLE_OF_WRONG_TYPE")

    def _time(self) -> str:
        return self.now().astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def sms_service(phones: Phones) -> web.Application:
    """The emulated SMS service: AWS JSON 1.0 on ``POST /``. Whoever runs it binds it to the loopback address."""

    reporting: set[asyncio.Task[None]] = set()
    """Tasks are kept by nobody else, and one that nobody keeps may vanish."""

    def later(report: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(report)
        reporting.add(task)
        task.add_done_callback(reporting.discard)

    async def tell(message: Mapping[str, Any], message_id: str, end: End, price: Decimal | None) -> None:
        faults = phones.faults
        if faults.take("no_receipt") or not message.get("ConfigurationSetName"):
            return
        sent, ended = phones.events(message, message_id, end, price=price)
        times, delay = 1 + faults.take("duplicate_receipts"), faults.delay_receipts
        if faults.take("early_receipt"):
            await phones.report(ended, times=times)
        else:
            later(phones.report(ended, after=phones.ends_after + delay, times=times, kept=delay > 0))
        later(phones.report(sent, after=phones.sent_after + delay, times=times, kept=delay > 0))

    async def stop(app: web.Application) -> None:
        for task in reporting:
            task.cancel()
        await asyncio.gather(*reporting, return_exceptions=True)

    async def send_text_message(request: web.Request) -> web.Response:
        try:
            message = await _read(request)
            faults = phones.faults
            if faults.take("throttle"):
                raise Refusal("ThrottlingException", "", "RATE_EXCEEDED")
            if faults.take("stop"):
                raise Refusal(
                    "ServiceQuotaExceededException", "MONTHLY_SPEND_LIMIT_REACHED_FOR_TEXT", "SPEND_LIMIT_REACHED"
                )
            if faults.take("reject"):
                raise Refusal("ConflictException", "DESTINATION_PHONE_NUMBER_OPTED_OUT", "OPTED_OUT")
            if faults.take("fail"):
                raise Refusal("InternalServerException", "", "INTERNAL", status=500)
            price = phones.international_price_per_part if faults.take("ildo") else None
            end = UNREACHABLE if faults.take("undelivered") else SCRUBBED if faults.take("scrub") else DELIVERED
            message_id = phones.deliver(message, end=end, price=price)
            await tell(message, message_id, end, price)
            if faults.take("hang"):
                await asyncio.sleep(faults.hang_seconds)
            if faults.take("lose") and request.transport is not None:
                request.transport.abort()
            return _json({"MessageId": message_id})
        except Refusal as refusal:
            return _json(refusal.body, refusal.status)

    application = web.Application()
    application.router.add_post("/", send_text_message)
    application.on_shutdown.append(stop)
    return application


def count_parts(text: str) -> int:
    """Parts of a text, by encoding it: 140 octets in one part, 134 in each of several."""
    return len(part_ends(text))


def part_ends(text: str) -> list[int]:
    """Where each part of a text ends, in UTF-16 units as a browser counts them; the last is the text's end."""
    units = [len(char.encode("utf-16-le")) // 2 for char in text]
    if _is_gsm(text):
        coded, limit, several = [_septets(char) for char in text], 160, 153
    else:
        coded, limit, several = units, 70, 67
    if sum(coded) <= limit:
        return [sum(units)]
    ends, remaining, at = [], several, 0
    for size, width in zip(coded, units, strict=True):
        if size > remaining:
            ends.append(at)
            remaining = several
        remaining -= size
        at += width
    return [*ends, at]


_ONE_SEPTET: Final = frozenset(
    [chr(code) for code in (*range(0x20, 0x5B), *range(0x61, 0x7B), 0x0A, 0x0D, 0x5F)]
    + list("¡£¤¥§¿ÄÅÆÇÉÑÖØÜßàäåæèéìñòöøùüΓΔΘΛΞΠΣΦΨΩ")
)
_TWO_SEPTETS: Final = frozenset("^{}[]~\\|€\x0c")


def _septets(char: str) -> int:
    if char in _TWO_SEPTETS:
        return 2
    if char in _ONE_SEPTET:
        return 1
    raise KeyError(char)


def _is_gsm(text: str) -> bool:
    return all(char in _ONE_SEPTET or char in _TWO_SEPTETS for char in text)


async def _read(request: web.Request) -> dict[str, Any]:
    if request.headers.get("X-Amz-Target") != _TARGET:
        raise Refusal("UnknownOperationException", "", "UNKNOWN_OPERATION")
    if "/sms-voice/aws4_request" not in request.headers.get("Authorization", ""):
        raise Refusal("MissingAuthenticationTokenException", "", "UNSIGNED", status=403)
    try:
        message = json.loads(await request.read())
    except ValueError:
        message = None
    if not isinstance(message, dict):
        raise Refusal("SerializationException", "", "NOT_JSON")
    return message


def _check_request(message: Mapping[str, Any]) -> None:
    """What AWS itself demands of the fields (its API model)."""
    rules: dict[str, Callable[[Any], object]] = {
        "DestinationPhoneNumber": lambda value: isinstance(value, str) and re.fullmatch(r"\+?[1-9][0-9]{1,18}", value),
        "OriginationIdentity": lambda value: isinstance(value, str) and re.fullmatch(r"[\w:/+-]{1,256}", value),
        "MessageBody": lambda value: isinstance(value, str) and value.strip() and len(value) <= 1600,
        "MessageType": lambda value: value in ("TRANSACTIONAL", "PROMOTIONAL"),
        "MaxPrice": lambda value: isinstance(value, str) and re.fullmatch(r"[0-9]{0,2}\.[0-9]{1,5}", value),
        "TimeToLive": lambda value: isinstance(value, int) and 5 <= value <= 259_200,
        "Context": lambda value: isinstance(value, dict) and len(value) <= 5,
        "ConfigurationSetName": lambda value: isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9_:/-]{1,256}", value),
        "DestinationCountryParameters": lambda value: (
            isinstance(value, dict) and value.keys() <= {"IN_ENTITY_ID", "IN_TEMPLATE_ID"}
        ),
    }
    for name in ("DestinationPhoneNumber", "OriginationIdentity", "MessageBody"):
        if name not in message:
            raise Refusal("ValidationException", "MISSING_PARAMETER", f"{name}_MISSING", name)
    for name, good in rules.items():
        if name in message and not good(message[name]):
            raise Refusal("ValidationException", "INVALID_PARAMETER", f"{name}_INVALID", name)


def _unregistered(scrub: str) -> Refusal:
    return Refusal("ValidationException", "INVALID_REGISTRATION_ASSOCIATION", scrub, "DestinationCountryParameters")


def _unmatched(scrub: str) -> Refusal:
    return Refusal("ValidationException", "INVALID_PARAMETER", scrub, "MessageBody")


def _parameters(message: Mapping[str, Any]) -> dict[str, Any]:
    given = message.get("DestinationCountryParameters")
    return given if isinstance(given, dict) else {}


def _notification_id(message: Mapping[str, Any]) -> str | None:
    context = message.get("Context")
    return context.get("notification_id") if isinstance(context, dict) else None


def _digits(value: str) -> bool:
    return re.fullmatch(r"[0-9]+", value) is not None


def _words(value: str) -> bool:
    return all(
        char == " " or char in _ZERO_WIDTH_JOINERS or unicodedata.category(char) in _ALPHANUMERIC for char in value
    )


_ALPHANUMERIC: Final = {"Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Nd"}


def _json(body: Mapping[str, Any], status: int = 200) -> web.Response:
    return web.Response(
        status=status,
        body=json.dumps(body).encode(),
        headers={"Content-Type": "application/x-amz-json-1.0", "x-amzn-RequestId": str(uuid.uuid4())},
    )
