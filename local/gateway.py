"""The one local port: in front of the deployed API, and home of the demo page.

``/webhooks/…`` and ``/sms/…`` go to the deployed HTTP API as they came, ``/api/…`` and ``/console`` go there signed,
``/local/…`` shows and moves the local stack itself. It serves loopback names only, so that no page of
the web reaches it under a name of its own (DNS rebinding), and sends no CORS headers.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import http.client
import json
import logging
import math
import re
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol, TypeVar
from urllib.parse import urlencode, urlsplit

from aiohttp import web
from aiohttp.http_exceptions import BadHttpMessage
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import BotoCoreError, ClientError

from local import exotel, messages
from local.bank import Answer as BankAnswer
from local.bank import Bank
from local.quiet import Verdict
from local.settlements import Accounts, Settlement

LOCAL_USERS: Final = {
    "maker": Credentials("LOCALMAKERKEY", "local-maker-opens-no-real-account"),
    "checker": Credentials("LOCALCHECKERKEY", "local-checker-opens-no-real-account"),
}
"""Who signs ``/api/…``. The emulator wants a signature and knows no keys."""

USER_HEADER: Final = "X-Local-User"
"""Chooses the user; and a header that no form and no foreign page can send, so every change of /local needs it."""

MAX_BODY: Final = 10 * 1024 * 1024
"""Bytes; API Gateway takes no more. The function's own, smaller limit is the function's business."""

UPSTREAM_SECONDS: Final = 60
MOST_SAID: Final = 1_600
MOST_AHEAD: Final = 31 * 24 * 3600
"""Seconds; no text waits longer, and no money of the demo is held longer."""

PAGE: Final = Path(__file__).parent / "page"
PAGE_FILES: Final = {
    "/": ("index.html", "text/html"),
    "/page.js": ("page.js", "text/javascript"),
    "/page.css": ("page.css", "text/css"),
}
PAGE_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}

_HOP_BY_HOP: Final = frozenset(
    {b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade", b"expect"}
)
"""Headers that concern one connection (RFC 9110, 7.6.1); this side makes its own."""

_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})

_AFTERWARDS: Final = (0.2, 0.5, 0.9, 1.4, 2.0, 3.0, 4.5, 6.5, 9.0, 13.0)
"""Seconds after somebody did something at which the page looks again: that long it takes until all has followed."""

_FLIPKART: Final = re.compile(r"/webhooks/flipkart/([^/]+)")

RawHeaders = Iterable[tuple[bytes, bytes]]
T = TypeVar("T")


class Faults(Protocol):
    """How many of the next SMS requests go wrong, and how."""

    def set(self, values: Mapping[str, Any]) -> None: ...


class Phones(Protocol):
    """The phones of the fake SMS service."""

    @property
    def faults(self) -> Faults: ...

    def received(self) -> list[dict[str, Any]]: ...

    def refused(self) -> list[dict[str, Any]]: ...

    def texts(self) -> list[dict[str, Any]]: ...


class Channels(Protocol):
    """The fakes of the marketplaces' APIs. The ``put_…`` and ``set_fault`` raise ValueError naming the field."""

    def put_shipment(self, shipment_id: str, body: Mapping[str, Any]) -> dict[str, Any]: ...

    def put_return(self, return_id: str, body: Mapping[str, Any]) -> dict[str, Any]: ...

    def put_order(self, order_id: str, body: Mapping[str, Any]) -> dict[str, Any]: ...

    def channels(self) -> list[dict[str, Any]]: ...

    def set_fault(self, values: Mapping[str, Any]) -> None: ...


