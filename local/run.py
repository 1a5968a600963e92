"""``make run``: the deployed stack on this machine, the demo agency in it, and one port that opens when all is ready.

The main thread builds, deploys and waits; the servers (the fake SMS service, the marketplaces' fake APIs,
the gateway) run in a thread of their own. Whatever ends the main thread, Ctrl-C and SIGTERM too, stops everything.
"""

from __future__ import annotations

import os
import signal
import sys

if __name__ == "__main__":
    # The imports below take a second. Ctrl-C in that second finds nothing to stop, and no traceback is of use.
    signal.signal(signal.SIGINT, lambda number, frame: os._exit(130 if "--check" in sys.argv else 0))

import argparse
import asyncio
import base64
import contextlib
import csv
import json
import queue
import re
import secrets
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType, TracebackType
from typing import Any, Final, NoReturn

from aiohttp import web
from botocore.exceptions import BotoCoreError, ClientError

from local import exotel, gateway, quiet
from local.marketplace_apis import Amazon, Flipkart, MarketplaceApis, marketplace_service
from local.phones import Phones, sms_service
from local.stack import HOST, REGION, PortTaken, Stack, StackError

ROOT: Final = Path(__file__).resolve().parents[1]
DEMO: Final = ROOT / "local" / "demo"
PAYEES: Final = ROOT / "local" / "demo-payees.csv"
LATER: Final = ROOT / "local" / "demo-later"
SMS_TEXTS: Final = ROOT / "layers" / "common" / "hunar" / "sms_templates"

MARKETPLACE: Final = "flipkart"
ACCOUNT: Final = "demo"
API_ACCOUNT: Final = "demo-api"
"""The account whose marketplace can be asked, at Flipkart and at Amazon. The other one has no API."""
DEFAULT_PORT: Final = 8080
QUIET_SECONDS: Final = 120
COMMAND_SECONDS: Final = 300


class Stopped(BaseException):
    """Somebody asked this program to end."""


