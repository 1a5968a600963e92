"""The ``hunar`` command as an operator runs it: in AWS (played by moto) and against a local stack."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws
from typer.testing import CliRunner, Result

from hunar import wiring
from hunar.adapters.dynamodb.store import DynamoDBStore
from hunar.cli import application, deployed
from hunar.domain.proof import Proof
from hunar.marketplaces import flipkart, standard
from hunar.ports import QueueName, WebhookSecret
from hunar.tables import Table
from hunar.use_cases import park
from tests.tables import create_tables

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "local" / "demo"
SAMPLE = ROOT / "tests" / "samples" / "flipkart" / "shipment_created.json"
VECTOR = json.loads((ROOT / "tests" / "samples" / "flipkart" / "signature_vector.json").read_text())
GIVEN = {"app_id": "app", "secret": "first", "url": "https://hunar.example/webhooks/flipkart/demo"}
STORED = {**GIVEN, "previous_secret": None}
BUCKET = "failed-relays"


def hunar(*arguments: str, stdin: Any = "", code: int = 0) -> Result:
    text = stdin if isinstance(stdin, str | bytes) else json.dumps(stdin)
    result = CliRunner().invoke(application, arguments, input=text)
    assert result.exit_code == code, (result.output, result.exception)
    return result


def document(*arguments: str, stdin: Any = "", code: int = 0) -> Any:
    """What the command says with --json."""
    return json.loads(hunar(*arguments, "--json", stdin=stdin, code=code).stdout)


def one_line(result: Result) -> str:
    [line] = result.stderr.splitlines()
    return line


# in AWS


@dataclass
class Stack:
    """A stack in AWS whose CloudFormation outputs are those of the template."""

    tables: dict[Table, str]
    queues: dict[QueueName, str]

    @property
    def secrets(self) -> dict[str, Any]:
        client = boto3.client("secretsmanager")
        return {
            entry["Name"]: json.loads(client.get_secret_value(SecretId=entry["Name"])["SecretString"])
            for entry in client.list_secrets()["SecretList"]
        }

    @property
    def registered(self) -> int:
        return int(boto3.client("dynamodb").scan(TableName=self.tables[Table.REGISTRY])["Count"])

    def messages(self) -> int:
        url = self.queues[QueueName.ORDER_EVENTS]
        told = boto3.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        return int(told["ApproximateNumberOfMessages"])


def outputs(tables: dict[Table, str], queues: dict[QueueName, str], **changed: str) -> dict[str, str]:
    named = {f"{table.name.title()}TableName": name for table, name in tables.items()}
    named |= {f"{''.join(map(str.title, queue.name.split('_')))}QueueUrl": url for queue, url in queues.items()}
    named |= {
        "ApiUrl": "https://api.example/",
        "SecretPrefix": "hunar/dev/webhooks",
        "WebhookAccounts": "flipkart/demo",
        "ApiSecretPrefix": "hunar/dev/api",
        "ApiAccounts": "flipkart/demo",
        "Demo": "true",
        "FailedRelaysBucketName": BUCKET,
    }
    return named | changed


def create_stack(**changed: str) -> Stack:
    tables = create_tables(boto3.client("dynamodb"))
    sqs = boto3.client("sqs")
    queues = {queue: sqs.create_queue(QueueName=queue.value)["QueueUrl"] for queue in QueueName}
    template = {
        "Resources": {"Nothing": {"Type": "AWS::SQS::Queue"}},
        "Outputs": {name: {"Value": value} for name, value in outputs(tables, queues, **changed).items()},
    }
    boto3.client("cloudformation").create_stack(StackName="hunar-dev", TemplateBody=json.dumps(template))
    return Stack(tables, queues)


@pytest.fixture
def stack() -> Iterator[Stack]:
    with mock_aws():
        yield create_stack()


def add(*options: str, stdin: Any, code: int = 0) -> Result:
    return hunar("account", "add", "flipkart", "demo", "--stage", "dev", *options, stdin=stdin, code=code)


def test_a_secret_is_kept_under_the_name_that_the_functions_read(stack: Stack) -> None:
    said = add(stdin=GIVEN).stdout
    assert stack.secrets == {"hunar/dev/webhooks/flipkart/demo": STORED}
    assert "is created" in said
    assert "https://api.example/webhooks/flipkart/demo" in said
    assert "--rotate" in said
    assert "does not take" not in said
    assert "first" not in said
    assert "is unchanged" in add(stdin=GIVEN).stdout
    assert "is replaced" in add(stdin={**GIVEN, "secret": "second\n"}).stdout
    assert stack.secrets["hunar/dev/webhooks/flipkart/demo"]["secret"] == "second"


def test_the_functions_prove_with_what_was_kept(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    add(stdin={name: f" {value}\n" for name, value in GIVEN.items()})
    monkeypatch.setenv("SECRET_PREFIX", "hunar/dev/webhooks")
    wiring.application.cache_clear()
    assert wiring.application().secrets.get("flipkart", "demo") == WebhookSecret(**STORED)
    wiring.application.cache_clear()


def test_a_rotation_keeps_the_present_secret_as_the_previous_one(stack: Stack) -> None:
    add(stdin=GIVEN)
    assert "is rotated" in add("--rotate", stdin={"secret": "second"}).stdout
    name = "hunar/dev/webhooks/flipkart/demo"
    assert stack.secrets[name] == {**GIVEN, "secret": "second", "previous_secret": "first"}
    assert "stored already" in one_line(add("--rotate", stdin={"secret": "second"}, code=1))
    both = {"secret": "third", "previous_secret": "x"}
    assert "must be left out" in one_line(add("--rotate", stdin=both, code=1))
    assert stack.secrets[name]["previous_secret"] == "first"


def test_a_secret_that_an_editor_saved_with_a_byte_order_mark_is_taken(stack: Stack) -> None:
    add(stdin=b"\xef\xbb\xbf" + json.dumps(GIVEN).encode())
    assert stack.secrets == {"hunar/dev/webhooks/flipkart/demo": STORED}


def test_the_secret_of_a_marketplace_without_a_webhook_is_refused(stack: Stack) -> None:
    said = one_line(hunar("account", "add", "amazon", "demo", "--stage", "dev", stdin=GIVEN, code=1))
    assert said == "hunar: amazon has no webhook here; known: flipkart, razorpayx, standard"
    assert stack.secrets == {}


def test_a_sender_of_standard_webhooks_has_a_secret_and_nothing_else(stack: Stack) -> None:
    """One that cannot sign is refused now: as a secret it would refuse every message, and nobody would know why."""
    to = ("account", "add", "standard", "shop", "--stage", "dev")
    for wrong in ("first", "whsec_", "whsec_short", {"secret": "whsec_" + "YWFh" * 8, "previous_secret": "first"}):
        given = {"secret": wrong} if isinstance(wrong, str) else wrong
        result = hunar(*to, stdin=given, code=1)
        assert one_line(result) == "hunar: secret is not whsec_ and the base64 text of 24 to 64 bytes"
    assert '{"secret": …}' in one_line(hunar(*to, stdin="", code=1))
    assert stack.secrets == {}
    first, second = "whsec_" + "YWFh" * 8, "whsec_" + "YmJi" * 8
    hunar(*to, stdin={"secret": f"{first}\n"})
    hunar(*to, "--rotate", stdin={"secret": second})
    stored = {"app_id": None, "secret": second, "previous_secret": first, "url": None}
    assert stack.secrets == {"hunar/dev/webhooks/standard/shop": stored}


def test_there_is_nothing_to_rotate_before_there_is_a_secret(stack: Stack) -> None:
    assert "no secret to rotate" in one_line(add("--rotate", stdin={"secret": "second"}, code=1))
    assert stack.secrets == {}


def test_an_account_that_the_stack_does_not_list_is_pointed_at(stack: Stack) -> None:
    said = hunar("account", "add", "flipkart", "second", "--stage", "dev", stdin=GIVEN).stdout
    assert "deploy it with WebhookAccounts=flipkart/demo,flipkart/second" in said
    told = document("account", "add", "flipkart", "second", "--stage", "dev", stdin=GIVEN)
    assert told == {
        "account": "flipkart/second",
        "secret": "unchanged",
        "listed": False,
        "webhook_url": "https://api.example/webhooks/flipkart/second",
    }


WRONG_SECRETS: list[tuple[Any, str]] = [
    ("", "standard input must be JSON"),
    ("[1]", "standard input must be JSON"),
    (json.dumps(GIVEN).encode("utf-16"), "standard input must be JSON in UTF-8"),
    ({**GIVEN, "secret": ""}, "secret is missing or empty"),
    ({**GIVEN, "secret": "  \n"}, "secret is missing or empty"),
    ({**GIVEN, "secret": None}, "secret is not a text"),
    ({**GIVEN, "app_id": 7}, "app_id is not a text"),
    ({**GIVEN, "password": "x"}, "unknown field password"),
    ({"secret": "first", "url": GIVEN["url"]}, "app_id is missing or empty"),
    ({**GIVEN, "url": "http://hunar.example/x"}, "url is not an https address"),
    ({**GIVEN, "url": "ftp://127.0.0.1/x"}, "url is not an https address"),
    ({**GIVEN, "url": "hunar.example"}, "url is not an https address"),
    ({**GIVEN, "url": "https://[oops"}, "url is not an https address"),
]


def test_a_wrong_secret_is_refused_without_being_repeated(stack: Stack) -> None:
    for given, said in WRONG_SECRETS:
        result = add(stdin=given, code=1)
        assert said in one_line(result)
        assert "first" not in result.output
    assert stack.secrets == {}


def test_plain_http_is_for_this_machine_only(stack: Stack) -> None:
    for host in ("127.0.0.1:8080", "localhost:8080", "[::1]:8080"):
        add(stdin={**GIVEN, "url": f"http://{host}/webhooks/flipkart/demo"})


def test_a_name_that_could_leave_its_folder_of_secrets_is_refused(stack: Stack) -> None:
    result = hunar("account", "add", "flipkart", "../other", "--stage", "dev", stdin=GIVEN, code=1)
    assert "is not a name of letters" in one_line(result)


def test_an_import_is_checked_shown_written_and_then_has_nothing_to_do(stack: Stack) -> None:
    planned = hunar("import", str(DEMO), "--dry-run", "--stage", "dev").stdout
    assert "would be written" in planned
    assert stack.registered == 0
    assert stack.messages() == 0
    done = hunar("import", str(DEMO), "--stage", "dev").stdout
    assert "11 counts sent" in done
    assert "30 listings go on" in done
    assert stack.messages() == 11 + 30
    store = DynamoDBStore(boto3.client("dynamodb"), stack.tables)
    assert len(store.page(Table.REGISTRY, "SKU").items) == 11
    again = document("import", str(DEMO), "--stage", "dev")
    # Nobody has counted yet, so the counts are sent again; each counts once.
    assert (again["changes"], again["written"], again["counts"]) == ([], False, 11)
    later = str(DEMO.parent / "demo-later")
    hunar("import", later, "--stage", "dev")
    assert "Nothing changes" in hunar("import", later, "--stage", "dev").stdout


def test_an_import_with_errors_names_them_and_ends_with_1(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "accounts.csv").write_text("marketplace,account\nFlipkart,demo\n")
    (tmp_path / "skus.xlsx").write_bytes(b"PK\x03\x04")
    (tmp_path / "~$skus.xlsx").write_bytes(b"locked")
    (tmp_path / "sku.csv").write_text("sku\n")
    (tmp_path / "notes.txt").write_text("for people")
    result = hunar("import", str(tmp_path), "--stage", "dev", code=1)
    lines = result.stderr.splitlines()
    assert lines[0].startswith("look at skus.xlsx: is a workbook, which is not read; save it as 'CSV UTF-8")
    assert lines[1].startswith("accounts.csv row 2 column marketplace: 'Flipkart' is not a marketplace's name")
    assert lines[2].startswith("sku.csv: is none of the files that are imported")
    assert lines[3:] == ["hunar: 2 errors; nothing was written"]
    told = document("import", str(tmp_path), "--stage", "dev", code=1)
    assert (told["errors"][0]["file"], told["errors"][0]["row"], told["errors"][0]["column"]) == (
        "accounts.csv",
        2,
        "marketplace",
    )
    assert stack.registered == 0


def test_the_workbook_from_which_the_files_were_saved_may_lie_beside_them(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "accounts.csv").write_text("marketplace,account\nflipkart,demo\n")
    (tmp_path / "agency.xlsx").write_bytes(b"PK\x03\x04")
    result = hunar("import", str(tmp_path), "--stage", "dev")
    assert one_line(result).startswith("look at agency.xlsx: is a workbook")
    assert stack.registered == 1
    (tmp_path / "accounts.csv").unlink()
    lines = hunar("import", str(tmp_path), "--stage", "dev", code=1).stderr.splitlines()
    assert lines[0].startswith("agency.xlsx: is a workbook")
    assert lines[1] == "hunar: 1 error; nothing was written"


def test_a_folder_without_any_file_of_ours_is_named(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("for people")
    said = one_line(hunar("import", str(tmp_path), "--stage", "dev", code=1))
    assert said == f"hunar: {tmp_path}: there is no CSV file in the folder"


def test_a_folder_that_is_not_there_is_named(stack: Stack) -> None:
    assert "no-such-folder: No such file" in one_line(hunar("import", "no-such-folder", "--stage", "dev", code=1))


def test_a_demo_agency_does_not_get_into_a_stack_with_real_phones() -> None:
    with mock_aws():
        stack = create_stack(Demo="false")
        told = hunar("import", str(DEMO), "--stage", "dev", code=1).stderr
        assert "agency.csv row 2 column demo: a demo agency cannot be imported here" in told
        assert stack.registered == 0


def test_a_stage_that_nobody_has_is_refused_before_anything_is_done() -> None:
    for command in (["import", str(DEMO)], ["sign", str(SAMPLE)], ["account", "add", "flipkart", "demo"]):
        told = hunar(*command, "--stage", "nope", code=2).stderr
        assert "'nope' is not one of 'local', 'dev', 'staging', 'prod'" in " ".join(told.replace("│", " ").split())


def test_a_stage_without_a_stack_is_one_clear_line() -> None:
    with mock_aws():
        said = one_line(hunar("import", str(DEMO), "--stage", "staging", code=1))
        assert said == "hunar: there is no stack hunar-staging in ap-south-1; deploy it, or name another --stage"
        told = document("import", str(DEMO), "--stage", "staging", code=1)
        assert told["error"].startswith("there is no stack hunar-staging")


def test_without_credentials_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    said = one_line(hunar("sign", str(SAMPLE), "--stage", "prod", code=1))
    assert said == "hunar: no AWS credentials: sign in to the account of hunar-prod, or use --stage local"


def test_a_stack_of_an_older_version_is_said_so() -> None:
    with mock_aws():
        template = {"Resources": {"Nothing": {"Type": "AWS::SQS::Queue"}}}
        boto3.client("cloudformation").create_stack(StackName="hunar-dev", TemplateBody=json.dumps(template))
        assert "has no output" in one_line(hunar("sign", str(SAMPLE), "--stage", "dev", code=1))


def test_a_refusal_of_aws_is_one_line(stack: Stack) -> None:
    add(stdin=GIVEN)
    boto3.client("secretsmanager").delete_secret(SecretId="hunar/dev/webhooks/flipkart/demo")
    said = one_line(add(stdin=GIVEN, code=1))
    assert said.startswith("hunar: AWS refused GetSecretValue: InvalidRequestException: ")


def test_the_secret_of_a_real_stage_is_shown_to_nobody(stack: Stack) -> None:
    add(stdin=GIVEN)
    result = hunar("sign", "--show", "--stage", "dev", code=1)
    assert "for the local stage only" in one_line(result)
    assert "first" not in result.output


# sending again


PAYOUT = '{"kind": "compute_payout", "order_ref": "flipkart:demo:S1", "line_id": "1", "version": 1}'
OBJECT = "aws/lambda/9f3b/shardId-1/2026/11/25/2026-11-25T04.00.00-5a5a"


@pytest.fixture
def dead(stack: Stack) -> Stack:
    """A message of the payouts queue is parked, and a stream gave up one that nobody can read."""
    store = DynamoDBStore(boto3.client("dynamodb"), stack.tables)
    desk = park.Desk(store, "2026-11-25T04:00:00Z", lambda action: action(), {})
    park.park(desk, park.DeadLetter(QueueName.PAYOUTS, "first", PAYOUT, 6))
    location: Any = {"LocationConstraint": "ap-south-1"}
    boto3.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration=location)
    return stack


def given_up(*records: Any) -> None:
    body = json.dumps({"payload": json.dumps({"Records": [{"dynamodb": {"NewImage": image}} for image in records]})})
    boto3.client("s3").put_object(Bucket=BUCKET, Key=OBJECT, Body=body)


def test_a_parked_message_is_sent_to_its_queue_again_in_the_name_of_who_asked(dead: Stack) -> None:
    told = document("redrive", "--stage", "dev", "--queue", "payouts")
    assert [(sent["queue"], sent["order_ref"]) for sent in told["messages"]] == [("payouts", "flipkart:demo:S1")]
    [message] = boto3.client("sqs").receive_message(QueueUrl=dead.queues[QueueName.PAYOUTS])["Messages"]
    assert message["Body"] == PAYOUT
    [kept] = boto3.client("dynamodb").scan(TableName=dead.tables[Table.DELIVERIES])["Items"]
    assert kept["verdict"]["S"] == "REDRIVEN"
    assert kept["redriven_by"]["S"].startswith("arn:aws:")
    assert document("redrive", "--stage", "dev") == {"dry_run": False, "messages": [], "batches": [], "left": []}


def test_a_dry_run_says_what_would_be_sent(dead: Stack) -> None:
    given_up({"outbox": {"S": "effects"}, "effects": {"L": []}})
    said = " ".join(hunar("redrive", "--stage", "dev", "--dry-run").stdout.split())
    assert "payouts" in said
    assert "flipkart:demo:S1" in said
    assert f"{OBJECT}: nothing to send" in said
    assert "1 parked message would be sent again, 1 object of the failure bucket would be passed on." in said
    assert document("redrive", "--stage", "dev", "--dry-run", "--limit", "1")["batches"] == []
    sent = hunar("redrive", "--stage", "dev").stdout
    assert "1 parked message sent again, 1 object of the failure bucket passed on." in " ".join(sent.split())


def test_what_has_to_stay_where_it_is_is_named_and_ends_with_1(dead: Stack) -> None:
    boto3.client("s3").put_object(Bucket=BUCKET, Key=OBJECT, Body=b"torn")
    told = document("redrive", "--stage", "dev", code=1)
    assert [left["what"] for left in told["left"]] == [OBJECT]
    assert len(told["messages"]) == 1
    assert OBJECT in one_line(hunar("redrive", "--stage", "dev", code=1))


def test_a_queue_that_is_not_there_and_a_limit_of_nothing_are_mistyped() -> None:
    hunar("redrive", "--queue", "nope", code=2)
    hunar("redrive", "--limit", "0", code=2)


# signing


def test_the_published_example_is_signed_as_published() -> None:
    secret = WebhookSecret(VECTOR["app_id"], VECTOR["app_secret"], None, VECTOR["url"])
    made = flipkart.sign(b"", secret, parsedate_to_datetime(VECTOR["x_date"]))
    assert (made["X_Date"], made["X_Authorization"]) == (VECTOR["x_date"], VECTOR["x_authorization"])


@pytest.mark.parametrize("zone", [timedelta(0), timedelta(hours=5, minutes=30)])
def test_what_is_signed_is_proved(zone: timedelta) -> None:
    now = datetime(2026, 11, 25, 10, 0, 0, 999_999, tzinfo=timezone(zone))
    made = flipkart.sign(b"", WebhookSecret(**STORED), now)
    assert flipkart.prove(made, b"", WebhookSecret(**STORED), now) is Proof.PROVED


@dataclass
class Webhook:
    """A server that keeps what is posted to it, and plays Secrets Manager at its root."""

    url: str
    answer: int = 200
    secret: str = STORED["secret"]
    seen: list[tuple[str, list[tuple[str, str]], bytes]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if target := self.headers.get("X-Amz-Target"):
                stored = {**STORED, "secret": known.secret, "url": known.url}
                known.asked.append(f"{target} {json.loads(body)['SecretId']} {self.headers['Authorization']}")
                self._reply(200, {"Name": "x", "SecretString": json.dumps(stored)})
            else:
                known.seen.append((self.path, self.headers.items(), body))
                self._reply(known.answer, {"status": "accepted" if known.answer == 200 else "refused"})

        def _reply(self, status: int, content: Any) -> None:
            raw = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, format: str, *args: Any) -> None:
            """The tests' output is for the tests."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        known = Webhook(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield known
        server.shutdown()
        thread.join()


