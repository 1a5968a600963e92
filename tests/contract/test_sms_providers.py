"""Every provider of texts through the same histories: real clients, real sockets, and never a second request."""

from __future__ import annotations

import json
import logging
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import boto3
import pytest
from botocore.config import Config
from moto import mock_aws

from hunar.adapters.secrets import SmsSecrets
from hunar.adapters.sms import provider_api
from hunar.adapters.sms.end_user_messaging import EndUserMessaging
from hunar.adapters.sms.exotel import Exotel
from hunar.adapters.sms.msg91 import Msg91
from hunar.adapters.sms.sns import Sns
from hunar.ports import Accepted, Refused, SmsAnswer, SmsProvider, SmsRequest, Stopped, Throttled, Unanswered
from tests.sms_fakes import (
    ENTITY,
    FAULTS,
    FLOW,
    SENDER,
    TEMPLATE,
    Fake,
    FakeEndUserMessaging,
    FakeExotel,
    FakeMsg91,
    FakeSns,
    serving,
)

NUMBER, ITEM = "+919999900011", "2 Jute tote"
REQUEST = SmsRequest(
    notification_id="n1",
    to=NUMBER,
    text=f"Ready: {ITEM} now. Hunar",
    kind="NEW_ORDER",
    locale="en",
    values={"item": ITEM},
    entity_id=ENTITY,
    template_id=TEMPLATE,
    provider_template=FLOW,
    sender_id=SENDER,
    time_to_live_seconds=3600,
)
PREFIX = "hunar/test/sms"
OVER_HTTP = ("msg91", "exotel")
OF_AWS = ("aws", "sns")
SECRETS = {
    "msg91": {"auth_key": FakeMsg91.key},
    "exotel": {
        "account_sid": FakeExotel.sid,
        "api_key": FakeExotel.key,
        "api_token": FakeExotel.token,
        "cluster": "mumbai",
        "status_callback": FakeExotel.callback,
    },
}


FAKES: dict[str, Callable[[], Fake]] = {
    "aws": FakeEndUserMessaging,
    "sns": FakeSns,
    "msg91": FakeMsg91,
    "exotel": FakeExotel,
}
SERVICES = {"aws": "pinpoint-sms-voice-v2", "sns": "sns"}


def client(service: str, url: str | None = None, attempts: int = 1) -> Any:
    make: Any = boto3.client
    config = Config(connect_timeout=1, read_timeout=0.4, retries={"total_max_attempts": attempts})
    return make(service, endpoint_url=url, config=config)


class Stage:
    """The stand-in for a provider's service, and the AWS client that calls it or reads its credentials."""

    def __init__(self, name: str, fake: Fake) -> None:
        self.name = name
        self.fake = fake
        self.secret_id = f"{PREFIX}/{name}/main"
        self.client = client(SERVICES[name], fake.url) if name in OF_AWS else client("secretsmanager")

    def provider(self, now: Callable[[], datetime], url: str | None = None) -> SmsProvider:
        """A process of its own: it has read no secret yet."""
        secrets = SmsSecrets(self.client, PREFIX, now)
        called = self.client if url is None or self.name in OVER_HTTP else client(SERVICES[self.name], url)
        url = url or self.fake.url
        makers: dict[str, Callable[[], SmsProvider]] = {
            "aws": lambda: EndUserMessaging(called),
            "sns": lambda: Sns(called),
            "msg91": lambda: Msg91(secrets, base=url),
            "exotel": lambda: Exotel(secrets, hosts={"mumbai": url}),
        }
        return makers[self.name]()


class World:
    """One provider with an account that is in order."""

    def __init__(self, stage: Stage) -> None:
        self.now = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
        self.stage, self.name, self.fake = stage, stage.name, stage.fake
        self.fake.forget()
        if self.name in OVER_HTTP:
            self.store()
        self.provider = self.provider_at()

    def send(self, **changes: Any) -> SmsAnswer:
        return self.provider.send(replace(REQUEST, **changes))

    def provider_at(self, url: str | None = None) -> SmsProvider:
        return self.stage.provider(lambda: self.now, url)

    def store(self, **fields: str) -> None:
        text, secret_id = json.dumps(SECRETS[self.name] | fields), self.stage.secret_id
        try:
            self.stage.client.create_secret(Name=secret_id, SecretString=text)
        except self.stage.client.exceptions.ResourceExistsException:
            self.stage.client.put_secret_value(SecretId=secret_id, SecretString=text)