class Servers:
    """HTTP servers on loopback, in one event loop in one thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="servers", daemon=True)
        self._runners: list[web.AppRunner] = []

    def __enter__(self) -> Servers:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for runner in reversed(self._runners):
            self._do(runner.cleanup())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def open(self, runner: web.AppRunner, listener: socket.socket) -> str:
        """Serves on a bound socket; returns the address. OSError if the port was taken in the meantime."""
        self._runners.append(runner)
        self._do(self._start(runner, listener))
        host, port = listener.getsockname()
        return f"http://{host}:{port}"

    async def _start(self, runner: web.AppRunner, listener: socket.socket) -> None:
        await runner.setup()
        await web.SockSite(runner, listener).start()

    def _do(self, doing: Any) -> None:
        asyncio.run_coroutine_threadsafe(doing, self._loop).result(30)


class MainThread:
    """Work that the servers leave to the main thread: there a signal interrupts it and ends its processes too."""

    def __init__(self) -> None:
        self._jobs: queue.Queue[tuple[Callable[[], Any], Future[Any]]] = queue.Queue()
        self._closed = False

    def does(self, work: Callable[[], Any]) -> Callable[[], Any]:
        """The same work, to be called from any other thread."""

        def hand_over() -> Any:
            done: Future[Any] = Future()
            self._jobs.put((work, done))
            if self._closed:
                self.close()
            return done.result()

        return hand_over

    def work_until(self, ended: Callable[[], bool]) -> None:
        """Does what is handed over until ``ended``."""
        while not ended():
            try:
                work, done = self._jobs.get(timeout=0.2)
            except queue.Empty:
                continue
            try:
                done.set_result(work())
            except Exception as error:  # it belongs to who asked
                done.set_exception(error)
            except BaseException:
                done.set_exception(RuntimeError("the local stack is being stopped"))
                raise

    def close(self) -> None:
        """Nobody waits for work that will not be done."""
        self._closed = True
        while True:
            try:
                _, done = self._jobs.get_nowait()
            except queue.Empty:
                return
            done.set_exception(RuntimeError("the local stack is being stopped"))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="make run", description="The local stack, at http://127.0.0.1:8080.")
    parser.add_argument("--check", action="store_true", help="play the story over HTTP, then stop; the exit code tells")
    parser.add_argument("--port", help=f"0 is any free one; without it HUNAR_PORT, without that {DEFAULT_PORT}")
    options = parser.parse_args(arguments)
    try:
        wanted = port_number(options.port, os.environ)
        first_of_folder(ROOT)
        listener = reserve(wanted)
    except PortTaken as error:
        print(f"hunar: {error} (HUNAR_PORT=8081 make run)", file=sys.stderr)
        return 1
    except (StackError, OSError) as error:
        print(f"hunar: {error}", file=sys.stderr)
        return 1
    try:
        _stop_on_signals()
        with listener:
            return run(listener, check=options.check)
    except Stopped:
        say("stopped")
        # A story that was not played to its end has proved nothing; a stack that was stopped has done what it should.
        return 130 if options.check else 0
    except (StackError, OSError) as error:
        print(f"hunar: {error}", file=sys.stderr)
        return 1
    finally:
        _ignore_signals()


def port_number(option: str | None, environment: Mapping[str, str]) -> int:
    """The port to serve: the option, else HUNAR_PORT, else DEFAULT_PORT; 0 is any free one. StackError for no port."""
    text = environment.get("HUNAR_PORT") or str(DEFAULT_PORT) if option is None else option
    if not re.fullmatch("[0-9]{1,5}", text) or int(text) > 65535:
        said = f"HUNAR_PORT={text}" if option is None else f"--port {text}"
        raise StackError(f"{said} is not a port (1 to 65535)")
    return int(text)


def first_of_folder(root: Path) -> None:
    """StackError if a stack runs from this folder: that says more than the port, which that one has taken too."""
    with Stack(root, say=say, sms_url="", public_url="") as probe:
        probe._take_folder()


def reserve(port: int) -> socket.socket:
    """The port, bound but not listening: nobody else gets it, and visitors are turned away until all is ready.

    PortTaken, or StackError if this user may not have it.
    """
    listener = socket.socket()
    try:
        if port:
            with socket.socket() as visitor:
                if visitor.connect_ex((HOST, port)) == 0:
                    raise PortTaken(port)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
    except PermissionError:
        listener.close()
        raise StackError(f"port {port} of {HOST} is kept for the administrator; choose another port") from None
    except OSError:
        listener.close()
        raise PortTaken(port) from None
    except StackError:
        listener.close()
        raise
    return listener


def run(listener: socket.socket, *, check: bool) -> int:
    """Everything from the build to the open port, and until the end. Returns the exit code."""
    began = time.monotonic()
    url = f"http://{HOST}:{listener.getsockname()[1]}"
    phones = Phones()
    agency = rows(DEMO / "agency.csv")[0]
    phones.register_files(agency["dlt_entity_id"], agency["sender_id"], DEMO / "dlt_templates.csv", SMS_TEXTS)
    credentials = api_credentials()
    marketplaces = marketplace_apis(DEMO, credentials)
    main_thread = MainThread()
    with Servers() as servers:
        sms_url = servers.open(web.AppRunner(sms_service(phones), access_log=None), reserve(0))
        apis_url = servers.open(web.AppRunner(marketplace_service(marketplaces), access_log=None), reserve(0))
        with Stack(ROOT, say=say, sms_url=sms_url, public_url=url, marketplaces_url=apis_url) as stack:
            try:
                sms_token = secrets.token_urlsafe(24)
                account, api_account = prepare(stack, url, credentials, sms_token)
                phones.tell = receipts_teller(stack)
                observer = quiet.Observer(stack.client, stack.outputs, phones.receipts_on_their_way)
                sweep = quiet.Sweep(stack.client, stack.outputs)
                await_quiet(observer)
                stack.warm()
                behind = gateway.Behind(
                    endpoint_url=stack.endpoint_url,
                    api_id=gateway.api_id(stack.outputs["ApiUrl"]),
                    region=REGION,
                    phones=phones,
                    account=account,
                    quiet=lambda seconds: quiet.wait(observer.look, seconds, sweep=sweep.run),
                    functions=lambda: quiet.runs(stack.client, stack.outputs),
                    map_listing=main_thread.does(lambda: hunar("import", str(LATER))),
                    redeploy=main_thread.does(lambda: redeploy(stack)),
                    dead_letter=lambda queue, text: dead_letter(stack, queue, text),
                    redrive=main_thread.does(lambda: hunar("redrive", "--json")),
                    sweep=sweep.run,
                    channels=marketplaces,
                    api_account=api_account,
                    seller=registered(DEMO, "amazon", API_ACCOUNT),
                    notify_amazon=amazon_notifier(stack),
                    catch_up=quiet.Function(stack.client, stack.outputs, "CatchUpOrdersFunctionName").run,
                    publish=quiet.Function(stack.client, stack.outputs, "PublishStockFunctionName").run,
                    sms_token=sms_token,
                    import_files=lambda files: main_thread.does(partial(import_files, files))(),
                    set_clock=clocks(stack),
                    prove=quiet.Function(stack.client, stack.outputs, "ProveLedgerFunctionName").run,
                    audit=main_thread.does(audit),
                    contacts=contacts(DEMO),
                )
                with _Timed("entering where the groups are paid"):
                    enter_payees(behind, PAYEES)
                servers.open(gateway.runner(gateway.application(behind)), listener)
                say(f"ready after {time.monotonic() - began:.0f} s")
                if check:
                    return play(url, main_thread)
                print(f"\n  Hunar runs at {url}   Ctrl-C stops it\n", flush=True)
                main_thread.work_until(lambda: False)
                return 0
            finally:
                _ignore_signals()
                main_thread.close()


def prepare(
    stack: Stack, url: str, credentials: Mapping[str, Mapping[str, str]], sms_token: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The deployed stack with the demo agency in it. ``sms_token`` is what the provider with the groups' number knows.

    Returns the webhook secrets of this run: of the Flipkart account without an API, and of the one that has one.
    """
    stack.build()
    stack.start()
    stack.deploy()
    stack.write_description()
    accounts = [webhook_secret(url, name) for name in (ACCOUNT, API_ACCOUNT)]
    standard = {"secret": f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"}
    stored: list[tuple[tuple[str, ...], Mapping[str, Any]]] = [
        *((("add", MARKETPLACE, name), one) for name, one in zip((ACCOUNT, API_ACCOUNT), accounts, strict=True)),
        (("add", "standard", ACCOUNT), standard),
        *((("credentials", marketplace, API_ACCOUNT), one) for marketplace, one in credentials.items()),
    ]
    with _Timed("seeding the demo agency"):
        sms_secret = f"{stack.outputs['SmsSecretPrefix']}/{exotel.PROVIDER}/{exotel.ACCOUNT}"
        stack.client("secretsmanager").create_secret(
            Name=sms_secret, SecretString=json.dumps({"webhook_token": sms_token})
        )
        # Before the import: the shelves that it fills are told to the channels at once.
        with ThreadPoolExecutor(len(stored)) as pool:
            for done in [pool.submit(hunar, "account", *words, stdin=json.dumps(one)) for words, one in stored]:
                done.result()
        hunar("import", str(DEMO))
    return accounts[0], accounts[1]


def enter_payees(behind: gateway.Behind, file: Path) -> None:
    """Each group's bank account: the maker types it, the checker has looked its name up and confirms it.

    A group's first account has no cooling-off, so they can be paid at once. StackError with what the API refused.
    """

    def enter(row: Mapping[str, str]) -> None:
        path = f"/api/groups/{row['group_id']}/beneficiary"
        typed = {name: row[name] for name in ("name", "account", "ifsc", "account_type")}
        said = _entered(gateway.ask(behind, "maker", "POST", path, typed))
        confirmed = {"version": said["version"], "looked_up": row["name"]}
        _entered(gateway.ask(behind, "checker", "POST", f"{path}/confirm", confirmed))

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(enter, row) for row in rows(file)]:
            done.result()


