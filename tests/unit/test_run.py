"""The program behind ``make run``: its port, its folder, its threads and how it stops."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import tomllib
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlencode

import pytest
from aiohttp import web

from local import exotel, gateway, messages, run
from local.stack import PortTaken, StackError

NOW = datetime(2026, 11, 25, 10, 0, tzinfo=UTC)


@pytest.mark.parametrize("text", ["99999", "65536", "-1", "abc", " ", "8080.0", "8_080", "٨٠٨٠", "9" * 5000])
def test_what_is_no_port_is_told_in_one_line(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HUNAR_PORT", text)
        assert run.main([]) == 1
    assert capsys.readouterr() == ("", f"hunar: HUNAR_PORT={text} is not a port (1 to 65535)\n")
    assert run.main(["--port", text]) == 1
    assert capsys.readouterr() == ("", f"hunar: --port {text} is not a port (1 to 65535)\n")


def test_the_port_is_the_option_or_the_variable_or_8080() -> None:
    assert run.port_number("9000", {"HUNAR_PORT": "8081"}) == 9000
    assert run.port_number("0", {"HUNAR_PORT": "8081"}) == 0
    assert run.port_number(None, {"HUNAR_PORT": "8081"}) == 8081
    assert run.port_number(None, {"HUNAR_PORT": ""}) == 8080
    assert run.port_number(None, {}) == 8080
    with pytest.raises(StackError, match="is not a port"):
        run.port_number("", {})


def test_a_taken_port_is_told_in_one_line_before_anything_is_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run, "ROOT", tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert run.main(["--port", str(port)]) == 1
    assert capsys.readouterr() == (
        "",
        f"hunar: port {port} of 127.0.0.1 is taken by another program; stop that or choose another port "
        "(HUNAR_PORT=8081 make run)\n",
    )


def test_a_second_start_from_the_same_folder_says_so_and_not_that_the_port_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run, "ROOT", tmp_path)
    (tmp_path / ".local").mkdir()
    described = tmp_path / ".local" / "stack.json"
    described.write_text("the first one's")
    with (tmp_path / ".local" / "lock").open("w") as lock, socket.create_server(("127.0.0.1", 0)) as taken:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert run.main(["--port", str(taken.getsockname()[1])]) == 1
    assert capsys.readouterr() == ("", f"hunar: another local stack runs from {tmp_path}; stop that first\n")
    assert described.read_text() == "the first one's"


@pytest.mark.parametrize(("arguments", "code"), [([], 0), (["--check"], 130)])
def test_ctrl_c_before_anything_is_started_ends_without_a_word(arguments: list[str], code: int) -> None:
    starter = (
        "import os, runpy, signal, sys\n"
        "class AtTheFirstImport:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.startswith('aiohttp'):\n"
        "            os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, AtTheFirstImport())\n"
        "runpy.run_module('local.run', run_name='__main__', alter_sys=True)\n"
    )
    answer = subprocess.run(
        [sys.executable, "-c", starter, *arguments],
        cwd=Path(gateway.__file__).resolve().parents[1],
        env={**os.environ, "HUNAR_PORT": "no port, so that it would end at once"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (answer.returncode, answer.stdout, answer.stderr) == (code, "", "")


@pytest.mark.parametrize(("arguments", "code"), [(["--port", "0"], 0), (["--port", "0", "--check"], 130)])
def test_a_stack_that_was_stopped_is_no_failure_but_a_check_that_was_stopped_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int
) -> None:
    def is_stopped(listener: socket.socket, *, check: bool) -> int:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(5)
        return 1

    monkeypatch.setattr(run, "ROOT", tmp_path)
    monkeypatch.setattr(run, "run", is_stopped)
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        assert run.main(arguments) == code
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def test_a_reserved_port_turns_visitors_away_until_it_is_served() -> None:
    async def nothing(request: web.Request) -> web.Response:
        return web.Response(text="ready")

    app = web.Application()
    app.add_routes([web.get("/", nothing)])
    with run.reserve(0) as listener, socket.socket() as early, run.Servers() as servers:
        assert early.connect_ex(listener.getsockname()) != 0
        url = servers.open(gateway.runner(app), listener)
        with urllib.request.urlopen(url, timeout=5) as answer:
            assert answer.read() == b"ready"
    with socket.socket() as late:
        assert late.connect_ex(("127.0.0.1", int(url.rpartition(":")[2]))) != 0


def test_a_port_on_which_somebody_listens_cannot_be_reserved() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(PortTaken):
        run.reserve(taken.getsockname()[1])


def test_work_is_done_in_the_main_thread_and_its_errors_go_to_who_asked() -> None:
    main_thread = run.MainThread()
    threads: list[str] = []

    def fails() -> None:
        threads.append(threading.current_thread().name)
        raise LookupError("no such listing")

    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(main_thread.does(fails))
        main_thread.work_until(asked.done)
        with pytest.raises(LookupError, match="no such listing"):
            asked.result()
    assert threads == [threading.current_thread().name]


def test_a_stop_in_the_middle_of_work_lets_nobody_wait() -> None:
    main_thread = run.MainThread()

    def is_stopped() -> None:
        raise run.Stopped

    with ThreadPoolExecutor(2) as pool:
        asked = [pool.submit(main_thread.does(is_stopped)) for _ in range(2)]
        with pytest.raises(run.Stopped):
            main_thread.work_until(lambda: False)
        main_thread.close()
        for future in asked:
            with pytest.raises(RuntimeError, match="being stopped"):
                future.result(5)
        with pytest.raises(RuntimeError, match="being stopped"):
            pool.submit(main_thread.does(is_stopped)).result(5)


def test_the_marketplaces_know_the_demos_accounts_and_listings_and_this_runs_credentials() -> None:
    credentials = run.api_credentials()
    apis = run.marketplace_apis(run.DEMO, credentials)
    shown = apis.channels()
    assert {(entry["marketplace"], entry["account"]) for entry in shown} == {
        ("flipkart", "demo-api"),
        ("amazon", "demo-api"),
    }
    skus = {product.sku for product in messages.PRODUCTS}
    for marketplace in ("flipkart", "amazon"):
        assert {entry["listing"] for entry in shown if entry["marketplace"] == marketplace} == skus
    form = {"grant_type": "refresh_token", **credentials["amazon"]}
    typed = {"Content-Type": "application/x-www-form-urlencoded"}
    given = apis.answer("POST", "/amazon-token/auth/o2/token", typed, urlencode(form).encode())
    assert given.status == 200
    token = {"x-amz-access-token": json.loads(given.body)["access_token"]}
    seller = run.registered(run.DEMO, "amazon", run.API_ACCOUNT)["seller_id"]
    path = f"/amazon/listings/2021-08-01/items/{seller}/KLU-CAP?marketplaceIds={messages.INDIA}"
    assert apis.answer("GET", path, token, b"").status == 200
    place = run.registered(run.DEMO, "flipkart", run.API_ACCOUNT)["location_id"]
    assert place == messages.flipkart_shipment("s", [messages.Item(1, sku="KLU-CAP")], NOW)["locationId"]


def test_each_run_has_credentials_of_its_own() -> None:
    first, second = run.api_credentials(), run.api_credentials()
    for marketplace, fields in first.items():
        assert all(value != second[marketplace][name] for name, value in fields.items())
    assert run.webhook_secret("http://127.0.0.1:8080", "demo-api")["url"] == (
        "http://127.0.0.1:8080/webhooks/flipkart/demo-api"
    )


def test_the_first_account_stays_without_an_api_and_those_with_one_are_deployed_so() -> None:
    settings = tomllib.loads((run.ROOT / "samconfig.toml").read_text())["local"]["deploy"]["parameters"]
    given = dict(one.split("=", 1) for one in settings["parameter_overrides"])
    registered = {f"{row['marketplace']}/{row['account']}" for row in run.rows(run.DEMO / "accounts.csv")}
    taken, asked = (set(given[name].split(",")) for name in ("WebhookAccounts", "ApiAccounts"))
    assert taken | asked == registered
    assert asked == {f"{marketplace}/{run.API_ACCOUNT}" for marketplace in run.api_credentials()}
    assert f"{run.MARKETPLACE}/{run.ACCOUNT}" in taken - asked


def test_the_demos_contacts_are_shown_with_their_groups_and_read_what_their_rows_say() -> None:
    contacts = run.contacts(run.DEMO)
    by_place = {(contact["group_id"], contact["slot"]): contact for contact in contacts}
    assert {contact["slot"] for contact in contacts} == {"leader", "second", "third"}
    assert (by_place["G03", "leader"]["locale"], by_place["G03", "third"]["locale"]) == ("bn", "hi")
    assert by_place["G04", "leader"]["city"] == "Madurai"
    assert len({contact["phone"] for contact in contacts}) == len(contacts)
    groups = run.rows(run.DEMO / "groups.csv")
    assert {(row["quiet"], row["digest_minutes"]) for row in groups} == {("none", "0")}


def test_the_provider_with_the_groups_number_may_post_to_the_local_stack() -> None:
    settings = tomllib.loads((run.ROOT / "samconfig.toml").read_text())["local"]["deploy"]["parameters"]
    given = dict(one.split("=", 1) for one in settings["parameter_overrides"])
    assert given["SmsAccounts"] == f"{exotel.PROVIDER}/{exotel.ACCOUNT}"


def test_the_clocks_of_those_who_send_and_of_those_who_book_are_set_together(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[str, int]] = []

    class Clock:
        def __init__(self, client: object, outputs: dict[str, str], output: str) -> None:
            self._name = outputs[output]

        def set_ahead(self, seconds: int) -> None:
            told.append((self._name, seconds))

    class Deployed:
        client = None
        outputs = {  # noqa: RUF012
            "NotifyGroupFunctionName": "notify",
            "ComputePayoutFunctionName": "payout",
            "ClosePeriodFunctionName": "close",
            "OperatorApiFunctionName": "operate",
        }

    monkeypatch.setattr(run.quiet, "Clock", Clock)
    run.clocks(Deployed())(3600)  # type: ignore[arg-type]
    assert sorted(told) == [(name, 3600) for name in ("close", "notify", "operate", "payout")]


def test_each_groups_account_is_typed_by_one_and_confirmed_by_another(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str, dict[str, object]]] = []

    def ask(behind: object, who: str, method: str, target: str, body: dict[str, object]) -> gateway.Answer:
        asked.append((who, target, body))
        refused = target.startswith("/api/groups/G05") and len(asked) > 10
        return gateway.Answer(409 if refused else 202, [], b'{"version": 1, "detail": "no"}')

    monkeypatch.setattr(run.gateway, "ask", ask)
    run.enter_payees(None, run.PAYEES)  # type: ignore[arg-type]
    groups = {row["group_id"] for row in run.rows(run.DEMO / "groups.csv")}
    assert {target for who, target, _ in asked if who == "maker"} == {f"/api/groups/{g}/beneficiary" for g in groups}
    confirmed = [body for who, target, body in asked if who == "checker" and target.endswith("/beneficiary/confirm")]
    assert len(confirmed) == len(groups) == len(asked) - len(confirmed)
    assert all(body["version"] == 1 and body["looked_up"] for body in confirmed)
    with pytest.raises(StackError, match="was not taken"):
        run.enter_payees(None, run.PAYEES)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("script", "said"), [("echo '{\"proved\": false}'; exit 1", '{"proved": false}'), ("echo gone >&2; exit 2", None)]
)
def test_an_audit_that_finds_faults_is_told_and_one_that_failed_is_an_error(
    script: str, said: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = tmp_path / ".venv" / "bin" / "hunar"
    command.parent.mkdir(parents=True)
    command.write_text(f"#!/bin/sh\n{script}\n")
    command.chmod(0o755)
    monkeypatch.setattr(run, "ROOT", tmp_path)
    if said is None:
        with pytest.raises(RuntimeError, match="hunar ledger audit failed: gone"):
            run.audit()
    else:
        assert run.audit().strip() == said
