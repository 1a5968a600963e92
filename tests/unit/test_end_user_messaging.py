"""The AWS provider against the stand-in for its service: a real client, a real socket, four answers."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import boto3
import pytest
from aiohttp import web
from botocore.config import Config

from hunar.adapters.loopback import local_only
from hunar.adapters.sms.end_user_messaging import ENDPOINT_VARIABLE, EndUserMessaging, require_fake
from hunar.ports import Accepted, Refused, SmsRequest, Throttled, Unanswered
from local.phones import Phones, sms_service

ENTITY, SENDER, TEMPLATE = "1101000000000000001", "HUNARS", "1107000000000000101"
REQUEST = SmsRequest(
    notification_id="n1",
    to="+919999900011",
    text="Ready: 2 Jute tote now. Hunar",
    kind="NEW_ORDER",
    locale="en",
    values={"item": "2 Jute tote"},
    entity_id=ENTITY,
    template_id=TEMPLATE,
    provider_template=None,
    sender_id=SENDER,
    time_to_live_seconds=3600,
)


@contextmanager
def served(application: web.Application) -> Iterator[str]:
    """Runs an application on a free loopback port in a thread of its own."""
    loop = asyncio.new_event_loop()
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    listener = socket.create_server(("127.0.0.1", 0))

    async def start() -> None:
        await runner.setup()
        await web.SockSite(runner, listener).start()

    loop.run_until_complete(start())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


@pytest.fixture
def phones() -> Phones:
    made = Phones()
    made.register(ENTITY, SENDER, TEMPLATE, "Ready: {item} now. Hunar")
    return made


@pytest.fixture
def endpoint(phones: Phones) -> Iterator[str]:
    with served(sms_service(phones)) as url:
        yield url


def client(endpoint: str, *, attempts: int = 1, signed: bool = True) -> Any:
    made = boto3.client(
        "pinpoint-sms-voice-v2",
        region_name="ap-south-1",
        endpoint_url=endpoint,
        aws_access_key_id="local",
        aws_secret_access_key="local",
        config=Config(connect_timeout=1, read_timeout=0.5, retries={"total_max_attempts": attempts}),
    )
    if not signed:
        made.meta.events.register("before-send", lambda request, **_: request.headers.pop("Authorization") and None)
    return made


@pytest.fixture
def provider(endpoint: str) -> EndUserMessaging:
    return EndUserMessaging(client(endpoint))


def test_an_accepted_text_is_on_the_phone_once(phones: Phones, provider: EndUserMessaging) -> None:
    answer = provider.send(REQUEST)
    assert isinstance(answer, Accepted)
    assert len(answer.provider_id) == 36
    (entry,) = phones.received()
    assert (entry["to"], entry["text"], entry["notification_id"]) == (REQUEST.to, REQUEST.text, "n1")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"text": "Ready: 2 Jute tote soon. Hunar"}, "ValidationException:INVALID_PARAMETER"),
        ({"template_id": "1107000000000000999"}, "ValidationException:INVALID_REGISTRATION_ASSOCIATION"),
        ({"entity_id": "1101000000000000009"}, "ValidationException:INVALID_REGISTRATION_ASSOCIATION"),
        ({"sender_id": "OTHERS"}, "ValidationException:SENDER_ID_NOT_REGISTERED"),
        ({"to": "+919999900022"}, "ConflictException:DESTINATION_PHONE_NUMBER_OPTED_OUT"),
        # What the client does not check is refused before it leaves.
        ({"to": "+915999900011"}, "InvalidDestinationPhoneNumber"),
        ({"to": "+9199999000111"}, "InvalidDestinationPhoneNumber"),
        ({"sender_id": "HUNAR-SHOP"}, "InvalidOriginationIdentity"),
        ({"text": " "}, "InvalidMessageBody"),
        ({"text": "w" * 1601}, "InvalidMessageBody"),
        ({"entity_id": ""}, "InvalidEntityId"),
        ({"template_id": "not known"}, "InvalidTemplateId"),
        ({"time_to_live_seconds": 4}, "InvalidTimeToLive"),
        ({"time_to_live_seconds": 259_201}, "InvalidTimeToLive"),
    ],
)
def test_what_is_never_taken_is_refused_with_a_code(
    phones: Phones, provider: EndUserMessaging, changes: dict[str, Any], reason: str
) -> None:
    phones.opted_out.add("+919999900022")
    assert provider.send(replace(REQUEST, **changes)) == Refused(reason)
    assert phones.received() == []


def test_a_dear_route_is_refused_by_the_price_limit(phones: Phones, endpoint: str) -> None:
    provider = EndUserMessaging(client(endpoint), max_price="0.00200")
    assert provider.send(REQUEST) == Refused("ValidationException:PRICE_OVER_THRESHOLD")
    assert phones.received() == []


def test_throttled_is_not_sent_and_the_next_request_is(phones: Phones, provider: EndUserMessaging) -> None:
    phones.faults.set({"throttle": 1})
    assert provider.send(REQUEST) == Throttled("ThrottlingException")
    assert phones.received() == []
    assert isinstance(provider.send(REQUEST), Accepted)
    assert len(phones.received()) == 1


def test_a_hanging_answer_is_unanswered_and_the_client_does_not_ask_twice(
    phones: Phones, provider: EndUserMessaging
) -> None:
    phones.faults.set({"hang": 1, "hang_seconds": 1.5})
    assert provider.send(REQUEST) == Unanswered("ReadTimeoutError")
    assert len(phones.received()) == 1


def test_a_connection_that_breaks_after_the_text_was_taken_is_unanswered(
    phones: Phones, provider: EndUserMessaging
) -> None:
    phones.faults.set({"lose": 1})
    assert provider.send(REQUEST) == Unanswered("ConnectionClosedError")
    assert len(phones.received()) == 1


def test_a_server_error_is_unanswered(phones: Phones, provider: EndUserMessaging) -> None:
    phones.faults.set({"fail": 1})
    assert provider.send(REQUEST) == Unanswered("InternalServerException")


def test_an_opted_out_phone_is_refused(phones: Phones, provider: EndUserMessaging) -> None:
    phones.faults.set({"reject": 1})
    assert provider.send(REQUEST) == Refused("ConflictException:DESTINATION_PHONE_NUMBER_OPTED_OUT")


def test_a_refused_connection_sent_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    provider = EndUserMessaging(client(f"http://127.0.0.1:{port}"))
    assert provider.send(REQUEST) == Throttled("EndpointConnectionError")


def test_an_unsigned_request_is_our_fault_and_keeps_the_text(phones: Phones, endpoint: str) -> None:
    provider = EndUserMessaging(client(endpoint, signed=False))
    assert provider.send(REQUEST) == Throttled("MissingAuthenticationTokenException")
    assert phones.received() == []


@pytest.mark.parametrize(
    ("status", "body", "answer"),
    [
        (400, {"__type": "AccessDeniedException", "Reason": "ACCOUNT_DISABLED"}, Throttled),
        (400, {"__type": "ServiceQuotaExceededException", "Reason": "MONTHLY_SPEND_LIMIT_REACHED_FOR_TEXT"}, Throttled),
        (403, {"__type": "ExpiredTokenException"}, Throttled),
        (429, {"__type": "SlowDown"}, Throttled),
        (400, {"__type": "ResourceNotFoundException", "ResourceType": "sender-id"}, Refused),
        (400, {"__type": "NeverHeardOfException"}, Refused),
        (408, {"__type": "RequestTimeout"}, Unanswered),
        (502, {}, Unanswered),
        (503, {"__type": "ServiceUnavailable"}, Unanswered),
        (200, {}, Unanswered),
    ],
)
def test_every_other_answer_of_aws_has_its_place(status: int, body: dict[str, str], answer: type) -> None:
    async def respond(_: web.Request) -> web.Response:
        return web.json_response(body, status=status, content_type="application/x-amz-json-1.0")

    application = web.Application()
    application.router.add_post("/", respond)
    with served(application) as endpoint:
        given = EndUserMessaging(client(endpoint)).send(REQUEST)
        assert type(given) is answer
        assert not isinstance(given, Accepted)
        assert given.reason.startswith(body.get("__type", ""))


def test_a_reason_never_repeats_the_number_or_the_text() -> None:
    async def respond(_: web.Request) -> web.Response:
        body = {"__type": "ValidationException", "Message": f"{REQUEST.to} {REQUEST.text}", "Reason": REQUEST.text}
        return web.json_response(body, status=400, content_type="application/x-amz-json-1.0")

    application = web.Application()
    application.router.add_post("/", respond)
    with served(application) as endpoint:
        assert EndUserMessaging(client(endpoint)).send(REQUEST) == Refused("ValidationException")


def test_an_answer_that_is_no_json_is_unanswered() -> None:
    async def respond(_: web.Request) -> web.Response:
        return web.Response(text="<html>hello</html>")

    application = web.Application()
    application.router.add_post("/", respond)
    with served(application) as endpoint:
        assert isinstance(EndUserMessaging(client(endpoint)).send(REQUEST), Unanswered)


def test_a_client_that_tries_again_is_not_taken() -> None:
    with pytest.raises(ValueError, match="one attempt"):
        EndUserMessaging(client("http://127.0.0.1:9", attempts=3))


def test_what_is_sent_names_configuration_price_and_type() -> None:
    seen: list[dict[str, Any]] = []

    async def respond(request: web.Request) -> web.Response:
        seen.append(json.loads(await request.text()))
        return web.json_response({"MessageId": "m1"}, content_type="application/x-amz-json-1.0")

    application = web.Application()
    application.router.add_post("/", respond)
    with served(application) as endpoint:
        provider = EndUserMessaging(client(endpoint), max_price="0.02", configuration_set="hunar-prod")
        assert provider.send(REQUEST) == Accepted("m1")
    assert seen == [
        {
            "DestinationPhoneNumber": REQUEST.to,
            "OriginationIdentity": SENDER,
            "MessageBody": REQUEST.text,
            "MessageType": "TRANSACTIONAL",
            "MaxPrice": "0.02",
            "TimeToLive": 3600,
            "ConfigurationSetName": "hunar-prod",
            "Context": {"notification_id": "n1"},
            "DestinationCountryParameters": {"IN_ENTITY_ID": ENTITY, "IN_TEMPLATE_ID": TEMPLATE},
        }
    ]


@pytest.mark.parametrize(
    ("demo", "environment"),
    [
        (True, {"STAGE": "dev"}),
        (True, {"STAGE": "dev", ENDPOINT_VARIABLE: "https://sms-voice.ap-south-1.amazonaws.com"}),
        (True, {"STAGE": "dev", ENDPOINT_VARIABLE: "http://127.0.0.1.example.org:8081"}),
        (True, {"STAGE": "dev", ENDPOINT_VARIABLE: "127.0.0.1:8081"}),
        (
            True,
            {"STAGE": "dev", ENDPOINT_VARIABLE: "http://127.0.0.1:8081", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"},
        ),
        (False, {"STAGE": "local"}),
        (False, {}),
    ],
)
def test_a_demo_or_a_local_stack_refuses_a_real_provider(demo: bool, environment: dict[str, str]) -> None:
    with pytest.raises(RuntimeError, match=ENDPOINT_VARIABLE):
        require_fake(demo, environment)


@pytest.mark.parametrize(
    ("demo", "environment"),
    [
        (True, {"STAGE": "dev", ENDPOINT_VARIABLE: "http://127.0.0.1:8081"}),
        (False, {"STAGE": "local", ENDPOINT_VARIABLE: "http://localhost:8081"}),
        (False, {"STAGE": "prod"}),
    ],
)
def test_a_fake_or_a_real_agency_may_send(demo: bool, environment: dict[str, str]) -> None:
    require_fake(demo, environment)
    assert local_only("http://[::1]:8081")