def _entered(answer: gateway.Answer) -> dict[str, Any]:
    if answer.status != 202:
        raise StackError(f"a group's bank account was not taken: {answer.body.decode(errors='replace')}")
    said: dict[str, Any] = json.loads(answer.body)
    return said


def webhook_secret(url: str, account: str) -> dict[str, Any]:
    """What Flipkart signs with in this run."""
    return {
        "app_id": f"hunar-local-{secrets.token_hex(6)}",
        "secret": secrets.token_hex(24),
        "previous_secret": None,
        "url": f"{url}/webhooks/{MARKETPLACE}/{account}",
    }


def api_credentials() -> dict[str, dict[str, str]]:
    """What the marketplaces' APIs are called with in this run. They open nothing anywhere else."""
    return {
        "flipkart": {"client_id": f"local-{secrets.token_hex(6)}", "client_secret": secrets.token_hex(24)},
        "amazon": {
            "client_id": f"amzn1.application-oa2-client.local-{secrets.token_hex(6)}",
            "client_secret": secrets.token_hex(24),
            "refresh_token": f"Atzr|local-{secrets.token_hex(24)}",
        },
    }


def marketplace_apis(folder: Path, credentials: Mapping[str, Mapping[str, str]]) -> MarketplaceApis:
    """Both marketplaces, with the accounts and listings of the registry files."""
    listings = [row for row in rows(folder / "listings.csv") if row["account"] == API_ACCOUNT]
    at_flipkart, at_amazon = credentials["flipkart"], credentials["amazon"]
    flipkart = Flipkart(
        API_ACCOUNT,
        client_id=at_flipkart["client_id"],
        client_secret=at_flipkart["client_secret"],
        location_id=registered(folder, "flipkart", API_ACCOUNT)["location_id"],
        listings={row["listing"]: row["product_id"] for row in listings if row["marketplace"] == "flipkart"},
    )
    amazon = Amazon(
        API_ACCOUNT,
        client_id=at_amazon["client_id"],
        client_secret=at_amazon["client_secret"],
        refresh_token=at_amazon["refresh_token"],
        seller_id=registered(folder, "amazon", API_ACCOUNT)["seller_id"],
        listings={row["listing"]: row["product_type"] for row in listings if row["marketplace"] == "amazon"},
    )
    return MarketplaceApis(flipkart, amazon)


