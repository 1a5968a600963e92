"""The check itself: it stands alone, computes right, and does not let a wrong stack pass."""

from __future__ import annotations

import ast
import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from local import check, messages
from local.check import Channels, Report, Shelf, Story, play, scripts, summary

ACCOUNT = {
    "account": "flipkart/demo",
    "app_id": "an-app",
    "secret": "a-secret",
    "previous_secret": None,
    "url": "http://127.0.0.1:8080/webhooks/flipkart/demo",
}
CHANNELS = Channels(
    flipkart=ACCOUNT | {"account": "demo-api", "url": "http://127.0.0.1:8080/webhooks/flipkart/demo-api"},
    amazon={"account": "demo-api", "seller_id": "A1", "application_id": "app-1", "subscription_id": "sub-1"},
)


def imported(path: Path) -> set[str]:
    """Top-level names of everything that a module imports, at any depth of its code."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            names |= {
                f"{node.module}.{alias.name}" if node.module == "local" else str(node.module) for alias in node.names
            }
    return names


@pytest.mark.parametrize("module", [check, messages], ids=lambda module: module.__name__)
def test_the_check_imports_nothing_but_the_standard_library_and_its_messages(module: Any) -> None:
    others = {name for name in imported(Path(module.__file__)) if name.partition(".")[0] not in sys.stdlib_module_names}
    assert others <= {"local.messages"}


def test_the_check_loads_nothing_by_name() -> None:
    for module in (check, messages):
        text = Path(module.__file__).read_text("utf-8")
        assert not any(word in text for word in ("importlib", "__import__", "runpy", "exec(", "eval("))


def test_a_shelf_gives_what_it_has_and_counts_the_rest_as_short() -> None:
    shelf = Shelf(on_hand=4, available=3, reserved=1, short=0)
    assert shelf.order(5) == (3, 2)
    assert shelf == Shelf(on_hand=4, available=0, reserved=4, short=2)


def test_a_cancelled_unit_is_free_again_and_one_that_leaves_is_gone() -> None:
    shelf = Shelf(on_hand=10, available=10, reserved=0, short=0)
    shelf.order(3)
    shelf.cancel(1)
    shelf.leave(2)
    assert shelf == Shelf(on_hand=8, available=8, reserved=0, short=0)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("तैयार करें: 2 घोड़ा।", {"hi"}),
        ("তৈরি রাখুন: 2 ব্যাগ।", {"bn"}),
        ("தயார் செய்க: 3 ஊறுகாய்.", {"ta"}),
        ("Get ready: 2 bags", set()),
        ("তৈরি रखें", {"hi", "bn"}),
    ],
)
def test_the_script_of_a_text_is_told_by_its_letters(text: str, found: set[str]) -> None:
    assert scripts(text) == found


def test_every_product_of_the_story_has_a_language() -> None:
    assert {check.LOCALE_OF[product.sku.partition("-")[0]] for product in messages.PRODUCTS} == set(check.SCRIPTS)


@contextmanager
def stack_that_answers(status: int, body: Any) -> Iterator[str]:
    """A stack that says the same to everything."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            raw = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        do_GET = do_POST = do_PUT = answer  # noqa: N815 the server's own names

        def log_message(self, *arguments: Any) -> None:
            """Nothing: the test looks at what the check says."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


YES_TO_ALL = {"status": "accepted", "delivery_id": "d", "items": [], "next": None, "lines": [], "state": "PLACED"}


@pytest.mark.parametrize(
    ("status", "body"), [(500, {"title": "broken"}), (200, YES_TO_ALL), (200, []), (404, {}), (200, {"items": None})]
)
@pytest.mark.parametrize("phase", check.PHASES, ids=lambda phase: phase[0])
def test_no_phase_passes_on_a_stack_that_says_the_same_to_everything(
    status: int,
    body: Any,
    phase: tuple[str, Any],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("PARKED_SECONDS", "SEEN_SECONDS", "CHANNEL_SECONDS", "POLLED_SECONDS"):
        monkeypatch.setattr(check, name, 0.3)
    with stack_that_answers(status, body) as url:
        report = play(url, ACCOUNT, CHANNELS, [phase])
    assert report.failures
    assert "WRONG" in capsys.readouterr().out


def test_a_stack_that_is_not_there_fails_every_phase(capsys: pytest.CaptureFixture[str]) -> None:
    with stack_that_answers(200, {}) as url:
        gone = url
    report = play(gone, ACCOUNT, CHANNELS)
    assert {failure.split(":")[0] for failure in report.failures} >= {name for name, _ in check.PHASES[:-1]}
    assert capsys.readouterr().out.count("WRONG") == len(report.failures)


def test_one_failing_phase_does_not_end_the_story(capsys: pytest.CaptureFixture[str]) -> None:
    def breaks(story: Story) -> None:
        raise check.Wrong("nobody answered")

    def holds(story: Story) -> None:
        story.report.expect("two and two", 4, 2 + 2)

    report = play("http://127.0.0.1:1", ACCOUNT, CHANNELS, [("A", breaks), ("B", holds)])
    assert report.failures == ["A: the story could go on (Wrong: nobody answered)"]
    assert [good for good, *_ in report.rows] == [False, True]
    assert "nobody answered" in capsys.readouterr().out


def test_the_summary_counts_each_phase_and_names_every_failure() -> None:
    report = Report(say=lambda line: None)
    report.begin("Stock")
    report.expect("on hand", 4, 4)
    report.expect("short", 0, 2)
    report.begin("Phones")
    report.that("two parts", True)
    text = summary(report, 12.3)
    table = text.partition("Wrong:")[0].splitlines()
    assert [line.split() for line in table if line.startswith(("  Stock", "  Phones"))] == [
        ["Stock", "2", "1"],
        ["Phones", "1", "0"],
    ]
    assert "Stock: short (expected 0, saw 2)" in text
    assert "The story holds" not in text
    assert "The story holds." in summary(Report(say=lambda line: None), 1)


def test_a_failed_expectation_is_a_failing_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(check, "demo_account", lambda: ACCOUNT)
    monkeypatch.setattr(check, "channels_of_the_demo", lambda: CHANNELS)
    with stack_that_answers(500, {"title": "broken"}) as url:
        assert check.main(["--url", url]) == 1
    assert "Wrong:" in capsys.readouterr().out


def test_a_story_that_holds_is_exit_code_0(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(check, "demo_account", lambda: ACCOUNT)
    monkeypatch.setattr(check, "channels_of_the_demo", lambda: CHANNELS)
    monkeypatch.setattr(check, "PHASES", (("Sums", lambda story: story.report.expect("two and two", 4, 2 + 2)),))
    assert check.main(["--url", "http://127.0.0.1:1"]) == 0
    assert "The story holds." in capsys.readouterr().out


def test_events_of_the_story_follow_each_other_and_lie_in_the_past() -> None:
    story = Story("http://127.0.0.1:1", ACCOUNT, CHANNELS, Report(say=lambda line: None))
    moments = [story.later() for _ in range(50)] + [story.later(30)]
    assert moments == sorted(set(moments))
    assert moments[-1] < datetime.now(UTC)


def test_an_order_of_another_account_is_named_in_full_and_its_lines_as_its_marketplace_names_them() -> None:
    story = Story("http://127.0.0.1:1", ACCOUNT, CHANNELS, Report(say=lambda line: None))
    on_amazon = story.ref_of_channel("amazon", "402-0000000-0000001")
    on_flipkart = story.ref_of_channel("flipkart", "S1")
    assert (on_amazon, on_flipkart) == ("amazon:demo-api:402-0000000-0000001", "flipkart:demo-api:S1")
    assert (story.ref("S1"), story.ref(on_flipkart)) == ("flipkart:demo:S1", on_flipkart)
    assert story.line_id(on_amazon, 2) == messages.amazon_item_id("402-0000000-0000001", 2)
    assert story.line_id(on_flipkart, 1) == story.line_id("S1", 1) == messages.order_item_id("S1", 1)


@pytest.mark.parametrize(
    ("flipkart", "amazon", "holds"), [(3, 3, True), (3, 4, False), (4, 3, False), (4, 4, False), (0, 0, False)]
)
def test_a_channel_that_shows_another_number_than_the_shelf_is_told(
    monkeypatch: pytest.MonkeyPatch, flipkart: int, amazon: int, holds: bool
) -> None:
    monkeypatch.setattr(check, "CHANNEL_SECONDS", 0.2)
    shown = [
        {"marketplace": name, "account": "demo-api", "listing": sku, "quantity": units, "updated_at": None}
        for sku, numbers in {"KLU-CAP": (flipkart, amazon), "OTHER": (9, 9)}.items()
        for name, units in zip(("flipkart", "amazon"), numbers, strict=True)
    ]
    report = Report(say=lambda line: None)
    with stack_that_answers(200, shown) as url:
        story = Story(url, ACCOUNT, CHANNELS, report)
        story.shelves["KLU-CAP"] = Shelf(on_hand=4, available=3, reserved=1, short=0)
        story.expect_channels("KLU-CAP")
    assert (report.failures == []) is holds


def test_what_never_comes_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "SEEN_SECONDS", 0.2)
    story = Story("http://127.0.0.1:1", ACCOUNT, CHANNELS, Report(say=lambda line: None))
    looks = iter([None, None, "there"])
    assert story.soon("it comes", lambda: next(looks))[0] == "there"
    with pytest.raises(check.Wrong, match="it comes: not within 0.2 s"):
        story.soon("it comes", lambda: None)


@pytest.mark.parametrize(
    ("in_flight", "delayed", "claimed", "silent"),
    [(0, 0, 0, True), (1, 0, 0, False), (0, 1, 0, False), (0, 1, 1, True), (1, 0, 1, True), (1, 1, 1, False)],
)
def test_only_a_claim_that_fell_silent_is_not_waited_for(
    in_flight: int, delayed: int, claimed: int, silent: bool
) -> None:
    left = {"visible": 0, "in_flight": in_flight, "delayed": delayed}
    busy = [f"notifications: 0 waiting, {in_flight} in flight, {delayed} delayed"]
    with stack_that_answers(200, {"items": [{"status": "CLAIMED"}] * claimed, "next": None}) as url:
        story = Story(url, ACCOUNT, CHANNELS, Report(say=lambda line: None))
        assert story._silent({"busy": busy, "queues": {"notifications": left}}) is silent


@pytest.mark.parametrize(
    ("paise", "text"), [(5, "0.05"), (-99_999, "-999.99"), (100_000, "1,000.00"), (1_234_567_890, "1,23,45,678.90")]
)
def test_money_is_written_as_india_writes_it(paise: int, text: str) -> None:
    assert check._rupees(paise) == text


@pytest.mark.parametrize(("held", "debt", "holds"), [(500, 20, True), (499, 20, False), (500, -20, False)])
def test_a_group_that_stands_elsewhere_than_its_entries_say_is_told(held: int, debt: int, holds: bool) -> None:
    # One answer to everything: a group that is also the entry of its order.
    item = dict.fromkeys((f"{name}_paise" for name in check.OF_A_GROUP), 0)
    item |= {"group_id": "G01", "kind": "SETTLED", "held_paise": held, "debt_paise": debt}
    postings = [("group_held:G01", -500), ("group_debt:G01", 20), ("marketplace_receivable:flipkart", 480)]
    item["postings"] = [{"account": account, "amount_paise": paise} for account, paise in postings]
    report = Report(say=lambda line: None)
    with stack_that_answers(200, {"items": [item], "next": None}) as url:
        story = Story(url, ACCOUNT, CHANNELS, report)
        story.settled.append({"marketplace": "flipkart", "account": "demo", "rows": [{"order": "S1", "paise": 480}]})
        story.expect_books()
    assert (report.failures == []) is holds