class Answer(NamedTuple):
    """What the deployed API answered."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


@dataclass(frozen=True)
class Behind:
    """What stands behind the port. All callables block; they are called in threads."""

    endpoint_url: str
    """The emulator."""
    api_id: str
    region: str
    phones: Phones
    account: Mapping[str, Any]
    """The demo account ``{"app_id", "secret", "url"}``: what messages from the page are signed with."""
    quiet: Callable[[float], Verdict]
    functions: Callable[[], dict[str, int]]
    map_listing: Callable[[], str]
    """Imports the registry rows that come later in the story; returns what the command said."""
    redeploy: Callable[[], object]
    dead_letter: Callable[[str, str], object]
    """Puts a text into the dead letters of a queue, as if it had failed there. KeyError for no queue of ours."""
    redrive: Callable[[], str]
    """Sends again what is parked; returns what the command said."""
    sweep: Callable[[str | None], Mapping[str, Any]]
    """Runs the deployed sweep, as of a time (RFC 3339) or now; returns what it answered."""
    channels: Channels
    api_account: Mapping[str, Any]
    """The Flipkart account with an API, ``{"app_id", "secret", "url"}``."""
    seller: Mapping[str, str]
    """The Amazon account as it is registered: account, seller_id, application_id, subscription_id."""
    notify_amazon: Callable[[str], object]
    """Puts a text on the queue that Amazon sends to."""
    catch_up: Callable[[], Mapping[str, Any]]
    """Asks the marketplaces at once for all that changed; returns what the function answered."""
    publish: Callable[[], Mapping[str, Any]]
    """Tells every channel every figure, as each night; returns what the function answered."""
    sms_token: str
    """What the provider proves itself with that has the number which groups can call and write to."""
    import_files: Callable[[Mapping[str, str]], str]
    """Imports registry files, text by name; returns what the command said."""
    set_clock: Callable[[int], object]
    """Sets by how many seconds the clocks of the functions are ahead that send texts and that book money."""
    prove: Callable[[], Mapping[str, Any]]
    """Proves the books at once, as each night; returns what the function answered."""
    audit: Callable[[], str]
    """Proves the books with the real command; returns its JSON. RuntimeError with its words if there is none."""
    contacts: Sequence[Mapping[str, str]] = ()
    """The demo's contacts for the page, each with the group: group_id, name, city, slot, contact, locale, phone."""
    users: Mapping[str, Credentials] = field(default_factory=lambda: LOCAL_USERS)


def api_id(api_url: str) -> str:
    """The API's id in the stack's ApiUrl, in its host (``id.execute-api…``) or its path (``/_aws/execute-api/id``)."""
    parts = urlsplit(api_url)
    path = parts.path.split("/")
    if "execute-api" in path:
        return path[path.index("execute-api") + 1]
    return (parts.hostname or "").split(".")[0]


def application(behind: Behind) -> web.Application:
    """The server. ``run`` serves it on 127.0.0.1 only."""
    app = web.Application(client_max_size=MAX_BODY, middlewares=[_loopback_only, _refusals_as_problems])
    gateway = _Gateway(behind)
    app.cleanup_ctx.append(gateway.background)
    app.on_shutdown.append(gateway.close)
    app.add_routes(
        [
            web.route("*", "/webhooks/{rest:.*}", gateway.webhook),
            web.route("*", "/sms/{rest:.*}", gateway.webhook),
            web.route("*", "/api/{rest:.*}", gateway.api),
            web.route("*", "/console{rest:.*}", gateway.api),
            web.get("/local/phones", gateway.phones),
            web.get("/local/phones/refused", gateway.phones_refused),
            web.get("/local/phones/texts", gateway.phones_texts),
            web.post("/local/phones/reply", gateway.reply),
            web.post("/local/phones/missed-call", gateway.missed_call),
            web.post("/local/faults", gateway.faults),
            web.get("/local/quiet", gateway.quiet),
            web.get("/local/functions", gateway.functions),
            web.get("/local/messages", gateway.offered),
            web.get("/local/events", gateway.events),
            web.post("/local/send", gateway.send),
            web.post("/local/map", gateway.map_listing),
            web.post("/local/import", gateway.import_files),
            web.post("/local/clock", gateway.clock),
            web.post("/local/redeploy", gateway.redeploy),
            web.post("/local/dead-letters/{queue}", gateway.dead_letter),
            web.post("/local/redrive", gateway.redrive),
            web.post("/local/sweep", gateway.sweep),
            web.post("/local/catch-up", gateway.catch_up),
            web.post("/local/publish", gateway.publish),
            web.post("/local/prove", gateway.prove),
            web.get("/local/audit", gateway.audit),
            web.post("/local/settlements", gateway.settlements),
            web.post("/local/bank", gateway.bank),
            web.get("/local/channels", gateway.channels),
            web.post("/local/sell", gateway.sell),
            web.put("/local/flipkart/shipments/{id}", gateway.put_shipment),
            web.put("/local/flipkart/returns/{id}", gateway.put_return),
            web.put("/local/amazon/orders/{id}", gateway.put_order),
            web.post("/local/amazon/notifications", gateway.notify_amazon),
            *(web.get(path, _page) for path in PAGE_FILES),
            web.get("/favicon.ico", _no_icon),
        ]
    )
    return app


def runner(app: web.Application) -> web.AppRunner:
    """Bodies stay as they came (no decompression), and stopping waits for nobody.

    What is no HTTP (two ``Content-Type`` headers, say) is answered 400 by the server itself, before any route. That
    is the caller's matter and no reason for a traceback in the operator's terminal.
    """
    logging.getLogger("aiohttp.server").addFilter(_not_their_http)
    return web.AppRunner(app, access_log=None, auto_decompress=False, shutdown_timeout=1.0)