def registered(folder: Path, marketplace: str, account: str) -> Mapping[str, str]:
    """An account of the registry files."""
    return next(
        row for row in rows(folder / "accounts.csv") if (row["marketplace"], row["account"]) == (marketplace, account)
    )


def clocks(stack: Stack) -> Callable[[int], None]:
    """Sets the clocks of the functions that do what is due later: those that send texts, book and pay money, and of the
    operators' API, which says when an account was changed and when a bank's answer came."""
    names = tuple(f"{name}FunctionName" for name in ("NotifyGroup", "ComputePayout", "ClosePeriod", "OperatorApi"))
    known = [quiet.Clock(stack.client, stack.outputs, name) for name in names]

    def set_ahead(seconds: int) -> None:
        with ThreadPoolExecutor(len(known)) as pool:
            for done in [pool.submit(clock.set_ahead, seconds) for clock in known]:
                done.result()

    return set_ahead


def amazon_notifier(stack: Stack) -> Callable[[str], object]:
    """What Amazon does when something happens to an order: it sends a text to our queue."""
    return partial(_send, stack.client("sqs"), stack.outputs["AmazonNotificationsQueueUrl"])


def receipts_teller(stack: Stack) -> Callable[[str], object]:
    """What the SMS service does with an event: it gives it to a topic, which puts it on our queue as it is."""
    return partial(_send_while_there, stack.client("sqs"), stack.outputs["SmsReceiptsQueueUrl"])


def _send_while_there(sqs: Any, url: str, text: str) -> None:
    # Ctrl-C ends the emulator before the servers: what is told then has nobody to hear it.
    with contextlib.suppress(BotoCoreError, ClientError):
        _send(sqs, url, text)


def _send(sqs: Any, url: str, text: str) -> None:
    sqs.send_message(QueueUrl=url, MessageBody=text)