@pytest.fixture
def local(webhook: Webhook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Webhook:
    """A local stack whose description lies in a folder above the one where the command runs."""
    description = {
        "endpoint_url": webhook.url,
        "region": "ap-south-1",
        "stage": "local",
        "stack_name": "hunar-local",
        "outputs": {"SecretPrefix": "hunar/local/webhooks", "ApiUrl": "http://127.0.0.1:1/elsewhere"},
        "sms_url": "http://127.0.0.1:1",
        "public_url": webhook.url,
    }
    (tmp_path / ".local").mkdir()
    (tmp_path / ".local" / "stack.json").write_text(json.dumps(description))
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    # Nothing of the user's own AWS settings may matter here.
    monkeypatch.setenv("AWS_PROFILE", "no-such-profile")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "THE-USERS-OWN-KEY")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    return webhook


def test_the_local_account_is_shown_for_other_programs(local: Webhook) -> None:
    assert document("sign", "--show") == {"account": "demo", **STORED, "url": local.url}
    [asked] = local.asked
    assert "hunar/local/webhooks/flipkart/demo" in asked
    assert "THE-USERS-OWN-KEY" not in asked
    assert "first" in hunar("sign", "--show").stdout


def test_a_message_is_posted_byte_by_byte_with_the_headers_that_flipkart_sends(local: Webhook) -> None:
    told = document("sign", str(SAMPLE))
    assert (told["status"], told["url"]) == (200, f"{local.url}/webhooks/flipkart/demo")
    [(path, sent, body)] = local.seen
    assert path == "/webhooks/flipkart/demo"
    assert body == SAMPLE.read_bytes()
    names = [name for name, _ in sent]
    assert names.count("X_Date") == names.count("X_Authorization") == 1
    secret = WebhookSecret(**{**STORED, "url": local.url})
    assert flipkart.prove(dict(sent), body, secret, datetime.now(UTC)) is Proof.PROVED