@pytest.fixture(scope="module")
def stages() -> Iterator[Callable[[str], Stage]]:
    with ExitStack() as open_until_the_end:
        open_until_the_end.enter_context(mock_aws())
        yield cache(lambda name: Stage(name, open_until_the_end.enter_context(serving(FAKES[name]()))))


@pytest.fixture(params=FAKES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def world(name: str, stages: Callable[[str], Stage], monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(provider_api, "SECONDS", 0.4)
    return World(stages(name))


def test_a_text_is_on_the_phone_once_and_carries_what_the_operators_ask_for(world: World) -> None:
    answer = world.send()
    assert isinstance(answer, Accepted)
    assert answer.provider_id
    (received,) = world.fake.phones
    assert (received.to, received.text) == (NUMBER, REQUEST.text)
    assert received.template == (FLOW if world.name == "msg91" else TEMPLATE)
    assert received.notification_id == (None if world.name == "sns" else "n1")
    assert len(world.fake.requests) == 1


def test_words_of_any_script_arrive_as_they_are(world: World) -> None:
    item = "2 जूट थैला"
    assert isinstance(world.send(text=f"Ready: {item} now. Hunar", values={"item": item}), Accepted)
    assert world.fake.phones[0].text == f"Ready: {item} now. Hunar"


@pytest.mark.parametrize("fault", ["hang", "break", "html", "large", "fail"])
def test_after_the_text_was_taken_nobody_knows_and_nobody_asks_twice(world: World, fault: str) -> None:
    world.fake.fault = fault
    answer = world.send()
    assert isinstance(answer, Unanswered)
    assert len(world.fake.phones) == len(world.fake.requests) == 1


def test_a_provider_that_has_no_time_took_nothing_and_takes_the_same_text_later(world: World) -> None:
    world.fake.fault = "throttle"
    assert isinstance(world.send(), Throttled)
    assert (world.fake.phones, len(world.fake.requests)) == ([], 1)
    world.fake.fault = None
    assert isinstance(world.send(), Accepted)
    assert (len(world.fake.phones), len(world.fake.requests)) == (1, 2)


def test_an_account_without_money_stops_every_text_and_burns_one_request(world: World) -> None:
    world.fake.fault = "stop"
    assert isinstance(world.send(), Stopped)
    assert (world.fake.phones, len(world.fake.requests)) == ([], 1)


def test_a_phone_that_takes_no_texts_is_refused(world: World) -> None:
    world.fake.opted_out.add(NUMBER)
    assert isinstance(world.send(), Refused)
    assert (world.fake.phones, len(world.fake.requests)) == ([], 1)


def test_a_text_that_is_not_the_registered_one_is_refused(world: World) -> None:
    changes = {"provider_template": "another"} if world.name == "msg91" else {"text": "Ready soon. Hunar"}
    assert isinstance(world.send(**changes), Refused)
    assert (world.fake.phones, len(world.fake.requests)) == ([], 1)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"to": "+915999900011"}, "InvalidPhoneNumber"),
    ({"to": "+9199999000111"}, "InvalidPhoneNumber"),
    ({"to": "+12065550152"}, "InvalidPhoneNumber"),
    ({"sender_id": "HUNAR-SHOP"}, "InvalidSenderId"),
    ({"text": " "}, "InvalidText"),
    ({"text": "w" * 2001}, "InvalidText"),
    ({"entity_id": ""}, "InvalidEntityId"),
    ({"template_id": "not known"}, "InvalidTemplateId"),
    ({"time_to_live_seconds": 4}, "InvalidTimeToLive"),
    ({"time_to_live_seconds": 259_201}, "InvalidTimeToLive"),
]


