"""``hunar close``, ``approve``, ``paid``, ``payouts`` and ``payee`` over HTTP, against the function over moto."""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import boto3
import pytest
from typer.testing import CliRunner, Result

from functions.operator_api import handler as operator_api
from hunar.cli import application as command
from hunar.cli.deployed import Deployed
from hunar.operator_api.routes import ROUTES
from hunar.wiring import Application
from tests.deployed import open_exceptions
from tests.unit.test_payout_handlers import application as application  # noqa: PLC0414  (the fixture)
from tests.unit.test_payout_handlers import prepared, work

NAME = "JAI MAA SWAYAM SAHAYATA SAMUH"


class Gateway(BaseHTTPRequestHandler):
    """The HTTP API: it finds the route, and says who is calling as IAM would."""

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        parts = urlsplit(self.path)
        key, path = route(self.command, parts.path)
        user = self.headers.get("X-Local-User") or self.headers["Authorization"].split("Credential=")[1].split("/")[0]
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        event: dict[str, Any] = {
            "routeKey": key,
            "pathParameters": path,
            "queryStringParameters": dict(parse_qsl(parts.query)),
            "headers": dict(self.headers),
            "requestContext": {"requestId": "r", "authorizer": {"iam": {"userArn": f"arn:aws:iam::1:user/{user}"}}},
            "body": body or None,
        }
        found = operator_api.handle(event, None)
        content = base64.b64decode(found["body"]) if found.get("isBase64Encoded") else found["body"].encode()
        self.send_response(found["statusCode"])
        for name, value in found["headers"].items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *said: Any) -> None:
        """Nothing."""


def route(method: str, path: str) -> tuple[str, dict[str, str]]:
    for key in sorted(ROUTES, key=lambda one: one.count("{")):
        shape = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", key)
        if found := re.fullmatch(shape, f"{method} {path}"):
            return key, {name: unquote(value) for name, value in found.groupdict().items()}
    raise AssertionError(f"{method} {path} is no route")


@pytest.fixture
def stack(application: Application, monkeypatch: pytest.MonkeyPatch) -> Iterator[Application]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Gateway)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    there = Deployed("local", "hunar-local", {}, boto3.Session(), public_url=url)
    in_aws = Deployed("dev", "hunar-dev", {"ApiUrl": url}, boto3.Session(region_name="ap-south-1"))
    monkeypatch.setattr(Deployed, "find", lambda stage: there if stage == "local" else in_aws)
    yield application
    server.shutdown()
    server.server_close()


def hunar(*words: str, typed: str = "") -> Result:
    return CliRunner().invoke(command, list(words), input=typed, env={"COLUMNS": "200"})


def done(*words: str, typed: str = "") -> str:
    result = hunar(*words, typed=typed)
    assert result.exit_code == 0, result.output
    return " ".join(result.stdout.split())


def refused(*words: str, typed: str = "") -> str:
    result = hunar(*words, typed=typed)
    assert result.exit_code == 1, result.output
    return result.stderr.strip().splitlines()[-1]


def with_accounts(stack: Application) -> None:
    prepared(stack)
    for number, group in enumerate(("G11", "G12"), 1):
        done("payee", "propose", group, "--name", NAME, "--ifsc", "SBIN0001234", typed=f"0000000{number}77\n")
        done("payee", "confirm", group, "--version", "1", "--looked-up", NAME)


def test_a_period_goes_from_the_terminal_to_the_bank_and_back(stack: Application, tmp_path: Path) -> None:
    with_accounts(stack)
    assert "XXXX0177" in done("payee", "show", "G11")
    assert "No period was closed yet." in done("payouts", "list")

    batch = json.loads(done("close", "--json"))["batch_id"]
    work(stack)
    assert "2234.49" in done("payouts", "list")
    shown = done("payouts", "show", batch)
    assert "…0177" in shown and "1234.50" in shown
    assert refused("approve", batch, "--as", "maker", typed="y\n").endswith("another person must approve it")
    assert refused("approve", batch, typed="n\n") == "hunar: nothing was approved"
    assert "is approved; its file is HUNR" in done("approve", batch, typed="y\n")
    done("payouts", "withdraw", batch)
    digest = json.loads(done("payouts", "show", batch, "--json"))["digest"]
    done("approve", batch, "--digest", digest)
    assert "no batch waits for the bank" in refused("paid", "--payout", "P", "--utr", "UTR000001")
    assert "nothing was given out" in refused("payouts", "submit", batch, "--to", str(tmp_path / "none"))
    assert json.loads(done("payouts", "show", batch, "--json"))["state"] == "APPROVED"
    done("payouts", "submit", batch, "--to", str(tmp_path))
    [file] = tmp_path.iterdir()
    file.chmod(0o644)
    done("payouts", "submit", batch, "--to", str(tmp_path))
    assert file.stat().st_mode & 0o777 == 0o600, "that nobody else reads the account numbers"

    reverse = tmp_path / "HUNR.R01"
    lines = file.read_text("ascii").splitlines()
    reverse.write_text("".join(f"{line},UTR{n:06},E,\r\n" for n, line in enumerate(lines)), "ascii")
    good = reverse.read_text("ascii")
    for wrong, said in (("UTR000001,X", "row 2 column Transaction Status"), (",E", "row 2: has 8 fields, not 10")):
        reverse.write_text(good.replace("UTR000001,E", wrong) if "X" in wrong else good.replace(",UTR000001,E,", wrong))
        told = refused("paid", str(reverse))
        assert f"HUNR.R01 {said}" in told and "Nothing of the file was entered" in told
    # As a spreadsheet saves it, with its mark in front.
    reverse.write_text(good, "utf-8-sig")
    assert "2 results are being booked" in done("paid", str(reverse))
    work(stack)
    rows = json.loads(done("payouts", "show", batch, "--json"))["rows"]
    assert {row["state"] for row in rows} == {"PAID"}
    one = rows[0]["payout_id"]
    done("paid", "--batch", batch, "--payout", one, "--returned", "ACCOUNT CLOSED")
    work(stack)
    assert "RETURNED" in done("payouts", "show", batch)