def test_a_standard_webhook_is_signed_over_its_bytes(local: Webhook) -> None:
    sample = ROOT / "tests" / "samples" / "standard" / "order_created.json"
    told = hunar("sign", str(sample), "--marketplace", "standard", "--account", "shop", code=1)
    assert "secret is not whsec_" in one_line(told)
    assert "first" not in told.output
    local.secret = "whsec_" + "YWFh" * 8
    told = document("sign", str(sample), "--marketplace", "standard", "--account", "shop")
    assert (told["status"], told["url"]) == (200, f"{local.url}/webhooks/standard/shop")
    [(_, sent, body)] = local.seen
    key = WebhookSecret("", local.secret, None, "")
    assert standard.prove(dict(sent), body, key, datetime.now(UTC)) is Proof.PROVED
    assert "has no webhook here" in one_line(hunar("sign", str(sample), "--marketplace", "meesho", code=1))


def test_another_address_is_posted_to_but_the_registered_one_is_signed(local: Webhook) -> None:
    assert "200 from" in hunar("sign", str(SAMPLE), "--url", f"{local.url}/elsewhere?x=1").stdout
    [(path, sent, body)] = local.seen
    assert path == "/elsewhere?x=1"
    secret = WebhookSecret(**{**STORED, "url": local.url})
    assert flipkart.prove(dict(sent), body, secret, datetime.now(UTC)) is Proof.PROVED