def redeploy(stack: Stack) -> None:
    """A second real deployment. Each package gets a file more, so that the code of every function is replaced.

    Without a difference ``sam deploy`` would find nothing to do, and nothing would be shown by it.
    """
    stack.build()
    packages = [folder for folder in (stack.home / "build").iterdir() if folder.is_dir()]
    marks = [folder / "deployed_again" for folder in packages]
    try:
        for mark in marks:
            mark.write_text(f"{time.time_ns()}\n")
        stack.deploy()
    finally:
        for mark in marks:
            mark.unlink(missing_ok=True)


def dead_letter(stack: Stack, queue: str, text: str) -> None:
    """Puts a text into the dead letters of a queue. KeyError for a queue that is none of ours."""
    output = quiet.QUEUES[queue].replace("Queue", "DeadLetterQueue")
    stack.client("sqs").send_message(QueueUrl=stack.outputs[output], MessageBody=text)


def await_quiet(observer: quiet.Observer) -> None:
    """Waits until the seeds have gone through. StackError with what is still busy."""
    with _Timed("the seeds go through the queues"):
        verdict = quiet.wait(observer.look, QUIET_SECONDS)
    if not verdict.quiet:
        raise StackError(f"the stack is not quiet {QUIET_SECONDS} s after seeding: {'; '.join(verdict.busy)}")


def play(url: str, main_thread: MainThread) -> int:
    """The story as a program of its own, which knows the stack by its address only."""
    command = [sys.executable, "-m", "local.check", "--url", url]
    story = subprocess.Popen(command, cwd=ROOT, start_new_session=True)
    try:
        main_thread.work_until(lambda: story.poll() is not None)
        return story.returncode
    finally:
        # Before the stack goes, and with the commands that it has started: nobody shall ask what is no longer there.
        if story.poll() is None:
            os.killpg(story.pid, signal.SIGKILL)
            story.wait()


def hunar(*arguments: str, stdin: str = "") -> str:
    """Runs the real command and returns what it said. StackError with its words if it fails."""
    command = [str(ROOT / ".venv" / "bin" / "hunar"), *arguments]
    answer = subprocess.run(
        command, cwd=ROOT, input=stdin, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False
    )
    if answer.returncode:
        raise StackError(f"hunar {' '.join(arguments)} failed:\n{answer.stdout}{answer.stderr}".rstrip())
    return answer.stdout


def audit() -> str:
    """What ``hunar ledger audit`` says of the books, also when they are not as they must be. RuntimeError else."""
    command = [str(ROOT / ".venv" / "bin" / "hunar"), "ledger", "audit", "--json"]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False)
    if not answer.stdout.startswith("{"):
        raise RuntimeError(f"hunar ledger audit failed: {answer.stderr.strip()}")
    return answer.stdout


def import_files(files: Mapping[str, str]) -> str:
    """Runs the real import over registry files, text by name; returns what the command said."""
    with TemporaryDirectory(dir=ROOT / ".local") as folder:
        for name, text in files.items():
            (Path(folder) / name).write_text(text, encoding="utf-8")
        return hunar("import", folder)


def contacts(folder: Path) -> list[dict[str, str]]:
    """The contacts of the registry files with their groups, for the page. A contact may read another language."""
    of_group = {row["group_id"]: row for row in rows(folder / "groups.csv")}
    return [
        {
            **{name: of_group[row["group_id"]][name] for name in ("group_id", "name", "city")},
            "slot": row["slot"],
            "contact": row["name"],
            "locale": row.get("locale") or of_group[row["group_id"]]["locale"],
            "phone": row["phone"],
        }
        for row in rows(folder / "contacts.csv")
    ]


def rows(path: Path) -> list[Mapping[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def say(line: str) -> None:
    print(f"  {line}", flush=True)


class _Timed:
    """Says what was done, and in how many seconds."""

    def __init__(self, doing: str) -> None:
        self._doing = doing

    def __enter__(self) -> None:
        self._began = time.monotonic()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if error is None:
            say(f"{self._doing} … {time.monotonic() - self._began:.0f} s")


def _stop_on_signals() -> None:
    def stop(number: int, frame: FrameType | None) -> NoReturn:
        raise Stopped

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)


def _ignore_signals() -> None:
    """While all is being stopped, a second Ctrl-C must not leave half of it behind."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


if __name__ == "__main__":
    sys.exit(main())