def test_what_cannot_be_is_one_line_and_nothing_happens(stack: Application, tmp_path: Path) -> None:
    assert refused("close") == "hunar: nothing is payable to any group"
    with_accounts(stack)
    batch = json.loads(done("close", "--json"))["batch_id"]
    work(stack)
    assert "--digest is needed" in refused("approve", batch, "--json")
    day = ("approve", batch, "--digest", "0" * 64, "--value-date", "15.12.2026")
    assert refused(*day) == "hunar: value_date: is not a day like 2026-12-15"
    assert refused("approve", batch, "--digest", "0").startswith("hunar: digest: is not the 64 digits and letters")
    assert "reason: must not be empty" in refused("payouts", "pull", batch, "--payout", "P", "--reason", " ")
    assert "nothing of this name: NONE" in refused("payouts", "show", "NONE")
    assert "is CLOSED; it cannot be given to the bank. Another person must approve it" in refused(
        "payouts", "submit", batch, "--to", str(tmp_path)
    )
    assert "there is no batch NONE" in refused("payouts", "cancel", "NONE", "--reason", "x")
    assert refused("paid") == "hunar: either the bank's file, or one --payout"
    assert "needs --utr" in refused("paid", "--batch", batch, "--payout", "P")
    assert "No such file" in refused("paid", str(tmp_path / "none"), "--batch", batch)
    (tmp_path / "odd").write_bytes(b"\xff")
    assert "plain text" in refused("paid", str(tmp_path / "odd"), "--batch", batch)
    assert "is no payout" in refused("payouts", "pull", batch, "--payout", "P", "--reason", "x")
    assert "ifsc" in refused("payee", "propose", "G11", "--name", NAME, "--ifsc", "X", "--account", "000000999")


def test_nothing_of_a_batch_is_cut_where_the_terminal_is_narrow(stack: Application) -> None:
    with_accounts(stack)
    batch = json.loads(done("close", "--json"))["batch_id"]
    work(stack)
    header = json.loads(done("payouts", "show", batch, "--json"))
    shown = CliRunner().invoke(command, ["payouts", "show", batch], env={"COLUMNS": "40"}).stdout
    for text in (header["digest"], header["closed_by"], "IN_TRANSIT", *(row["payout_id"] for row in header["rows"])):
        assert text in shown
    payee = CliRunner().invoke(command, ["payee", "show", "G11"], env={"COLUMNS": "40"}).stdout
    assert "looked_up_name" in payee and "{" not in payee


def test_a_batch_is_cancelled_and_an_account_closed_from_the_terminal(stack: Application) -> None:
    with_accounts(stack)
    batch = json.loads(done("close", "--json"))["batch_id"]
    work(stack)
    rows = json.loads(done("payouts", "show", batch, "--json"))["rows"]
    done("payouts", "pull", batch, "--payout", rows[0]["payout_id"], "--reason", "the group asked")
    work(stack)
    assert f"{batch} is cancelled" in done("payouts", "cancel", batch, "--reason", "wrong day")
    assert "is not paid until" in done("payee", "close", "G11", "--reason", "the bank said so")
    assert json.loads(done("payee", "show", "G11", "--json"))["closed_because"] == "the bank said so"


def test_in_aws_a_call_is_signed_by_whoever_gives_the_command(stack: Application) -> None:
    with_accounts(stack)
    batch = json.loads(done("close", "--stage", "dev", "--json"))["batch_id"]
    work(stack)
    made_by = json.loads(done("payouts", "show", batch, "--json"))["made_by"]
    assert made_by == f"user/{boto3.Session().get_credentials().access_key}"


def test_two_persons_correct_and_merge_from_the_terminal(stack: Application, tmp_path: Path) -> None:
    with_accounts(stack)
    batch = json.loads(done("close", "--json"))["batch_id"]
    work(stack)
    done("payouts", "cancel", batch, "--reason", "wrong day")
    work(stack)
    row = json.loads(done("payouts", "show", batch, "--json"))["rows"][0]
    done("paid", "--batch", batch, "--payout", row["payout_id"], "--utr", "SBIN426350000001")
    work(stack)
    [shown] = open_exceptions(stack)
    said = ("payouts", "correct", batch, shown["exception_id"], "--paid", "--reason", "asked the bank")
    assert "another person must say so too" in done(*said)
    assert "another person must say so too" in done(*said)
    assert "it is being booked" in done(*said, "--as", "checker")
    work(stack)
    assert "is closed since" in refused(*said)

    joins = ("payouts", "merge", "G11", "--into", "G12", "--minutes", "book 3, page 5")
    assert "another person must say so too" in done(*joins)
    assert "what G11 has goes on to G12" in done(*joins, "--as", "checker")

    Deployed.find("local").__dict__["store"] = stack.store
    file = tmp_path / "ifsc.csv"
    assert "No such file" in refused("payee", "branches", str(file))
    file.write_text("BANK,IFSC\nState Bank,SBIN0005678\n")
    assert "1 branches are known." in done("payee", "branches", str(file))
    assert json.loads(done("payee", "branches", str(file), "--json")) == {"branches": 1}
    typed = ("payee", "propose", "G11", "--name", NAME, "--ifsc", "SBIN0001234")
    assert "SBIN0001234 is not in the list" in refused(*typed, typed="00000009977\n")
