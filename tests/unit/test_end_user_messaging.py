"""The AWS provider against the stand-in for its service: a real client, a real socket, four answers."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from typing import Any

import boto3
import pytest
from aiohttp import web
from botocore.config import Config

from hunar.adapters.loopback import local_only
from hunar.adapters.sms.end_user_messaging import EndUserMessaging
from hunar.adapters.sms.guard import ENDPOINT_VARIABLES, require_fake
from hunar.ports import Accepted, Refused, SmsRequest, Stopped, Throttled, Unanswered
from hunar.settings import Settings
from hunar.wiring import Application
from local.phones import Phones, sms_service

VARIABLE = ENDPOINT_VARIABLES["aws"]
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
        ({"to": "+919999900022"}, "ConflictException:DESTINATION_PHONE_NUMBER_OPTED_OUT"),
        # What the client does not check is refused before it leaves.
        ({"text": "w" * 1601}, "InvalidText"),
    ],
)
def test_what_is_never_taken_is_refused_with_a_code(
    phones: Phones, provider: EndUserMessaging, changes: dict[str, Any], reason: str
) -> None:
    phones.opted_out.add("+919999900022")
    assert provider.send(replace(REQUEST, **changes)) == Refused(reason)
    assert phones.received() == []


def test_a_sender_that_is_unknown_stops_every_text_and_loses_none(phones: Phones, provider: EndUserMessaging) -> None:
    assert provider.send(replace(REQUEST, sender_id="OTHERS")) == Stopped(
        "ValidationException:SENDER_ID_NOT_REGISTERED"
    )
    assert phones.received() == []


@pytest.mark.parametrize(("route", "parts"), [("local", 1), ("local", 3), ("international", 1), ("international", 2)])
def test_the_limit_lets_three_local_parts_through_and_no_international_text(
    phones: Phones, endpoint: str, route: str, parts: int
) -> None:
    phones.price_per_part = Decimal("0.00278") if route == "local" else Decimal("0.02171")
    phones.register(ENTITY, SENDER, TEMPLATE, "Ready: {item} now. Hunar" + "." * 153 * (parts - 1))
    request = replace(REQUEST, text=REQUEST.text + "." * 153 * (parts - 1))
    answer = EndUserMessaging(client(endpoint)).send(request)
    if route == "local":
        assert isinstance(answer, Accepted)
        assert phones.received()[0]["parts"] == parts
    else:
        assert answer == Stopped("ValidationException:PRICE_OVER_THRESHOLD")
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
    assert provider.send(REQUEST) == Stopped("MissingAuthenticationTokenException")
    assert phones.received() == []


def listed(kind: str, *reasons: str) -> list[tuple[str, str]]:
    return [(kind, reason) for reason in reasons]


LOST_ON_THE_WAY = [("InternalServerException", ""), ("", "")]
LATER = [("ThrottlingException", ""), ("TooManyRequestsException", ""), ("ExpiredTokenException", "")]
STOPS = [
    *listed("AccessDeniedException", "", "ACCOUNT_DISABLED", "INSUFFICIENT_ACCOUNT_REPUTATION"),
    *listed("ServiceQuotaExceededException", "", "MONTHLY_SPEND_LIMIT_REACHED_FOR_TEXT"),
    *listed("ResourceNotFoundException", ""),
    *listed(
        "ValidationException",
        "CHANNEL_NOT_ENABLED",
        "COUNTRY_NOT_ENABLED",
        "DESTINATION_COUNTRY_BLOCKED",
        "INTERNATIONAL_SENDING_NOT_SUPPORTED",
        "INVALID_IDENTITY_FOR_DESTINATION_COUNTRY",
        "PRICE_OVER_THRESHOLD",
        "RESOURCE_NOT_ACCESSIBLE",
        "SENDER_ID_NOT_REGISTERED",
        "SENDER_ID_NOT_SUPPORTED",
        "SENDER_ID_REQUIRES_REGISTRATION",
    ),
    *listed(
        "ConflictException",
        "DESTINATION_COUNTRY_BLOCKED_BY_PROTECT_CONFIGURATION",
        "NO_ORIGINATION_IDENTITIES_FOUND",
        "RESOURCE_NOT_ACTIVE",
    ),
    *listed("UnrecognizedClientException", ""),
    *listed("InvalidSignatureException", ""),
    *listed("OptInRequired", ""),
]
REFUSES = [
    *listed(
        "ValidationException", "", "INVALID_PARAMETER", "INVALID_REGISTRATION_ASSOCIATION", "MAXIMUM_SIZE_EXCEEDED"
    ),
    *listed(
        "ConflictException",
        "",
        "DESTINATION_PHONE_NUMBER_BLOCKED_BY_PROTECT_NUMBER_OVERRIDE",
        "DESTINATION_PHONE_NUMBER_NOT_VERIFIED",
        "DESTINATION_PHONE_NUMBER_OPTED_OUT",
    ),
    *listed("NeverHeardOfException", ""),
]
ANSWERS = [
    *((400, error, Throttled) for error in LATER),
    *((429, error, Throttled) for error in [("SlowDown", "")]),
    *((400, error, Stopped) for error in STOPS),
    *((400, error, Refused) for error in REFUSES),
    *((status, error, Unanswered) for status in (408, 500, 502, 503) for error in LOST_ON_THE_WAY),
    (200, ("", ""), Unanswered),
]


def test_every_error_of_aws_has_its_answer_and_costs_one_request() -> None:
    now: list[tuple[int, tuple[str, str], type]] = []
    asked = 0

    async def respond(_: web.Request) -> web.Response:
        nonlocal asked
        asked += 1
        status, (kind, reason), _given = now[-1]
        body = {name: value for name, value in (("__type", kind), ("Reason", reason)) if value}
        return web.json_response(body, status=status, content_type="application/x-amz-json-1.0")

    application = web.Application()
    application.router.add_post("/", respond)
    with served(application) as endpoint:
        provider = EndUserMessaging(client(endpoint))
        for case in ANSWERS:
            now.append(case)
            _, (kind, reason), expected = case
            given = provider.send(REQUEST)
            assert type(given) is expected, case
            assert not isinstance(given, Accepted)
            assert given.reason.startswith(":".join(filter(None, (kind, reason))))
    assert asked == len(ANSWERS)


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
        (True, {"STAGE": "dev", VARIABLE: "https://sms-voice.ap-south-1.amazonaws.com"}),
        (True, {"STAGE": "dev", VARIABLE: "http://127.0.0.1.example.org:8081"}),
        (True, {"STAGE": "dev", VARIABLE: "127.0.0.1:8081"}),
        (
            True,
            {"STAGE": "dev", VARIABLE: "http://127.0.0.1:8081", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"},
        ),
        (False, {"STAGE": "local"}),
        (False, {}),
    ],
)
def test_a_demo_or_a_local_stack_refuses_a_real_provider(demo: bool, environment: dict[str, str]) -> None:
    with pytest.raises(RuntimeError, match=VARIABLE):
        require_fake("aws", demo, environment)


@pytest.mark.parametrize(
    ("demo", "environment"),
    [
        (True, {"STAGE": "dev", VARIABLE: "http://127.0.0.1:8081"}),
        (False, {"STAGE": "local", VARIABLE: "http://localhost:8081"}),
        (False, {"STAGE": "prod"}),
    ],
)
def test_a_fake_or_a_real_agency_may_send(demo: bool, environment: dict[str, str]) -> None:
    require_fake("aws", demo, environment)
    assert local_only("http://[::1]:8081")


@pytest.mark.parametrize("provider", ["msg91", "exotel", "nobody"])
@pytest.mark.parametrize(("demo", "stage"), [(True, "prod"), (False, "local")])
def test_a_demo_or_a_local_stack_sends_by_no_provider_without_a_stand_in(provider: str, demo: bool, stage: str) -> None:
    with pytest.raises(RuntimeError, match="SMS_PROVIDER may not be"):
        require_fake(provider, demo, {"STAGE": stage, VARIABLE: "http://127.0.0.1:8081"})


def test_sns_needs_a_stand_in_of_its_own() -> None:
    with pytest.raises(RuntimeError, match="AWS_ENDPOINT_URL_SNS"):
        require_fake("sns", True, {"STAGE": "dev", VARIABLE: "http://127.0.0.1:8081"})
    require_fake("sns", True, {"STAGE": "dev", "AWS_ENDPOINT_URL_SNS": "http://127.0.0.1:8081"})


@pytest.mark.parametrize(
    ("provider", "made"),
    [(None, "EndUserMessaging"), ("aws", "EndUserMessaging"), ("sns", "Sns"), ("msg91", "Msg91"), ("exotel", "Exotel")],
)
def test_the_setting_says_who_sends(provider: str | None, made: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STAGE", "prod")
    settings = Settings.from_environment({"STAGE": "prod"} | ({"SMS_PROVIDER": provider} if provider else {}))
    assert type(Application(settings).sms).__name__ == made


def test_a_setting_that_names_nobody_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STAGE", "prod")
    settings = Settings.from_environment({"STAGE": "prod", "SMS_PROVIDER": "pigeon"})
    with pytest.raises(ValueError, match="SMS_PROVIDER: 'pigeon' is none of"):
        _ = Application(settings).sms


def test_what_the_settings_say_of_price_and_receipts_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[dict[str, Any]] = []

    async def respond(request: web.Request) -> web.Response:
        seen.append(json.loads(await request.text()))
        return web.json_response({"MessageId": "m1"}, content_type="application/x-amz-json-1.0")

    application = web.Application()
    application.router.add_post("/", respond)
    told = {"STAGE": "prod", "SMS_MAX_PRICE": "0.015", "SMS_CONFIGURATION_SET": "hunar-prod"}
    with served(application) as endpoint:
        monkeypatch.setenv("STAGE", "prod")
        monkeypatch.setenv(VARIABLE, endpoint)
        assert Application(Settings.from_environment(told)).sms.send(REQUEST) == Accepted("m1")
    assert (seen[0]["MaxPrice"], seen[0]["ConfigurationSetName"]) == ("0.015", "hunar-prod")


def test_a_process_loads_the_provider_that_sends_and_no_other() -> None:
    code = """
import sys
from hunar.settings import Settings
from hunar.use_cases import notify
from hunar.wiring import Application
application = Application(Settings.from_environment({"STAGE": "prod"}))
before = [name for name in sys.modules if name.startswith("hunar.adapters.")]
application.sms
print(before, sorted(name for name in sys.modules if name.startswith("hunar.adapters.sms.")))
"""
    environment = {**os.environ, "STAGE": "prod"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    loaded = [f"hunar.adapters.sms.{name}" for name in ("aws", "end_user_messaging", "guard", "requests")]
    assert done.stdout.strip() == f"[] {loaded}"