def test_a_refused_message_ends_with_1(local: Webhook) -> None:
    local.answer = 401
    assert document("sign", str(SAMPLE), code=1)["status"] == 401


def test_what_cannot_be_posted_is_one_line(local: Webhook) -> None:
    assert "does not answer" in one_line(hunar("sign", str(SAMPLE), "--url", "http://127.0.0.1:1/x", code=1))
    for url in ("nonsense", "ftp://127.0.0.1/x", "http://127.0.0.1:port/"):
        assert url in one_line(hunar("sign", str(SAMPLE), "--url", url, code=1))
    assert "which message?" in one_line(hunar("sign", code=1))
    assert "no-such-file: No such file" in one_line(hunar("sign", "no-such-file", code=1))


def test_without_a_local_stack_it_says_how_to_start_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(deployed, "_PROJECT", tmp_path)
    said = one_line(hunar("sign", "--show", code=1))
    assert said == "hunar: no local stack is running here; start it with: make run (or name another with --stage)"
    (tmp_path / ".local").mkdir()
    (tmp_path / ".local" / "stack.json").write_text("{}")
    assert "does not describe a local stack" in one_line(hunar("sign", "--show", code=1))


def test_every_command_takes_json_and_stage() -> None:
    for command in (["import"], ["redrive"], ["sign"], ["account", "add"], ["account", "list"]):
        said = CliRunner(env={"COLUMNS": "200"}).invoke(application, [*command, "--help"]).stdout
        assert "--json" in said
        assert "--stage" in said