def test_what_no_provider_takes_asks_nobody(world: World) -> None:
    assert [world.send(**changes) for changes, _ in WRONG] == [Refused(reason) for _, reason in WRONG]
    assert world.fake.requests == []


def test_nobody_listens_so_nothing_was_sent(world: World) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    world.provider = world.provider_at(f"http://127.0.0.1:{port}")
    assert isinstance(world.send(), Throttled)


def test_neither_number_nor_text_nor_key_shows_anywhere(world: World, caplog: pytest.LogCaptureFixture) -> None:
    said = [repr(world.provider)]
    with caplog.at_level(logging.INFO):
        for fault in (None, *FAULTS):
            world.fake.fault = fault
            said.append(repr(world.send()))
        world.fake.fault = None
        world.fake.opted_out.add(NUMBER)
        said.append(repr(world.send()))
    shown = "\n".join([*said, caplog.text])
    keys = SECRETS.get(world.name, {}).values()
    for secret in (NUMBER, NUMBER[3:], ITEM, "Ready", *(key for key in keys if key != "mumbai")):
        assert secret not in shown


@pytest.mark.parametrize("maker", [EndUserMessaging, Sns])
def test_a_client_that_tries_again_and_a_limit_that_aws_does_not_read_are_not_taken(maker: Any) -> None:
    service = SERVICES["aws" if maker is EndUserMessaging else "sns"]
    with pytest.raises(ValueError, match="one attempt"):
        maker(client(service, attempts=3))
    once = client(service)
    for price in ("1", "", "0,01", "0.000001", "100.0"):
        with pytest.raises(ValueError, match="SMS_MAX_PRICE"):
            maker(once, max_price=price)


# --- providers that are called with a key of ours


@pytest.mark.parametrize("name", OVER_HTTP)
def test_without_credentials_every_text_waits_for_a_person(world: World) -> None:
    secrets, secret_id = world.stage.client, world.stage.secret_id
    secrets.delete_secret(SecretId=secret_id, ForceDeleteWithoutRecovery=True)
    assert world.send() == Stopped("NoCredentials")
    assert world.fake.requests == []
    secrets.create_secret(Name=secret_id, SecretString='{"auth_key": ""}')
    world.now += timedelta(minutes=1)
    assert world.send() == Stopped("NoCredentials")


@pytest.mark.parametrize("name", OVER_HTTP)
def test_a_wrong_key_stops_and_a_new_one_goes_on_without_a_second_request(world: World) -> None:
    field = "auth_key" if world.name == "msg91" else "api_token"
    world.store(**{field: "a wrong one"})
    assert isinstance(world.send(), Stopped)
    assert len(world.fake.requests) == 1
    world.store()
    # What was read a moment ago is read again at most once a minute.
    assert isinstance(world.send(), Stopped)
    world.now += timedelta(minutes=1)
    assert world.send() == Throttled("NewCredentials")
    assert isinstance(world.send(), Accepted)
    assert (len(world.fake.requests), len(world.fake.phones)) == (4, 1)


@pytest.mark.parametrize("name", OVER_HTTP)
def test_a_key_that_no_header_may_hold_is_not_shown(world: World) -> None:
    if world.name == "msg91":
        world.store(auth_key="se\ncret")
        assert world.send() == Stopped("InvalidCredentials")
    else:
        world.store(cluster="https://evil.example")
        assert world.send() == Stopped("InvalidCluster")
    assert world.fake.requests == []


@pytest.mark.parametrize("name", OVER_HTTP)
def test_secrets_that_cannot_be_read_now_are_read_later(world: World) -> None:
    secrets = SmsSecrets(client("secretsmanager", "http://127.0.0.1:9"), PREFIX, lambda: world.now)
    world.provider = Msg91(secrets) if world.name == "msg91" else Exotel(secrets)
    assert world.send() == Throttled("NoCredentialsNow")
    assert world.fake.requests == []