def _not_their_http(record: logging.LogRecord) -> bool:
    return not (record.exc_info and isinstance(record.exc_info[1], BadHttpMessage))


@web.middleware
async def _loopback_only(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    hosts = [value.decode("latin-1") for name, value in request.raw_headers if name.lower() == b"host"]
    if len(hosts) != 1 or _name(f"//{hosts[0]}") not in _LOOPBACK:
        return problem(403, "Only loopback names are served", "Use http://127.0.0.1 or http://localhost.")
    webhook = request.raw_path.startswith(("/webhooks/", "/sms/"))
    if request.method not in ("GET", "HEAD") and not webhook:
        origin = request.headers.get("Origin")
        if origin is not None and origin != f"http://{hosts[0]}":
            return problem(403, "Another page's request", "Only the page of this server may change anything.")
        if request.path.startswith("/local/") and USER_HEADER not in request.headers:
            said = f"{request.method} to /local needs the header {USER_HEADER}."
            return problem(403, f"{USER_HEADER} is missing", said)
    return await handler(request)


@web.middleware
async def _refusals_as_problems(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """What the server itself refuses is answered like everything else here."""
    try:
        return await handler(request)
    except web.HTTPRequestEntityTooLarge:
        return problem(413, "The body is too large", f"A body may have {MAX_BODY} bytes.")
    except web.HTTPMethodNotAllowed as error:
        allowed = ", ".join(sorted(error.allowed_methods))
        answer = problem(405, error.reason, f"{request.path} takes {allowed}.")
        answer.headers["Allow"] = allowed
        return answer
    except web.HTTPNotFound as error:
        return problem(404, error.reason, f"Nothing is served at {request.path}.")


def _name(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def problem(status: int, title: str, detail: str) -> web.Response:
    """An RFC 9457 answer."""
    body = {"type": "about:blank", "status": status, "title": title, "detail": detail}
    return web.json_response(body, status=status, content_type="application/problem+json")


def _stopping(error: Exception) -> web.Response:
    """Ctrl-C ends the emulator before this server: who still asks then gets an answer, and no traceback is printed."""
    return problem(503, "The stack is stopping", f"The emulator does not answer: {type(error).__name__}.")


async def _page(request: web.Request) -> web.Response:
    name, kind = PAGE_FILES[request.path]
    text = await asyncio.to_thread((PAGE / name).read_text, encoding="utf-8")
    return web.Response(text=text, content_type=kind, charset="utf-8", headers=PAGE_HEADERS)


def _sold(order_ref: str, status: int) -> web.Response:
    """The order, and what was answered when the marketplace said so."""
    return web.json_response({"order_ref": order_ref, "status": status})


async def _no_icon(request: web.Request) -> web.Response:
    """Browsers ask for it unasked."""
    return web.Response(status=204, headers={"Cache-Control": "max-age=86400"})


async def _object(request: web.Request) -> dict[str, Any]:
    """The JSON object in the body. ValueError in words if there is none."""
    try:
        content = json.loads(await request.read())
    except (ValueError, RecursionError):
        raise ValueError("the body is not JSON") from None
    if not isinstance(content, dict):
        raise ValueError("the body is not a JSON object")
    return content


class _Gateway:
    """The handlers and the little that they share."""

    def __init__(self, behind: Behind) -> None:
        self._behind = behind
        self._threads = ThreadPoolExecutor(max_workers=32, thread_name_prefix="gateway")
        self._last_sent: bytes | None = None
        self._changed = asyncio.Condition()
        self._revision = 0
        self._acted_at = time.monotonic()
        self._closing = False
        self._one_quiet = asyncio.Lock()
        self._one_change = asyncio.Lock()
        self._accounts = Accounts()
        self._bank = Bank()

    # --- through to the deployed API

    async def webhook(self, request: web.Request) -> web.Response:
        """To the deployed API as it came: method, target, header names and order, and every byte of the body."""
        body = await request.read()
        return _as_response(await self._pass_webhook(request.method, request.raw_path, request.raw_headers, body))

    async def _pass_webhook(self, method: str, target: str, headers: RawHeaders, body: bytes) -> Answer:
        passed = [(name, value) for name, value in headers if name.lower() not in _HOP_BY_HOP]
        if not _is_utf8(body):
            # API Gateway hands a body that is no text to the function in base64. The emulator goes by the
            # type alone and replaces the bytes of a broken text, so here such a body gets a binary type.
            passed = [(name, _binary(value) if name.lower() == b"content-type" else value) for name, value in passed]
        answer = await self._upstream(method, target, passed, body)
        if answer.status == 200 and (account := _FLIPKART.fullmatch(urlsplit(target).path)):
            # Whoever said it had the marketplace's secret, so its accounts department knows it too.
            with contextlib.suppress(ValueError, LookupError, TypeError, AttributeError, ArithmeticError):
                self._accounts.flipkart_said(account[1], body)
        return answer

    async def api(self, request: web.Request) -> web.Response:
        """To the deployed API, signed as the local user that the caller names."""
        who = request.headers.get(USER_HEADER, "maker")
        if who not in self._behind.users:
            known = ", ".join(sorted(self._behind.users))
            return problem(400, f"{USER_HEADER} is unknown", f"Local users are {known}.")
        body = await request.read()
        passed = ("Accept", "Content-Type", "Idempotency-Key")
        headers = {name: request.headers[name] for name in passed if name in request.headers}
        signed = sign(self._behind, who, request.method, request.raw_path, headers, body)
        return _as_response(await self._upstream(request.method, request.raw_path, signed, body))

    async def _upstream(self, method: str, target: str, headers: RawHeaders, body: bytes) -> Answer:
        answer = await self._thread(_call, self._behind, method, target, headers, body)
        if method not in ("GET", "HEAD"):
            self._act()
        return answer

    # --- the local stack itself

    async def phones(self, request: web.Request) -> web.Response:
        return web.json_response(self._behind.phones.received())

    async def phones_refused(self, request: web.Request) -> web.Response:
        """What the SMS service refused, with the operators' reasons."""
        return web.json_response(self._behind.phones.refused())

    async def phones_texts(self, request: web.Request) -> web.Response:
        """Every text that the SMS service took, also what no phone received, with the last that was said of it."""
        return web.json_response(self._behind.phones.texts())

    async def reply(self, request: web.Request) -> web.Response:
        """A phone answers by a text: ``{"to": the phone, "text": "1"}``. An empty text is a missed call."""
        return await self._answered(request, calls=False)

    async def missed_call(self, request: web.Request) -> web.Response:
        """A phone, ``{"to": the phone}``, calls the number and hangs up."""
        return await self._answered(request, calls=True)

    async def _answered(self, request: web.Request, *, calls: bool) -> web.Response:
        try:
            asked = await _object(request)
            phone, said = asked.get("to"), "" if calls else asked.get("text")
            if not isinstance(phone, str) or not re.fullmatch(r"\+91[6-9][0-9]{9}", phone):
                raise ValueError("to is not a phone as +919999900011")
            if not isinstance(said, str) or len(said) > MOST_SAID:
                raise ValueError(f"text is not a text of at most {MOST_SAID} characters")
        except ValueError as error:
            return problem(400, "No phone can answer that", str(error))
        now, sid = datetime.now(UTC), uuid.uuid4().hex
        posted = exotel.text(phone, said, now, sid) if said else exotel.missed_call(phone, now, sid)
        target = f"/sms/{exotel.PROVIDER}/{exotel.ACCOUNT}?{urlencode({'token': self._behind.sms_token})}"
        raw = [(b"Host", request.host.encode()), (b"Content-Type", posted.content_type.encode())]
        answer = await self._pass_webhook("POST", target, raw, posted.body)
        return web.json_response({"status": answer.status, "answer": answer.body.decode(errors="replace")})

    async def faults(self, request: web.Request) -> web.Response:
        """Lets the next SMS requests go wrong: ``{"hang": 1}``, and whatever else ``local.phones.Faults`` knows.

        With a ``marketplace`` in it, the next requests to that: ``{"marketplace", "operation", "fault", "times"}``.
        """
        try:
            values = await _object(request)
            if "marketplace" in values:
                self._behind.channels.set_fault(values)
            else:
                self._behind.phones.faults.set(values)
        except (ValueError, OverflowError) as error:
            return problem(400, "The faults cannot be set", str(error))
        return web.json_response({"set": True})

    async def quiet(self, request: web.Request) -> web.Response:
        """200 as soon as all is quiet, 504 with what is still busy when the time is over."""
        try:
            timeout = float(request.query.get("timeout", "30"))
        except ValueError:
            timeout = math.nan
        if not 0 <= timeout <= 600:
            return problem(400, "timeout is wrong", "timeout is a number of seconds from 0 to 600.")
        try:
            async with self._one_quiet:
                verdict = await self._thread(self._behind.quiet, timeout)
        except (BotoCoreError, ClientError) as error:
            return _stopping(error)
        return web.json_response(verdict.as_json(), status=200 if verdict.quiet else 504)

    async def functions(self, request: web.Request) -> web.Response:
        """How often each deployed function has run."""
        try:
            return web.json_response(await self._thread(self._behind.functions))
        except (BotoCoreError, ClientError) as error:
            return _stopping(error)

    async def offered(self, request: web.Request) -> web.Response:
        """The messages that the page offers, and the products in them."""
        return web.json_response(
            {
                "account": urlsplit(self._behind.account["url"]).path.removeprefix("/webhooks/"),
                "contacts": [dict(contact) for contact in self._behind.contacts],
                "messages": messages.offered(),
                "products": [{"sku": p.sku, "title": p.title, "price": p.price} for p in messages.PRODUCTS],
            }
        )

    async def send(self, request: web.Request) -> web.Response:
        """Builds an offered message, signs it as the marketplace would and sends it through the webhook route."""
        try:
            asked = await _object(request)
            name, edits = asked.get("message"), asked.get("edits")
            if not isinstance(name, str):
                raise ValueError("message is not a text")
            if not isinstance(edits, dict | None):
                raise ValueError("edits is not an object")
            now = datetime.now(UTC)
            if name == messages.DUPLICATE:
                if self._last_sent is None:
                    raise ValueError("nothing has been sent yet that could come once more")
                body = self._last_sent
            else:
                body = messages.build(name, edits or {}, now, fresh=str(uuid.uuid4()))
        except ValueError as error:
            return problem(400, "The message cannot be built", str(error))
        account = self._behind.account
        signer = {**account, "secret": "a-guess"} if name == messages.FORGED else account
        headers = messages.signed_headers(signer, now)
        target = urlsplit(account["url"]).path
        raw = [(key.encode(), value.encode()) for key, value in {"Host": request.host, **headers}.items()]
        answer = await self._pass_webhook("POST", target, raw, body)
        if name != messages.FORGED:
            self._last_sent = body
        return web.json_response(
            {
                "status": answer.status,
                "answer": answer.body.decode(errors="replace"),
                "sent": {"target": target, "headers": headers, "body": json.loads(body)},
            }
        )

    async def map_listing(self, request: web.Request) -> web.Response:
        """Maps the listing that the story sells before anybody mapped it."""
        return await self._change(self._behind.map_listing)

    async def import_files(self, request: web.Request) -> web.Response:
        """Imports registry files: ``{"groups.csv": "group_id,…"}``."""
        try:
            files = await _object(request)
            for name, text in files.items():
                if not re.fullmatch(r"[a-z_]{1,40}\.csv", name) or not isinstance(text, str):
                    raise ValueError(f"{name[:60]}: is no CSV file and its text")
            if not files:
                raise ValueError("there is no file")
        except ValueError as error:
            return problem(400, "That cannot be imported", str(error))
        return await self._change(lambda: self._behind.import_files(files))

    async def clock(self, request: web.Request) -> web.Response:
        """Puts the clocks ahead by which texts are sent and held money is released: ``{"ahead_seconds": 960}``; 0 is
        the real time."""
        try:
            seconds = (await _object(request)).get("ahead_seconds")
            if isinstance(seconds, bool) or not isinstance(seconds, int) or not 0 <= seconds <= MOST_AHEAD:
                raise ValueError(f"ahead_seconds is not a number of seconds from 0 to {MOST_AHEAD}")
        except ValueError as error:
            return problem(400, "The clock cannot be set", str(error))
        return await self._change(lambda: self._behind.set_clock(seconds))

    async def redeploy(self, request: web.Request) -> web.Response:
        """Deploys a second time, with whatever is on its way."""
        return await self._change(self._behind.redeploy)

    async def dead_letter(self, request: web.Request) -> web.Response:
        """The body, whatever it is, lies in a queue's dead letters: the real way there takes a quarter of an hour."""
        queue, text = request.match_info["queue"], await request.text()
        try:
            await self._thread(self._behind.dead_letter, queue, text)
        except KeyError:
            return problem(404, "There is no such queue", f"{queue} is no queue with dead letters.")
        except (BotoCoreError, ClientError) as error:
            return _stopping(error)
        self._act()
        return web.json_response({"dead": True})

    async def redrive(self, request: web.Request) -> web.Response:
        """Sends again what is parked."""
        return await self._change(self._behind.redrive)

    async def sweep(self, request: web.Request) -> web.Response:
        """Runs the deployed sweep at once, with ``?at=`` as of that time. Answers with what it sent."""
        at = request.query.get("at")
        if at is not None:
            # A query's plus is a space; in a time of RFC 3339 only the plus of an offset can have been meant.
            at = at.replace(" ", "+")
        try:
            if at is not None and datetime.fromisoformat(at).tzinfo is None:
                raise ValueError
        except ValueError:
            return problem(400, "at is wrong", "at is an RFC 3339 time with its offset, as 2026-11-25T10:00:00Z.")
        try:
            answer = await self._thread(self._behind.sweep, at)
        except (BotoCoreError, ClientError) as error:
            return _stopping(error)
        except RuntimeError as error:
            return problem(500, "The sweep failed", str(error))
        self._act()
        return web.json_response(answer)

    async def catch_up(self, request: web.Request) -> web.Response:
        """Asks the marketplaces at once, instead of every few minutes."""
        return await self._run(self._behind.catch_up, "Catching up failed")

    async def publish(self, request: web.Request) -> web.Response:
        """Tells every channel every figure at once, instead of each night."""
        return await self._run(self._behind.publish, "Publishing failed")

    async def prove(self, request: web.Request) -> web.Response:
        """Proves the books at once, instead of each night."""
        return await self._run(self._behind.prove, "Proving failed")

    async def audit(self, request: web.Request) -> web.Response:
        """What ``hunar ledger audit`` says."""
        return await self._run(lambda: dict(json.loads(self._behind.audit())), "The audit failed")

    async def _run(self, function: Callable[[], Mapping[str, Any]], failed: str) -> web.Response:
        try:
            answer = await self._thread(function)
        except (BotoCoreError, ClientError) as error:
            return _stopping(error)
        except RuntimeError as error:
            return problem(500, failed, str(error))
        self._act()
        return web.json_response(answer)

    # --- the marketplaces

    async def channels(self, request: web.Request) -> web.Response:
        """What each channel believes of each listing's stock."""
        return web.json_response(self._behind.channels.channels())

    async def put_shipment(self, request: web.Request) -> web.Response:
        """Sets what Flipkart's API tells of a shipment."""
        return await self._put(request, self._behind.channels.put_shipment)

    async def put_return(self, request: web.Request) -> web.Response:
        """Sets what Flipkart's API tells of a return."""
        return await self._put(request, self._behind.channels.put_return)

    async def put_order(self, request: web.Request) -> web.Response:
        """Sets what Amazon's API tells of an order."""

        def put(order_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
            told = self._behind.channels.put_order(order_id, body)
            self._accounts.amazon_sold(order_id, body)
            return told

        return await self._put(request, put)

    async def _put(self, request: web.Request, put: Callable[[str, Mapping[str, Any]], dict[str, Any]]) -> web.Response:
        try:
            told = put(request.match_info["id"], await _object(request))
        except ValueError as error:
            return problem(400, "The marketplace could not show that", str(error))
        self._act()
        return web.json_response(told)

    async def notify_amazon(self, request: web.Request) -> web.Response:
        """The body, whatever text it is, lies on the queue that Amazon sends to."""
        try:
            text = (await request.read()).decode()
        except UnicodeDecodeError:
            text = ""
        if not text:
            return problem(400, "The notification cannot be sent", "A queue takes no empty body and none but UTF-8.")
        return await self._notify(text)

    async def _notify(self, text: str) -> web.Response:
        try:
            await self._thread(self._behind.notify_amazon, text)
        except ClientError as error:
            return problem(400, "The queue does not take that", error.response["Error"].get("Message", ""))
        except BotoCoreError as error:
            return _stopping(error)
        self._act()
        return web.json_response({"queued": True})

    async def sell(self, request: web.Request) -> web.Response:
        """A buyer buys ``{"marketplace", "sku", "quantity"}`` there: the marketplace knows it and says so."""
        try:
            asked = await _object(request)
            item = messages.sold(asked)
            marketplace = asked.get("marketplace")
            if marketplace not in ("flipkart", "amazon"):
                raise ValueError("marketplace: known are flipkart and amazon")
            now, fresh, behind = datetime.now(UTC), str(uuid.uuid4()), self._behind
            if marketplace == "amazon":
                order_id = messages.amazon_order_id(fresh)
                order = messages.amazon_order(order_id, [item], now)
                behind.channels.put_order(order_id, order)
                self._accounts.amazon_sold(order_id, order)
                notification = messages.amazon_notification(behind.seller, order_id, [item], now)
                sent = await self._notify(messages.as_body(notification).decode())
                return _sold(f"amazon:{behind.seller['account']}:{order_id}", sent.status)
            behind.channels.put_shipment(fresh, messages.flipkart_shipment(fresh, [item], now))
        except ValueError as error:
            return problem(400, "That cannot be sold", str(error))
        target = urlsplit(behind.api_account["url"]).path
        headers = {"Host": request.host, **messages.signed_headers(behind.api_account, now)}
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        answer = await self._pass_webhook("POST", target, raw, messages.as_body(messages.created(fresh, [item], now)))
        return _sold(f"flipkart:{target.rpartition('/')[2]}:{fresh}", answer.status)

    async def settlements(self, request: web.Request) -> web.Response:
        """The marketplace makes its next settlement file and gives it to nobody: an operator hands it in.

        ``{"marketplace": "flipkart", "account": "demo", "orders": [the marketplace's ids], "wrong": one of them, "day":
        "2026-11-26", "spoil": false}``; nothing said is all that is owed of the account without an API, today.
        """
        try:
            asked = await _object(request)
            marketplace = asked.get("marketplace", "flipkart")
            account = asked.get("account", urlsplit(self._behind.account["url"]).path.rpartition("/")[2])
            made = self._settlement(asked, marketplace, account)
        except ValueError as error:
            return problem(400, "There is no settlement", str(error))
        return web.json_response(
            {
                "marketplace": marketplace,
                "account": account,
                "file": made.name,
                "content": base64.b64encode(made.content).decode(),
                "settlement_id": made.settlement_id,
                "bank_paise": made.bank_paise,
                "rows": [asdict(row) for row in made.rows],
            }
        )

    def _settlement(self, asked: Mapping[str, Any], marketplace: Any, account: Any) -> Settlement:
        """ValueError names the field that is wrong."""
        day = asked.get("day", datetime.now(messages.IST).date().isoformat())
        orders, wrong, spoil = asked.get("orders"), asked.get("wrong", ""), asked.get("spoil", False)
        for name, text in {"account": account, "wrong": wrong, "day": day}.items():
            if not isinstance(text, str):
                raise ValueError(f"{name} is not a text")
        try:
            date.fromisoformat(day)
        except ValueError:
            raise ValueError("day is not a day as 2026-11-26") from None
        if orders is not None and not (isinstance(orders, list) and all(isinstance(one, str) for one in orders)):
            raise ValueError("orders is not a list of the marketplace's ids")
        if not isinstance(spoil, bool):
            raise ValueError("spoil is neither true nor false")
        match marketplace:
            case "flipkart":
                return self._accounts.flipkart(account, day, orders=orders, wrong=wrong, spoil=spoil)
            case "amazon":
                return self._accounts.amazon(account, day, orders or [])
        raise ValueError("marketplace: known are flipkart and amazon")

    async def bank(self, request: web.Request) -> web.Response:
        """The agency's bank takes a file of payments, or says more about one, and answers nobody: an operator
        enters it.

        ``{"file": its name, "content": its text, "count": 4, "total_paise": 123400, "reject": {reference: reason}}``
        uploads it; the same again is answered as before. ``{"file", "send_back": {reference: reason}, "days": 3}`` is
        what was paid and came back. ``{"file", "unknown": true, "wrong": a reference}`` is its answer with a mistake.
        """
        try:
            said = self._banked(await _object(request))
        except ValueError as error:
            return problem(400, "The bank does not take that", str(error))
        rows = [
            {name: getattr(one, name) for name in ("reference", "paise", "utr", "state", "reason")}
            for one in said.payments
        ]
        left = self._bank.paid_paise
        return web.json_response({"file": said.name, "content": said.content, "rows": rows, "paid_paise": left})

    def _banked(self, asked: Mapping[str, Any]) -> BankAnswer:
        """ValueError names the field that is wrong."""
        name, content = asked.get("file", ""), asked.get("content")
        if not isinstance(name, str) or not isinstance(content, str | None):
            raise ValueError("file and content are texts")
        numbers = {field: asked.get(field) for field in ("count", "total_paise", "days")}
        for field_, number in numbers.items():
            if number is not None and (isinstance(number, bool) or not isinstance(number, int)):
                raise ValueError(f"{field_} is not a whole number")
        if content is not None:
            return self._bank.take(
                name,
                content,
                count=numbers["count"],
                total_paise=numbers["total_paise"],
                reject=_reasons(asked, "reject"),
            )
        if "send_back" in asked:
            return self._bank.sends_back(name, _reasons(asked, "send_back"), days=numbers["days"] or 1)
        wrong = asked.get("wrong", "")
        if not isinstance(wrong, str):
            raise ValueError("wrong is not a reference")
        return self._bank.errs(name, unknown=asked.get("unknown") is True, wrong=wrong)

    async def _change(self, change: Callable[[], object]) -> web.Response:
        started = time.monotonic()
        try:
            async with self._one_change:
                said = await self._thread(change)
        except Exception as error:  # whatever went wrong is the answer of this local tool
            return problem(500, "That failed", f"{type(error).__name__}: {error}")
        self._act()
        seconds = round(time.monotonic() - started, 1)
        return web.json_response({"done": True, "seconds": seconds, "said": said if isinstance(said, str) else ""})

    # --- telling the page

    async def events(self, request: web.Request) -> web.StreamResponse:
        """Server-sent events: ``change`` with a rising number whenever there may be something new to read."""
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        await response.prepare(request)
        told = -1
        with contextlib.suppress(ConnectionError):
            while not self._closing:
                if told != self._revision:
                    told = self._revision
                    await response.write(f"event: change\ndata: {told}\n\n".encode())
                else:
                    await response.write(b": still here\n\n")
                async with self._changed:
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._changed.wait(), 10)
        return response

    async def background(self, app: web.Application) -> AsyncIterator[None]:
        """While the server runs: says ``change`` when a text or receipt comes, and for a while after somebody acted."""
        watch = asyncio.create_task(self._watch())
        yield
        watch.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watch
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def close(self, app: web.Application) -> None:
        self._closing = True
        await self._bump()

    async def _watch(self) -> None:
        texts: list[dict[str, Any]] = []
        before = time.monotonic()
        while True:
            await asyncio.sleep(0.1)
            now, seen = time.monotonic(), self._behind.phones.texts()
            due = any(before < self._acted_at + after <= now for after in _AFTERWARDS)
            before = now
            if due or seen != texts:
                texts = seen
                await self._bump()

    async def _bump(self) -> None:
        async with self._changed:
            self._revision += 1
            self._changed.notify_all()

    def _act(self) -> None:
        self._acted_at = time.monotonic()

    async def _thread(self, call: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, call, *arguments)


def _reasons(asked: Mapping[str, Any], name: str) -> dict[str, str]:
    """What of a request is reasons by reference. ValueError if it is not."""
    said = asked.get(name, {})
    if not isinstance(said, dict) or not all(
        isinstance(why, str) and re.fullmatch("[A-Z0-9 ]{1,40}", why) for why in said.values()
    ):
        raise ValueError(f"{name} is not a reason by reference, of at most 40 capitals, digits and spaces")
    return dict(said)


def ask(behind: Behind, who: str, method: str, target: str, body: Mapping[str, Any] | None = None) -> Answer:
    """One call of the deployed API by a local user, before this port is open."""
    text = b"" if body is None else json.dumps(body).encode()
    headers = {} if body is None else {"Content-Type": "application/json"}
    return _call(behind, method, target, sign(behind, who, method, target, headers, text), text)


def sign(
    behind: Behind, who: str, method: str, target: str, headers: Mapping[str, str], body: bytes
) -> list[tuple[bytes, bytes]]:
    """The headers with an AWS Signature Version 4 of a local user."""
    url = behind.endpoint_url.rstrip("/") + _path(behind, target)
    request = AWSRequest(method, url, headers={**headers, "Host": urlsplit(url).netloc}, data=body)
    SigV4Auth(behind.users[who], "execute-api", behind.region).add_auth(request)
    return [(name.encode(), value.encode()) for name, value in request.headers.items()]


def _path(behind: Behind, target: str) -> str:
    return f"/_aws/execute-api/{behind.api_id}/$default{target}"


def _call(behind: Behind, method: str, target: str, headers: RawHeaders, body: bytes) -> Answer:
    """One call of the emulator. ``http.client``, because it sends names, values and target exactly as given."""
    where = urlsplit(behind.endpoint_url)
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=UPSTREAM_SECONDS)
    try:
        connection.putrequest(method, _path(behind, target), skip_host=True, skip_accept_encoding=True)
        for name, value in headers:
            if name.lower() != b"content-length":
                connection.putheader(name, value)
        if body or method not in ("GET", "HEAD"):
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body or None)
        response = connection.getresponse()
        return Answer(response.status, response.getheaders(), response.read())
    except (OSError, http.client.HTTPException) as error:
        detail = f"The deployed API did not answer: {type(error).__name__}."
        text = json.dumps({"type": "about:blank", "status": 502, "title": "No answer", "detail": detail})
        return Answer(502, [("Content-Type", "application/problem+json")], text.encode())
    finally:
        connection.close()


def _as_response(answer: Answer) -> web.Response:
    response = web.Response(status=answer.status, body=answer.body)
    response.headers.popall("Content-Type", None)
    for name, value in answer.headers:
        if name.lower().encode() not in _HOP_BY_HOP | {b"content-length", b"date", b"server"}:
            response.headers.add(name, value)
    return response


def _binary(content_type: bytes) -> bytes:
    """A type whose bodies reach the function in base64: this one, unless it is one of the text types."""
    essence = content_type.split(b";")[0].strip().lower()
    is_text = essence.startswith(b"text/") or essence.rpartition(b"/")[2] in (b"json", b"xml", b"javascript")
    return b"application/octet-stream" if is_text else content_type


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True
